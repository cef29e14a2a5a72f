import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Clock, MailTransaction, ValueOf } from "@postern/contracts";
import { parseEndpoint, type Endpoint } from "@postern/lookup";
import { parseHeader } from "@postern/message";
import { createFakeClock, serveHttp, serveRaw, testSession, testTls, type TestServer } from "@postern/testing";
import { rspamd } from "./rspamd.ts";
import { duringTime, scanOf, show, testMail, recipientOf, testServices, testVisit } from "./test/scanners.ts";

type Values = ValueOf<typeof rspamd.settings>;
const MESSAGE = "From: <ann@example.net>\r\nSubject: x\r\n\r\nbody\r\n";

function endpoints(...urls: string[]): readonly Endpoint[] {
  return urls.map((url) => {
    const parsed = parseEndpoint(url);
    if ("problem" in parsed) throw new Error(parsed.problem);
    return parsed.value;
  });
}

function built(url: readonly Endpoint[], values: Partial<Values> = {}, clock?: Clock) {
  const services = testServices(clock);
  const settings: Values = {
    url,
    passwordFile: undefined,
    tls: { ca: undefined, verify: true },
    allowPlaintext: false,
    timeout: 5000,
    atOnce: 4,
    maxSize: 1024 * 1024,
    onFailure: "defer",
    onLarge: "accept",
    follow: ["reject", "defer", "mark", "subject", "headers"],
    ...values,
  };
  return { filter: rspamd.build(settings, services), services };
}

interface Seen {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

/** An rspamd that says what it is told. */
async function server(t: ExecutionContext, answer: unknown, seen: Seen[] = []): Promise<TestServer> {
  const http = await serveHttp((request, response) => void answerWith(request, response));
  async function answerWith(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    seen.push({ request, body: Buffer.concat(chunks) });
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
  }
  t.teardown(() => http.stop());
  return http;
}

async function judged(t: ExecutionContext, answer: unknown, values: Partial<Values> = {}, mail: MailTransaction = testMail()) {
  const http = await server(t, answer);
  const { filter, services } = built(endpoints(http.origin), values);
  return { verdict: await show(scanOf(filter, mail), MESSAGE), mail, services };
}

test("without a URL it is off", (t) => {
  t.is(built([]).filter, undefined);
});

test("rspamd is told of client and envelope, and sees every byte of the message", async (t) => {
  const seen: Seen[] = [];
  const http = await server(t, { action: "no action", score: -0.5 }, seen);
  const { filter } = built(endpoints(http.origin));
  const visit = testVisit({ hello: "client\r\nX: 1", hostName: "jörg.example" });
  const sender = { address: "jörg@example.net", parameters: new Map() };
  const mail = testMail({ visit, sender, recipients: ["b@example.com", "c@example.com"].map(recipientOf) });
  const large = Buffer.alloc(500_000, "abc\r\n");
  t.is(await show(scanOf(filter, mail), MESSAGE), undefined);
  t.is(await show(scanOf(filter, mail), large), undefined);
  const { method, url, headersDistinct } = seen[0]!.request;
  t.deepEqual([method, url], ["POST", "/checkv2"]);
  const utf8 = (name: string) => headersDistinct[name]?.map((value) => Buffer.from(value, "latin1").toString());
  t.deepEqual(utf8("ip"), ["192.0.2.7"]);
  t.deepEqual(utf8("helo"), ["client  X: 1"]);
  t.deepEqual(utf8("hostname"), ["jörg.example"]);
  t.deepEqual(utf8("from"), ["<jörg@example.net>"]);
  t.deepEqual(utf8("rcpt"), ["<b@example.com>", "<c@example.com>"]);
  t.deepEqual(utf8("queue-id"), ["m1"]);
  t.deepEqual(utf8("mta-name"), ["mx.example.com"]);
  t.is(utf8("x"), undefined);
  t.is(utf8("tls-version"), undefined);
  t.is(seen[0]?.body.toString(), MESSAGE);
  t.true(seen[1]?.body.equals(large));
});

test("the null sender, TLS and the password are told", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "rspamd-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, "q1-secret\n");
  const seen: Seen[] = [];
  const http = await server(t, { action: "no action", score: 0 }, seen);
  const { filter, services } = built(endpoints(http.origin), { passwordFile });
  const visit = testVisit({ session: testSession({ tls: testTls() }) });
  await show(scanOf(filter, testMail({ visit, sender: { address: "", parameters: new Map() } })), MESSAGE);
  const { headers } = seen[0]!.request;
  t.like(headers, {
    from: "<>",
    "tls-version": "TLSv1.3",
    "tls-cipher": "TLS_AES_256_GCM_SHA384",
    password: "q1-secret",
  });
  t.false(services.logger.text().includes("q1-secret"));
  t.throws(() => built(endpoints("http://192.0.2.1:11333"), { passwordFile }), { message: /^url: .*in clear/ });
  await writeFile(passwordFile, "\n");
  t.throws(() => built(endpoints(http.origin), { passwordFile }), { message: /^passwordFile: / });
});

