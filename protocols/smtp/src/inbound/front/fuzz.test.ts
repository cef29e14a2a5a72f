// Fuzzers: whatever a client says, nothing crashes, hangs or is left; and whatever a message holds, a backend that takes anything
// for the end of one never reads a command out of it.

import { createServer, type AddressInfo, type Socket } from "node:net";
import test from "ava";
import * as fc from "fast-check";
import { createBackendPool, Registry, serve } from "@postern/core";
import { createHarness, fuzzFront, pieces, ScriptedPeer, script, testLeg, type Slip } from "@postern/testing";
import { connect } from "node:net";
import { greet, leave, type SmtpBackend } from "../delivery/backend.ts";
import { createInbound } from "../inbound.ts";
import { fakeDeliveries, testParts } from "../test/scene.ts";

const CLIENT = [
  "EHLO me.example.net",
  "HELO me",
  "NOOP",
  "RSET",
  "HELP",
  "VRFY alice",
  "AUTH PLAIN AGFsaWNlAHMzY3JldA==",
  "MAIL FROM:<alice@example.net> SIZE=100 BODY=8BITMIME",
  "MAIL FROM:<alice@example.net>",
  "MAIL FROM:<>",
  "RCPT TO:<bob@example.com>",
  "RCPT TO:<nobody@example.com> NOTIFY=NEVER",
  "RCPT TO:<refused@example.com>",
  "DATA",
  "Subject: one",
  "",
  ".",
  "..",
  "BDAT 12",
  "BDAT 4 LAST",
  "BDAT 0 LAST",
  "BDAT 99999",
  "STARTTLS",
  "XCLIENT ADDR=192.0.2.7 HELO=x TTL=3",
  "QUIT",
  "PROXY TCP4 1.2.3.4 1.2.3.4 1 2",
  "GET / HTTP/1.1",
];

/** Whole lines, each with a code. */
const TOLD = /^(?:[2-5]\d\d[ -][^\r\n\0]*\r\n)*$/;
const CORE = { Registry, serve };

const slip = fc.record<Slip>({
  line: fc.nat(),
  slip: fc.nat({ max: 20 }),
  at: fc.nat(),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
});
const soup = fc.record({ slips: fc.array(slip, { maxLength: 25 }), cuts: fc.array(fc.nat(), { maxLength: 6 }) });

test("inbound fuzz: a client that says almost the right things gets whole lines and an end", async (t) => {
  const ends = new Set<string>();
  await fc.assert(
    fc.asyncProperty(soup, fc.boolean(), async ({ slips, cuts }, begins) => {
      const deliveries = fakeDeliveries();
      const all = [script([...CLIENT], slips)];
      if (begins) all.unshift(Buffer.from(`${CLIENT[0]}\r\n${CLIENT[8]}\r\n${CLIENT[10]}\r\n`));
      const told = await fuzzFront(
        CORE,
        (house) => createInbound(testParts(house), deliveries.open),
        pieces(Buffer.concat(all), cuts),
      );
      if (!told.includes("Begin TLS")) t.regex(told, TOLD);
      for (const { end } of deliveries.all) ends.add(end);
      t.true(deliveries.all.every(({ end }) => end !== "open"));
    }),
    { numRuns: 600 },
  );
  // The fuzzer reaches the end of transactions, not only their beginning.
  t.deepEqual([...ends].toSorted(), ["aborted", "committed"]);
});

test("inbound fuzz: a client that says anything at all gets whole lines and an end", async (t) => {
  const noise = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(noise, async (parts) => {
      const told = await fuzzFront(
        CORE,
        (house) => createInbound(testParts(house), fakeDeliveries().open),
        parts.map((part) => Buffer.from(part)),
      );
      t.regex(told, TOLD);
    }),
    { numRuns: 150 },
  );
});

