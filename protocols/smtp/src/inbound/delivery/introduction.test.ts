// Who the client is, as the backend hears it; and STARTTLS before that.

import test from "ava";
import { startBackend } from "./test/backend.ts";
import { scene, until, type Scene } from "./test/scene.ts";
import type { Leg } from "@postern/contracts";
import type { MessageOptions } from "./test/scene.ts";

const XCLIENT = "XCLIENT NAME ADDR PORT PROTO HELO TTL";
const XFORWARD = "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE";

async function sendOne({ message }: Scene, leg: Leg, options: MessageOptions = {}): Promise<string> {
  const one = message(options);
  await one.to("a@example.com", [leg]);
  return one.send("x\r\n");
}

test("introduction: a backend that lists XCLIENT is told of each client once, and greeted by its name", async (t) => {
  const backend = await startBackend(t, { extensions: [XCLIENT] });
  const one = scene(t);
  t.regex(await sendOne(one, backend.leg, { hostName: "c.example.org" }), /^250/);
  t.regex(await sendOne(one, backend.leg, { hostName: "c.example.org" }), /^250/);
  t.regex(await sendOne(one, backend.leg, { client: "2001:db8::7", hello: "other.example.org", hostName: "" }), /^250/);
  const first = "XCLIENT TTL=4 NAME=c.example.org ADDR=192.0.2.7 PORT=4711 PROTO=ESMTP HELO=client.example.org";
  const second = "XCLIENT TTL=4 NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::7 PORT=4711 PROTO=ESMTP HELO=other.example.org";
  const mail = ["MAIL FROM:<sender@example.org>", "RCPT TO:<a@example.com>", "DATA"];
  t.deepEqual(backend.heard, [
    ["EHLO gw.example.net", first, "EHLO client.example.org", ...mail, ...mail, second, "EHLO other.example.org", ...mail],
  ]);
});

test("introduction: where nobody knows the client's name, it is for now", async (t) => {
  const backend = await startBackend(t, { extensions: ["XCLIENT NAME"] });
  await sendOne(scene(t), backend.leg);
  t.is(backend.heard[0]?.[1], "XCLIENT NAME=[TEMPUNAVAIL]");
});

test("introduction: a hello that is not ASCII is told by XCLIENT alone", async (t) => {
  const backend = await startBackend(t, { extensions: ["XCLIENT HELO"] });
  await sendOne(scene(t), backend.leg, { hello: "\u010d\u010aRSET" });
  t.is(backend.heard[0]?.[2], "EHLO gw.example.net");
  t.false(backend.heard.flat().includes("RSET"));
});

test("introduction: a backend that refuses this client gives its answer to the recipients", async (t) => {
  const backend = await startBackend(t, {
    extensions: [XCLIENT],
    on: (line) => (line.startsWith("XCLIENT") ? "554 5.7.1 blocked" : undefined),
  });
  const message = scene(t).message();
  t.is(await message.to("a@example.com", [backend.leg]), "554 5.7.1 blocked");
  t.false(backend.heard.flat().some((line) => line.startsWith("MAIL")));
});

test("introduction: a backend that refuses the client's hello gives its answer to the recipients", async (t) => {
  const backend = await startBackend(t, {
    extensions: [XCLIENT],
    on: (line) => (line === "EHLO client.example.org" ? "504 5.5.2 no name" : undefined),
  });
  t.is(await scene(t).message().to("a@example.com", [backend.leg]), "504 5.5.2 no name");
});

for (const [what, verb, no] of [
  ["client", "XCLIENT", "554 5.7.1 blocked"],
  ["hello", "EHLO client", "504 5.5.2 no name"],
] as const) {
  test(`introduction: a connection on which a ${what} was refused is nobody else's`, async (t) => {
    // As Postfix does: who has told of a client may not tell of another, and is the client from then on.
    let isToldOf = 0;
    const backend = await startBackend(t, {
      extensions: [XCLIENT],
      on: (line, index) => {
        if (line.startsWith("XCLIENT") && index === 0 && isToldOf++ > 0) return "550 5.7.0 insufficient authorization";
        return index === 0 && line.startsWith(verb) ? no : undefined;
      },
    });
    const one = scene(t);
    t.is(await one.message().to("a@example.com", [backend.leg]), no);
    t.regex(await sendOne(one, backend.leg), /^250/);
    t.regex(await sendOne(one, backend.leg, { client: "192.0.2.99" }), /^250/);
    t.is(backend.heard[0]?.at(-1), "QUIT");
  });
}

test("introduction: a backend that does not like a fact is told that nothing is known, and never takes us for the client", async (t) => {
  const backend = await startBackend(t, {
    extensions: [XCLIENT],
    on: (line) => (line.includes("ADDR=IPV6:") ? "501 5.5.4 Bad ADDR syntax" : undefined),
  });
  t.regex(await sendOne(scene(t), backend.leg, { client: "2001:db8::7" }), /^250/);
  t.is(
    backend.heard[0]?.[2],
    "XCLIENT TTL=4 NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] PROTO=ESMTP HELO=[UNAVAILABLE]",
  );
});

