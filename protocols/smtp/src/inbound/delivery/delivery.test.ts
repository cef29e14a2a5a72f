// One backend: what it hears, and what its answers become.

import test from "ava";
import { startBackend, type BackendOptions } from "./test/backend.ts";
import { asTimePasses, scene, until } from "./test/scene.ts";

const EHLO = "EHLO gw.example.net";
const MAIL = "MAIL FROM:<sender@example.org>";
const RCPT = "RCPT TO:<a@example.com>";

test("delivery: a message goes through, and its answers are the backend's own", async (t) => {
  const backend = await startBackend(t, {
    on: (line) => (line.startsWith("RCPT") ? "250-2.1.5 welcome\r\n250 2.1.5 to us" : undefined),
    atEnd: () => "250 2.6.0 queued as 42",
  });
  const message = scene(t).message();
  t.is(await message.to("a@example.com", [backend.leg]), "250 2.1.5 welcome / to us");
  t.is(await message.send("Subject: x\r\n\r\n.hello\r\n"), "250 2.6.0 queued as 42");
  t.deepEqual(backend.heard, [[EHLO, MAIL, RCPT, "DATA"]]);
  t.is(backend.taken[0]?.wire.toString(), "Subject: x\r\n\r\n..hello\r\n.\r\n");
  t.deepEqual(message.delivery.facts, { backends: ["mbx1"], mayBeDoubled: [] });
});

test("delivery: connections are used again, and greeted once", async (t) => {
  const backend = await startBackend(t);
  const { message } = scene(t);
  for (let count = 0; count < 3; count++) {
    const one = message();
    await one.to("a@example.com", [backend.leg]);
    t.regex(await one.send("x"), /^250/);
  }
  t.deepEqual(backend.heard, [[EHLO, MAIL, RCPT, "DATA", MAIL, RCPT, "DATA", MAIL, RCPT, "DATA"]]);
});

for (const extensions of [[], ["PIPELINING"]]) {
  test(`delivery: recipients get their own answers, ${extensions.length > 0 ? "with" : "without"} pipelining`, async (t) => {
    const answers = ["550 5.1.1 nobody", "250 2.1.5 ok", "452 4.2.2 full", "550 no status", "251 will forward"];
    const left = [...answers];
    const backend = await startBackend(t, { extensions, on: (line) => (line.startsWith("RCPT") ? left.shift() : undefined) });
    const message = scene(t).message();
    const said: string[] = [];
    for (const name of "abcde") said.push(await message.to(`${name}@example.com`, [backend.leg]));
    t.deepEqual(said, answers);
    t.regex(await message.send("x\r\n"), /^250/);
    t.deepEqual(backend.taken[0]?.to, ["b@example.com", "e@example.com"]);
  });

  test(`delivery: a refused sender is every recipient's answer, and is asked once, ${extensions.length > 0 ? "with" : "without"} pipelining`, async (t) => {
    const backend = await startBackend(t, {
      extensions,
      on: (line) =>
        line.startsWith("MAIL") ? "550 5.7.1 not you" : line.startsWith("RCPT") ? "503 5.5.1 MAIL first" : undefined,
    });
    const message = scene(t).message();
    t.is(await message.to("a@example.com", [backend.leg]), "550 5.7.1 not you");
    t.is(await message.to("b@example.com", [backend.leg]), "550 5.7.1 not you");
    t.is(await message.send("x"), "554 5.5.1 No valid recipients");
    await until(() => backend.heard[0]?.at(-1) === "RSET");
    t.is(backend.heard[0]?.filter((line) => line.startsWith("MAIL")).length, 1);
  });
}

test("delivery: no answer of a backend can end the client's line", async (t) => {
  const backend = await startBackend(t, { on: (line) => (line.startsWith("RCPT") ? "550 5.1.1 a\x00b\rc\x1b[0m" : undefined) });
  t.is(await scene(t).message().to("a@example.com", [backend.leg]), "550 5.1.1 a?b?c?[0m");
});