test("inbound fuzz: no byte of a message becomes a command at a backend that takes anything for its end", async (t) => {
  const backend = await lenientBackend(t.teardown);
  const content = fc
    .array(
      fc.constantFrom(
        "\r",
        "\n",
        ".",
        "\r\n",
        "\r\n.",
        "\n.\n",
        "\r.\r",
        "..",
        "\0",
        "MAIL FROM:<evil@example.net>",
        "RSET",
        "a: b",
        " ",
      ),
      { maxLength: 20 },
    )
    .map((parts) => parts.join(""));
  const policies = fc.constantFrom("refuse" as const, "repair" as const);
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      content,
      policies,
      fc.boolean(),
      fc.array(fc.nat(), { maxLength: 4 }),
      async (text, bareLineEndings, chunked, cuts) => {
        const before = backend.messages.length;
        const replies = await send(t.teardown, backend.port, bareLineEndings, chunked, text, cuts);
        t.deepEqual(backend.odd, []);
        const isTaken = replies.at(-2)?.startsWith("250 2.0.0 taken") === true;
        t.is(backend.messages.length - before, isTaken ? 1 : 0);
        if (isTaken) taken++;
      },
    ),
    { numRuns: 150 },
  );
  t.true(taken > 20);
});

interface Lenient {
  readonly port: number;
  readonly messages: string[];
  /** Commands that nobody can have meant. */
  readonly odd: string[];
}

const EXPECTED = /^(?:EHLO mail\.example\.com|MAIL FROM:<alice@example\.net>|RCPT TO:<bob@example\.com>|DATA|RSET|QUIT)$/;
const ENDS = /(?:^|\r\n|\n|\r)\.(?:\r\n|\n|\r)/;

/** A server that ends lines and messages wherever any program ever did. */
async function lenientBackend(teardown: (end: () => void) => void): Promise<Lenient> {
  const messages: string[] = [];
  const odd: string[] = [];
  const server = createServer((socket) => serveLeniently(socket, messages, odd));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  teardown(() => server.close());
  return { port: (server.address() as AddressInfo).port, messages, odd };
}

function serveLeniently(socket: Socket, messages: string[], odd: string[]): void {
  let unread = "";
  let isContent = false;
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.write("220 lenient\r\n");
  socket.on("data", (chunk: Buffer) => {
    unread += chunk.toString("latin1");
    for (;;) {
      const match = (isContent ? ENDS : /\r\n|\n|\r/).exec(unread);
      if (match === null) return;
      const said = unread.slice(0, match.index);
      unread = unread.slice(match.index + match[0].length);
      if (isContent) {
        messages.push(said);
        isContent = false;
        socket.write("250 2.0.0 taken\r\n");
        continue;
      }
      if (!EXPECTED.test(said)) odd.push(said);
      isContent = said === "DATA";
      socket.write(isContent ? "354 go on\r\n" : "250 2.0.0 OK\r\n");
    }
  });
}

/** One message from a client that stuffs its dots as it should; all replies. */
async function send(
  teardown: (end: () => void) => void,
  port: number,
  bareLineEndings: "refuse" | "repair",
  chunked: boolean,
  text: string,
  cuts: readonly number[],
): Promise<string[]> {
  const leg = testLeg(port, { protocol: "smtp", scheme: "smtp" });
  const harness = createHarness({
    core: CORE,
    legs: [],
    protocol(house) {
      const { clock, health } = house;
      const pool = createBackendPool<SmtpBackend>({
        greet: greet(house.hostname),
        leave,
        limits: { maxLine: 8192, maxUnread: 65_536 },
        clock,
        health,
        settings: { perBackend: 10, idle: 30_000, ahead: 0, wait: 5000 },
      });
      return createInbound({ ...testParts(house, { legs: [leg], settings: { bareLineEndings } }), pool });
    },
  });
  const socket = connect({ port: await harness.listen(), host: "127.0.0.1", noDelay: true });
  teardown(() => void socket.destroy());
  const peer = new ScriptedPeer(socket, 10_000);
  const replies: string[] = [];
  const hear = async (): Promise<void> => void replies.push((await peer.line("a reply")).toString("latin1"));
  await hear();
  peer.write(Buffer.from("HELO me\r\nMAIL FROM:<alice@example.net>\r\nRCPT TO:<bob@example.com>\r\n"));
  for (let count = 0; count < 3; count++) await hear();
  const stuffed = `\r\n${text}`.replaceAll("\r\n.", "\r\n..").slice(2);
  const message = chunked ? `BDAT ${text.length} LAST\r\n${text}` : `${stuffed}\r\n.\r\n`;
  if (!chunked) peer.write(Buffer.from("DATA\r\n"));
  if (!chunked) await hear();
  for (const piece of pieces(Buffer.from(message, "latin1"), cuts)) {
    peer.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await hear();
  peer.write(Buffer.from("QUIT\r\n"));
  await hear();
  peer.end();
  await harness.settled();
  await harness.close();
  return replies;
}
