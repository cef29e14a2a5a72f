// Recipients on several backends: the three policies, partial failures, and what rules change at the end.

import test from "ava";
import { startBackend, type BackendOptions, type TestBackend } from "./test/backend.ts";
import { scene, until } from "./test/scene.ts";
import type { ExecutionContext } from "ava";

const pair = async (
  t: ExecutionContext,
  one: BackendOptions = {},
  two: BackendOptions = {},
): Promise<[TestBackend, TestBackend]> => [
  await startBackend(t, { name: "mbx1", ...one }),
  await startBackend(t, { name: "mbx2", ...two }),
];
const takenBy = ({ taken }: TestBackend): (readonly string[])[] => taken.map(({ to }) => to);

test("split: each backend gets its own recipients, and the answer is the first one's", async (t) => {
  const [one, two] = await pair(t, { atEnd: () => "250 2.0.0 first" }, { atEnd: () => "250 2.0.0 second" });
  const message = scene(t).message();
  for (const [name, { leg }] of [
    ["a", one],
    ["b", two],
    ["c", one],
    ["d", two],
  ] as const)
    await message.to(`${name}@example.com`, [leg]);
  t.is(await message.send("x\r\n"), "250 2.0.0 first");
  t.deepEqual(takenBy(one), [["a@example.com", "c@example.com"]]);
  t.deepEqual(takenBy(two), [["b@example.com", "d@example.com"]]);
  t.deepEqual(message.delivery.facts, { backends: ["mbx1", "mbx2"], mayBeDoubled: [] });
});

test("split: a no of the first backend leaves the second untouched", async (t) => {
  const [one, two] = await pair(t, { atEnd: () => "552 5.2.2 full" });
  const message = scene(t).message();
  await message.to("a@example.com", [one.leg]);
  await message.to("b@example.com", [two.leg]);
  t.is(await message.send("x\r\n"), "552 5.2.2 full");
  await until(() => two.cut.length > 0);
  t.deepEqual(two.taken, []);
  t.deepEqual(message.delivery.facts.mayBeDoubled, []);
});

for (const [what, answer, told] of [
  ["refuses", "554 5.7.1 spam", "554 5.7.1 spam"],
  ["is full", "452 4.3.1 full", "452 4.3.1 full"],
  ["is lost", "hang up", "451 4.4.2 The connection to the mail server was lost, try again later"],
] as const) {
  test(`split: when the second backend ${what}, the first one's recipients may get the message twice`, async (t) => {
    const [one, two] = await pair(t, {}, { atEnd: () => answer });
    const message = scene(t).message();
    await message.to("a@example.com", [one.leg]);
    await message.to("b@example.com", [two.leg]);
    t.is(await message.send("x\r\n"), told);
    t.deepEqual(message.delivery.facts.mayBeDoubled, answer === "hang up" ? ["mbx1", "mbx2"] : ["mbx1"]);
  });
}

test("split: a backend that refuses DATA ends it for all, and none has a byte", async (t) => {
  const [one, two] = await pair(t, {}, { on: (line) => (line === "DATA" ? "451 4.3.0 not now" : undefined) });
  const message = scene(t).message();
  await message.to("a@example.com", [one.leg]);
  await message.to("b@example.com", [two.leg]);
  t.is(await message.send("x\r\n"), "451 4.3.0 not now");
  await until(() => one.open.size === 0);
  t.deepEqual([one.taken, two.taken], [[], []]);
});