test("delivery: a refusal of DATA is the answer, and the connection is used again", async (t) => {
  let isFull = true;
  const backend = await startBackend(t, { on: (line) => (line === "DATA" && isFull ? "452 4.3.1 full" : undefined) });
  const { message } = scene(t);
  const first = message();
  await first.to("a@example.com", [backend.leg]);
  t.is(await first.send("x"), "452 4.3.1 full");
  isFull = false;
  await until(() => backend.heard[0]?.at(-1) === "RSET");
  const second = message();
  await second.to("a@example.com", [backend.leg]);
  t.regex(await second.send("x"), /^250/);
  t.is(backend.taken.length, 1);
});

test("delivery: a refusal of the message is the answer, and nothing is doubled", async (t) => {
  const backend = await startBackend(t, { atEnd: () => "554 5.7.1 spam" });
  const message = scene(t).message();
  await message.to("a@example.com", [backend.leg]);
  t.is(await message.send("x"), "554 5.7.1 spam");
  t.deepEqual(message.delivery.facts.mayBeDoubled, []);
});

test("delivery: a backend that is gone behind the dot may have the message", async (t) => {
  const backend = await startBackend(t, { atEnd: () => "hang up" });
  const message = scene(t).message();
  await message.to("a@example.com", [backend.leg]);
  t.regex(await message.send("x"), /^451 4\.4\.2/);
  t.deepEqual(message.delivery.facts, { backends: ["mbx1"], mayBeDoubled: ["mbx1"] });
});

test("delivery: 421 behind the dot is a no for now", async (t) => {
  const backend = await startBackend(t, { atEnd: () => "421 4.3.2 going down" });
  const message = scene(t).message();
  await message.to("a@example.com", [backend.leg]);
  t.regex(await message.send("x"), /^451/);
  t.deepEqual(message.delivery.facts.mayBeDoubled, []);
});

test("delivery: a backend that does not answer the dot in time may have the message", async (t) => {
  const backend = await startBackend(t, { atEnd: () => "say nothing" });
  const { message: open, clock } = scene(t);
  const message = open();
  await message.to("a@example.com", [backend.leg]);
  t.regex(await asTimePasses(clock, message.send("x")), /^451 4\.4\.2/);
  t.deepEqual(message.delivery.facts.mayBeDoubled, ["mbx1"]);
});

test("delivery: a message that is given up before its content is forgotten, and the connection used again", async (t) => {
  const backend = await startBackend(t);
  const { message, trace } = scene(t);
  const first = message();
  await first.to("a@example.com", [backend.leg]);
  first.delivery.abort();
  await until(() => trace.includes("B: 250 2.0.0 forgotten"));
  const second = message();
  await second.to("b@example.com", [backend.leg]);
  t.regex(await second.send("x"), /^250/);
  t.deepEqual(
    backend.taken.map(({ to }) => to),
    [["b@example.com"]],
  );
  t.is(backend.heard.length, 1);
});

test("delivery: a message that is given up in its content never gets its dot", async (t) => {
  const backend = await startBackend(t);
  const message = scene(t).message();
  await message.to("a@example.com", [backend.leg]);
  await message.delivery.begin();
  await message.delivery.write(Buffer.from("half of\r\n"));
  await until(() => backend.heard[0]?.at(-1) === "DATA");
  message.delivery.abort();
  await until(() => backend.open.size === 0);
  t.deepEqual(backend.taken, []);
  t.false(backend.cut[0]?.includes("\r\n.\r\n"));
  t.regex(await message.delivery.commit().then(({ code }) => String(code)), /^4/);
});

for (const [when, on] of [
  ["while a backend is asked for a recipient", (line: string) => (line.startsWith("RCPT") ? "say nothing" : undefined)],
  ["while a backend greets", (line: string) => (line === "" ? "say nothing" : undefined)],
  ["while a backend hears who sends", (line: string) => (line.startsWith("MAIL") ? "say nothing" : undefined)],
] satisfies readonly (readonly [string, BackendOptions["on"]])[]) {
  test(`delivery: a message that is given up ${when} reaches no backend`, async (t) => {
    const [backend, other] = [await startBackend(t, { on }), await startBackend(t, { name: "mbx2" })];
    const { message: open, clock } = scene(t);
    const message = open();
    const answer = message.to("a@example.com", [backend.leg, other.leg]);
    await until(() => backend.heard[0] !== undefined && (when.includes("greets") || backend.heard[0].length > 1));
    message.delivery.abort();
    t.regex(await asTimePasses(clock, answer), /^451/);
    t.deepEqual(other.heard, []);
  });
}