test("reject is refused with its own words, cleaned", async (t) => {
  const messages = { smtp_message: "Gtube\r\n250 pattern\0" };
  const { verdict, mail } = await judged(t, { action: "reject", score: 15, messages, symbols: { GTUBE: { score: 15 } } });
  t.deepEqual(verdict, { action: "stop", reply: { code: 554, status: "5.7.1", lines: ["Gtube  250 pattern"] } });
  t.deepEqual(mail.findings, [{ symbol: "RSPAMD", score: 15, text: "reject; GTUBE(15)" }]);
});

for (const [action, code] of [
  ["discard", 554],
  ["quarantine", 554],
  ["soft reject", 451],
  ["greylist", 451],
] as const) {
  test(`${action} is answered with ${code}, since nothing is thrown away or kept here`, async (t) => {
    t.like((await judged(t, { action, score: 5 })).verdict, { action: "stop", reply: { code } });
    const { verdict, mail } = await judged(t, { action, score: 5 }, { follow: [] });
    t.is(verdict, undefined);
    t.is(mail.findings[0]?.score, 5);
  });
}

test("add header marks the message; rewrite subject replaces the subject", async (t) => {
  const marked = await judged(t, { action: "add header", score: 7 });
  t.deepEqual(marked.mail.edits, [{ do: "prepend", name: "X-Spam", value: "Yes" }]);
  const rewritten = await judged(t, { action: "rewrite subject", score: 7, subject: "[SPAM]\r\n\r\nHello" });
  t.deepEqual(rewritten.mail.edits, [{ do: "replace", name: "Subject", nth: 1, value: "[SPAM] Hello" }]);
  const neither = await judged(t, { action: "add header", score: 7 }, { follow: ["reject"] });
  t.deepEqual(neither.mail.edits, []);
});

test("a stranger's X-Spam is taken out where it is ours to write", (t) => {
  const header = "X-Spam: No\r\n";
  for (const [follow, edits] of [
    [["mark"], [{ do: "remove", name: "X-Spam" }]],
    [["reject"], []],
  ] as const) {
    const mail = testMail({}, header);
    void built(endpoints("http://127.0.0.1:1"), { follow }).filter?.header?.(mail, parseHeader(Buffer.from(header)));
    t.deepEqual(mail.edits, [...edits]);
  }
});

test("header changes are made, in every form in which rspamd writes them", async (t) => {
  const milter = {
    add_headers: {
      "X-One": "1",
      "X-Two": { value: "a\n\tb\r\nX-Evil: 1", order: 0 },
      "X-More": [{ value: "1", order: -1 }, "2"],
      "Bad name": "x",
      "X-Number": 7,
    },
    remove_headers: { "X-Spam": 0, Received: -1, "X-Gone": 0, Bad: "x", To: 9, Cc: [1, 2] },
  };
  const header = "Received: a\r\nReceived: b\r\nX-Spam: Yes\r\nTo: x\r\nCc: 1\r\nCc: 2\r\n";
  const { mail } = await judged(t, { action: "no action", score: 0, milter }, {}, testMail({}, header));
  t.deepEqual(mail.edits, [
    { do: "remove", name: "X-Spam" },
    { do: "remove", name: "Received", nth: 2 },
    { do: "remove", name: "Cc", nth: 1 },
    { do: "remove", name: "Cc", nth: 2 },
    { do: "append", name: "X-One", value: "1" },
    { do: "prepend", name: "X-Two", value: "a b X-Evil: 1" },
    { do: "append", name: "X-More", value: "1" },
    { do: "append", name: "X-More", value: "2" },
  ]);
});