test("split: a backend that dies before anybody has the dot is seen before anybody gets it", async (t) => {
  const [one, two] = await pair(t, {}, { during: (content) => (content.includes("x") ? "hang up" : undefined) });
  const { message: open, logger } = scene(t);
  const message = open();
  await message.to("a@example.com", [one.leg]);
  await message.to("b@example.com", [two.leg]);
  await message.delivery.begin();
  await message.delivery.write(Buffer.from("x\r\n"));
  for (let turn = 0; turn < 5000 && logger.messages("warn").length === 0; turn++) {
    await message.delivery.write(Buffer.alloc(0));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  t.is((await message.delivery.commit()).status, "4.4.2");
  t.deepEqual(one.taken, []);
  t.deepEqual(message.delivery.facts.mayBeDoubled, []);
});

test("split: a backend whose recipients were all refused gets no message, and that connection is not used again", async (t) => {
  const [one, two] = await pair(t, { on: (line) => (line.startsWith("RCPT") ? "550 5.1.1 nobody" : undefined) });
  const message = scene(t).message();
  t.regex(await message.to("a@example.com", [one.leg]), /^550/);
  t.regex(await message.to("b@example.com", [two.leg]), /^250/);
  t.regex(await message.send("x\r\n"), /^250/);
  await until(() => one.heard[0]?.at(-1) === "QUIT");
  t.is(one.heard[0]?.at(-2), "RSET");
  t.deepEqual(message.delivery.facts.backends, ["mbx2"]);
});

test("split: recipients that share a backend only as a spare are moved to it only with their own kind", async (t) => {
  const [one, two] = await pair(t, { on: (line) => (line === "DATA" ? "hang up" : undefined) });
  const message = scene(t).message();
  // a may move to mbx2, b lives on mbx1 alone.
  await message.to("a@example.com", [one.leg, two.leg]);
  await message.to("b@example.com", [one.leg]);
  t.regex(await message.send("x\r\n"), /^451/);
  t.deepEqual(two.heard, []);
});

test("first: all recipients go to the backend of the first that was accepted", async (t) => {
  const [one, two] = await pair(t, { on: (line) => (line === "RCPT TO:<a@example.com>" ? "550 5.1.1 nobody" : undefined) });
  const message = scene(t, { policy: "first" }).message();
  t.regex(await message.to("a@example.com", [one.leg]), /^550/);
  for (const [name, { leg }] of [
    ["b", two],
    ["c", one],
    ["d", two],
  ] as const)
    t.regex(await message.to(`${name}@example.com`, [leg]), /^250/);
  t.regex(await message.send("x\r\n"), /^250/);
  t.deepEqual(one.taken, []);
  t.deepEqual(takenBy(two), [["b@example.com", "c@example.com", "d@example.com"]]);
});

test("defer: recipients of another backend are told to come later", async (t) => {
  const [one, two] = await pair(t);
  const message = scene(t, { policy: "defer" }).message();
  t.regex(await message.to("a@example.com", [one.leg]), /^250/);
  t.regex(await message.to("b@example.com", [two.leg]), /^452 4\.5\.3/);
  t.regex(await message.to("c@example.com", [one.leg]), /^250/);
  t.regex(await message.send("x\r\n"), /^250/);
  t.deepEqual(takenBy(one), [["a@example.com", "c@example.com"]]);
  t.deepEqual(two.heard, []);
});

test("defer: a backend that has refused everybody holds nobody up", async (t) => {
  const [one, two] = await pair(t, { on: (line) => (line.startsWith("RCPT") ? "550 5.1.1 nobody" : undefined) });
  const message = scene(t, { policy: "defer" }).message();
  t.regex(await message.to("a@example.com", [one.leg]), /^550/);
  t.regex(await message.to("b@example.com", [two.leg]), /^250/);
  t.regex(await message.send("x\r\n"), /^250/);
});

test("redirect: all recipients move to the backend that a rule has chosen, and the others forget them", async (t) => {
  const [one, two] = await pair(t);
  const quarantine = await startBackend(t, { name: "quarantine" });
  const message = scene(t, { legs: { quarantine: [quarantine.leg] } }).message();
  await message.to("a@example.com", [one.leg]);
  await message.to("b@example.com", [two.leg]);
  message.transaction.redirect = "quarantine";
  t.regex(await message.send("x\r\n"), /^250/);
  t.deepEqual(takenBy(quarantine), [["a@example.com", "b@example.com"]]);
  await until(() => one.heard[0]?.at(-1) === "RSET" && two.heard[0]?.at(-1) === "RSET");
  t.deepEqual(message.delivery.facts.backends, ["quarantine"]);
});

test("redirect: to where the message goes anyway, it changes nothing", async (t) => {
  const backend = await startBackend(t);
  const message = scene(t, { legs: { mbx1: [backend.leg] } }).message({ redirect: "mbx1" });
  await message.to("a@example.com", [backend.leg]);
  t.regex(await message.send("x\r\n"), /^250/);
  t.deepEqual(
    backend.heard[0]?.slice(1).map((line) => line.slice(0, 4)),
    ["MAIL", "RCPT", "DATA"],
  );
});

test("redirect: a recipient that the chosen backend refuses ends the message with its answer", async (t) => {
  const one = await startBackend(t);
  const quarantine = await startBackend(t, {
    name: "q",
    on: (line) => (line.startsWith("RCPT TO:<b") ? "550 5.1.1 not here" : undefined),
  });
  const message = scene(t, { legs: { q: [quarantine.leg] } }).message();
  for (const name of "abc") await message.to(`${name}@example.com`, [one.leg]);
  message.transaction.redirect = "q";
  t.is(await message.send("x\r\n"), "550 5.1.1 not here");
  t.deepEqual([one.taken, quarantine.taken], [[], []]);
});

test("redirect: a backend that there is not, or that is down, defers the message", async (t) => {
  const one = await startBackend(t);
  const message = scene(t).message();
  await message.to("a@example.com", [one.leg]);
  message.transaction.redirect = "nowhere";
  t.regex(await message.send("x\r\n"), /^451/);
  t.deepEqual(one.taken, []);
});

for (const policy of ["split", "defer", "first"] as const) {
  test(`added recipients are routed like others, and nobody is told what becomes of them: ${policy}`, async (t) => {
    const [one, archive] = await pair(t, { extensions: ["DSN"] }, { extensions: ["DSN"] });
    const message = scene(t, { policy, added: { "archive@example.com": [archive.leg], "a@example.com": [one.leg] } }).message();
    await message.to("a@example.com", [one.leg]);
    message.transaction.added.push("archive@example.com", "a@example.com", "archive@example.com");
    t.regex(await message.send("x\r\n"), /^250/);
    const line = "RCPT TO:<archive@example.com> NOTIFY=NEVER";
    t.is([...one.heard, ...archive.heard].flat().filter((each) => each === line).length, 1);
    t.deepEqual(
      takenBy(policy === "first" ? one : archive)
        .at(-1)
        ?.at(-1),
      "archive@example.com",
    );
    t.is(takenBy(one)[0]?.filter((each) => each === "a@example.com").length, 1);
  });
}

test("added: a message is not taken without the recipients that a rule adds", async (t) => {
  const one = await startBackend(t, { on: (line) => (line.startsWith("RCPT TO:<archive") ? "550 5.1.1 nobody" : undefined) });
  for (const added of ["archive@example.com", "unknown@example.com"]) {
    const { message, logger } = scene(t, { added: { "archive@example.com": [one.leg] } });
    const each = message({ added: [added] });
    await each.to("a@example.com", [one.leg]);
    t.regex(await each.send("x\r\n"), /^451 4\.3\.5/);
    t.deepEqual(logger.messages("warn"), ["a recipient cannot be added"]);
  }
  t.deepEqual(one.taken, []);
});