test("delivery: giving up behind the end of the message changes nothing", async (t) => {
  const backend = await startBackend(t);
  const message = scene(t).message();
  await message.to("a@example.com", [backend.leg]);
  await message.delivery.begin();
  const answer = message.delivery.commit();
  message.delivery.abort();
  t.is((await answer).code, 250);
  t.is(backend.taken.length, 1);
});

test("delivery: a backend that refuses in the middle ends the message with its own answer", async (t) => {
  const backend = await startBackend(t, { during: (content) => (content.length > 5 ? "552 5.3.4 too large" : undefined) });
  const message = scene(t).message();
  await message.to("a@example.com", [backend.leg]);
  await message.delivery.begin();
  await message.delivery.write(Buffer.from("much too much\r\n"));
  await until(() => backend.heard[0]?.at(-1) === "DATA");
  for (let count = 0; count < 50; count++) {
    await message.delivery.write(Buffer.from("more\r\n"));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  t.deepEqual(await message.delivery.commit(), { code: 552, status: "5.3.4", lines: ["too large"] });
  await until(() => backend.open.size === 0);
  t.deepEqual(backend.taken, []);
});

for (const bytes of ["a\nb\r\n", "a\rb\r\n", "a\r\n.\nQUIT\r\n", "\n.\n", "a\r"]) {
  test(`delivery: ${JSON.stringify(bytes)} is not passed on to any backend`, async (t) => {
    const backend = await startBackend(t);
    const { message, logger } = scene(t);
    const one = message();
    await one.to("a@example.com", [backend.leg]);
    t.regex(await one.send(bytes), /^451 4\.3\.0/);
    await until(() => backend.open.size === 0);
    t.deepEqual(backend.taken, []);
    t.is(logger.messages("error").length, 1);
  });
}

test("delivery: the trace shows commands and replies, and of content its size alone", async (t) => {
  const backend = await startBackend(t);
  const { message, trace } = scene(t);
  const one = message();
  await one.to("a@example.com", [backend.leg]);
  await one.send("Subject: secret\r\n");
  t.deepEqual(trace.slice(trace.indexOf("G: DATA")), ["G: DATA", "B: 354 go on", "G: <17 bytes>", "G: .", "B: 250 2.0.0  taken"]);
  t.false(trace.join("\n").includes("secret"));
});

test("delivery: ten thousand recipients go to one backend in one transaction", async (t) => {
  const backend = await startBackend(t, { extensions: ["PIPELINING"] });
  const message = scene(t).message();
  for (let count = 0; count < 10_000; count++) await message.to(`u${count}@example.com`, [backend.leg]);
  t.regex(await message.send("x\r\n"), /^250/);
  t.is(backend.taken[0]?.to.length, 10_000);
  t.is(backend.heard.length, 1);
});

test("delivery: a large message goes through in full, with a backend that is slow to read", async (t) => {
  const backend = await startBackend(t);
  const message = scene(t).message();
  await message.to("a@example.com", [backend.leg]);
  await message.delivery.begin();
  const line = Buffer.from(`${".".repeat(998)}\r\n`);
  const chunk = Buffer.concat(Array.from({ length: 64 }, () => line));
  for (const socket of backend.open) socket.pause();
  const work = (async () => {
    for (let count = 0; count < 50; count++) await message.delivery.write(chunk);
  })();
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const socket of backend.open) socket.resume();
  await work;
  t.is((await message.delivery.commit()).code, 250);
  t.is(backend.taken[0]?.wire.length, 50 * 64 * 1001 + 3);
});