test("no more than twenty symbols are named, the weightiest ones", async (t) => {
  const symbols = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`S${i}`, { score: i - 250 }]));
  const { mail } = await judged(t, { action: "no action", score: 1, symbols });
  const text = mail.findings[0]?.text ?? "";
  t.is(text.split(" ").length, 2 + 20);
  t.true(text.includes("S0(-250) S1(-249) S499(249)"));
});

test("holds the message while it may change it, and not where it only refuses", (t) => {
  const url = endpoints("http://127.0.0.1:1");
  t.true(scanOf(built(url).filter, testMail()).holds);
  t.false(scanOf(built(url, { follow: ["reject", "defer"] }).filter, testMail()).holds);
});

const NONSENSE: Readonly<Record<string, string>> = {
  "no JSON": "<html>",
  "no object": "[1]",
  "no action": '{"score":1}',
  "a score that is none": '{"action":"reject","score":"15"}',
  "too long an answer": JSON.stringify({ action: "no action", score: 1, x: "x".repeat(2 ** 20) }),
};

for (const [what, answer] of Object.entries(NONSENSE)) {
  test(`nonsense defers or accepts, and is logged: ${what}`, async (t) => {
    const deferred = await judged(t, answer);
    t.like(deferred.verdict, { action: "stop", reply: { code: 451, status: "4.7.1" } });
    t.is(deferred.services.logger.messages("warn").length, 1);
    t.deepEqual(
      deferred.mail.findings.map(({ symbol, score }) => [symbol, score]),
      [["RSPAMD_DOWN", 0]],
    );
    t.is((await judged(t, answer, { onFailure: "accept" })).verdict, undefined);
  });
}

const RAW: Readonly<Record<string, string>> = {
  "hangs up": "",
  "hangs up within its answer": 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"action"',
  "speaks no HTTP": "220 mx ESMTP\r\n",
  "wants another password": "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
  "has an error": "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
};

for (const [what, answer] of Object.entries(RAW)) {
  for (const [kind, size] of [
    ["small", 100],
    ["large", 900_000],
  ] as const) {
    test(`an rspamd that ${what} is not silence: a ${kind} message`, async (t) => {
      const raw = await serveRaw((_head, socket) => socket.end(answer));
      t.teardown(() => raw.stop());
      const { filter, services } = built(endpoints(raw.origin));
      t.like(await show(scanOf(filter, testMail()), Buffer.alloc(size, "abc\r\n")), { reply: { code: 451 } });
      t.is(services.logger.messages("warn").length, 1);
    });
  }
}

test("an rspamd that says nothing is down when the time is over; one that is not there at once", async (t) => {
  let asked = 0;
  const silent = await serveRaw(() => void (asked += 1));
  t.teardown(() => silent.stop());
  for (const [url, reason] of [
    [silent.origin, "did not answer within 5s"],
    ["unix:/nonexistent/rspamd", "ENOENT"],
  ] as const) {
    const clock = createFakeClock();
    const { filter, services } = built(endpoints(url), {}, clock);
    const answer = await duringTime(clock, 1000, show(scanOf(filter, testMail()), MESSAGE), () => asked > 0);
    t.like(answer, { reply: { code: 451 } });
    t.true(services.logger.messages("warn")[0]?.includes(reason), services.logger.text());
  }
});

test("the next server is asked when one is down", async (t) => {
  const http = await server(t, { action: "no action", score: 0 });
  const broken = await serveRaw((_head, socket) => socket.destroy());
  t.teardown(() => broken.stop());
  const { filter, services } = built(endpoints(broken.origin, http.origin));
  t.is(await show(scanOf(filter, testMail()), MESSAGE), undefined);
  t.is(await show(scanOf(filter, testMail()), MESSAGE), undefined);
  t.is(broken.connections(), 1);
  t.deepEqual(services.logger.messages("warn"), []);
});

test("a message that rspamd finds too large is not scanned, which is no failure", async (t) => {
  const raw = await serveRaw((_head, socket) => socket.end("HTTP/1.1 413 Too large\r\nContent-Length: 0\r\n\r\n"));
  t.teardown(() => raw.stop());
  const mail = testMail();
  const { filter } = built(endpoints(raw.origin));
  t.is(await show(scanOf(filter, mail), MESSAGE), undefined);
  t.deepEqual(
    mail.findings.map(({ symbol }) => symbol),
    ["RSPAMD_TOO_LARGE"],
  );
});