test("introduction: a backend that lists XCLIENT and does not understand it gets no mail", async (t) => {
  const backend = await startBackend(t, {
    extensions: [XCLIENT],
    on: (line) => (line.startsWith("XCLIENT") ? "501 5.5.4 what" : undefined),
  });
  t.regex(await scene(t).message().to("a@example.com", [backend.leg]), /^451/);
  t.false(backend.heard.flat().some((line) => line.startsWith("MAIL")));
});

test("introduction: a connection that knows of one client is not used for another when the backend will not hear of it", async (t) => {
  let told = 0;
  const backend = await startBackend(t, {
    extensions: [XCLIENT],
    on: (line) => (line.startsWith("XCLIENT") && ++told === 2 ? "503 5.5.1 no more" : undefined),
  });
  const one = scene(t);
  await sendOne(one, backend.leg);
  t.regex(await sendOne(one, backend.leg, { client: "192.0.2.99" }), /^250/);
  t.is(backend.heard.length, 2);
  t.regex(backend.heard[1]?.[1] ?? "", /ADDR=192\.0\.2\.99/);
  t.deepEqual(one.logger.messages("warn"), []);
});

test("introduction: a connection on which XCLIENT is listed no more is not used again", async (t) => {
  const backend = await startBackend(t, {
    extensions: [XCLIENT],
    on: (line) => (line === "EHLO client.example.org" ? "250 mbx1" : undefined),
  });
  const one = scene(t);
  await sendOne(one, backend.leg);
  t.regex(await sendOne(one, backend.leg, { client: "192.0.2.99" }), /^250/);
  t.is(backend.heard.length, 2);
  t.is(backend.heard[0]?.at(-1), "QUIT");
});

test("introduction: XFORWARD goes before each message, in one flight with it", async (t) => {
  const backend = await startBackend(t, { extensions: ["PIPELINING", XFORWARD] });
  const one = scene(t);
  await sendOne(one, backend.leg);
  t.regex(await sendOne(one, backend.leg), /^250/);
  const facts = "XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.7 PORT=4711 PROTO=ESMTP";
  t.deepEqual(
    backend.heard[0]?.filter((line) => line.startsWith("XFORWARD")),
    [
      facts,
      "XFORWARD HELO=client.example.org IDENT=m1 SOURCE=REMOTE",
      facts,
      "XFORWARD HELO=client.example.org IDENT=m2 SOURCE=REMOTE",
    ],
  );
});

test("introduction: a refused XFORWARD costs nobody the message", async (t) => {
  const backend = await startBackend(t, {
    extensions: [XFORWARD],
    on: (line) => (line.startsWith("XFORWARD") ? "550 5.7.0 no" : undefined),
  });
  t.regex(await sendOne(scene(t), backend.leg), /^250/);
});

test("introduction: a leg that says so tells nothing of the client", async (t) => {
  const backend = await startBackend(t, { extensions: [XCLIENT, XFORWARD], leg: { forwardClient: false } });
  await sendOne(scene(t), backend.leg);
  t.deepEqual(backend.heard[0]?.slice(0, 3), ["EHLO gw.example.net", "XCLIENT TTL=4", "EHLO gw.example.net"]);
  t.false(backend.heard.flat().join("\n").includes("client.example.org"));
});

test("introduction: gateways that point at each other are told apart from backends that are down", async (t) => {
  const backend = await startBackend(t, { extensions: [XCLIENT] });
  const message = scene(t).message();
  message.transaction.visit.session.hops = 4;
  t.regex(await message.to("a@example.com", [backend.leg]), /^554 5\.4\.6/);
});

test("introduction: STARTTLS comes first, and what was listed before it is forgotten", async (t) => {
  let hellos = 0;
  const backend = await startBackend(t, {
    leg: { tls: "starttls" },
    on: (line) =>
      line.startsWith("EHLO") ? (++hellos === 1 ? "250-mbx1\r\n250-XCLIENT ADDR\r\n250 STARTTLS" : "250 mbx1") : undefined,
  });
  t.regex(await sendOne(scene(t), backend.leg), /^250/);
  t.deepEqual(backend.heard[0]?.slice(0, 4), [
    "EHLO gw.example.net",
    "STARTTLS",
    "EHLO gw.example.net",
    "MAIL FROM:<sender@example.org>",
  ]);
});

test("introduction: a backend that does not offer STARTTLS on a leg that has it gets no mail", async (t) => {
  const backend = await startBackend(t, { leg: { tls: "starttls" } });
  t.regex(await scene(t).message().to("a@example.com", [backend.leg]), /^451 4\.4\.1/);
  await until(() => backend.open.size === 0);
  t.deepEqual(backend.heard, [["EHLO gw.example.net"]]);
});

test("introduction: bytes behind the answer to STARTTLS are not believed", async (t) => {
  const backend = await startBackend(t, {
    leg: { tls: "starttls" },
    extensions: ["STARTTLS"],
    on: (line) => (line === "STARTTLS" ? "220 go on\r\n250 XCLIENT ADDR" : undefined),
  });
  t.regex(await scene(t).message().to("a@example.com", [backend.leg]), /^451/);
});
