// LMTP (RFC 2033): an answer for each recipient behind the dot.

import test from "ava";
import { startBackend, type BackendOptions } from "./test/backend.ts";
import { asTimePasses, scene, text } from "./test/scene.ts";
import type { ExecutionContext } from "ava";

const LMTP = ["PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME"];

/** Sends to a, b and c, who are answered like this at the end. */
async function sent(t: ExecutionContext, atEnd: NonNullable<BackendOptions["atEnd"]>, rest: BackendOptions = {}) {
  const backend = await startBackend(t, { lmtp: true, extensions: LMTP, atEnd, ...rest });
  const { message, clock } = scene(t);
  const one = message();
  for (const name of "abc") await one.to(`${name}@example.com`, [backend.leg]);
  await one.delivery.begin();
  await one.delivery.write(Buffer.from("x\r\n"));
  const answer = text(await asTimePasses(clock, one.delivery.commit()));
  return { backend, answer, doubled: one.delivery.facts.mayBeDoubled, message };
}

const of =
  (answers: Readonly<Record<string, string>>) =>
  (to: string): string =>
    answers[to[0] ?? ""] ?? `250 2.0.0 <${to}> saved`;

test("lmtp: says LHLO, and all yeses are one", async (t) => {
  const { backend, answer, doubled, message } = await sent(t, of({}));
  t.is(answer, "250 2.0.0 <a@example.com> saved");
  t.deepEqual(doubled, []);
  t.is(backend.heard[0]?.[0], "LHLO gw.example.net");
  const next = message();
  await next.to("d@example.com", [backend.leg]);
  t.is(await next.send("y\r\n"), "250 2.0.0 <d@example.com> saved");
  t.is(backend.heard.length, 1);
});

test("lmtp: any 4xx is the answer, and the recipients that have the message are named", async (t) => {
  const { answer, doubled } = await sent(t, of({ a: "550 5.1.1 gone", b: "452 4.2.2 full" }));
  t.is(answer, "452 4.2.2 full");
  t.deepEqual(doubled, ["mbx1 c@example.com"]);
});

test("lmtp: without a 4xx the 5xx is", async (t) => {
  const { answer, doubled } = await sent(t, of({ b: "550 5.1.1 gone" }));
  t.is(answer, "550 5.1.1 gone");
  t.deepEqual(doubled, ["mbx1 a@example.com", "mbx1 c@example.com"]);
});

test("lmtp: a connection that is lost between the answers leaves the rest in doubt", async (t) => {
  const { answer, doubled } = await sent(t, of({ b: "550 5.1.1 gone", c: "say nothing" }));
  t.regex(answer, /^451 4\.4\.2/);
  t.deepEqual(doubled, ["mbx1 a@example.com", "mbx1 c@example.com"]);
});

test("lmtp: 421 between the answers is a no to the rest", async (t) => {
  const { answer, doubled } = await sent(t, of({ b: "421 4.3.2 going down", c: "say nothing" }));
  t.regex(answer, /^451/);
  t.deepEqual(doubled, ["mbx1 a@example.com"]);
});

test("lmtp: only accepted recipients are answered", async (t) => {
  const { answer, backend } = await sent(t, of({}), {
    on: (line) => (line === "RCPT TO:<b@example.com>" ? "550 5.1.1 nobody" : undefined),
  });
  t.regex(answer, /^250/);
  t.deepEqual(backend.taken[0]?.to, ["a@example.com", "c@example.com"]);
});

test("lmtp: an SMTP backend and an LMTP one take a message together", async (t) => {
  const [lmtp, smtp] = [
    await startBackend(t, { lmtp: true, atEnd: of({ b: "452 4.2.2 full" }) }),
    await startBackend(t, { name: "mbx2" }),
  ];
  const message = scene(t).message();
  await message.to("s@example.com", [smtp.leg]);
  await message.to("a@example.com", [lmtp.leg]);
  await message.to("b@example.com", [lmtp.leg]);
  t.is(await message.send("x"), "452 4.2.2 full");
  t.deepEqual(message.delivery.facts.mayBeDoubled, ["mbx2", "mbx1 a@example.com"]);
});
