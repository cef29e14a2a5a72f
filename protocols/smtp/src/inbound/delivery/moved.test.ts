// Recipients for whom a rule chooses another backend when they were told already: voice mail and faxes (routeAs).

import test from "ava";
import { startBackend } from "./test/backend.ts";
import { scene, until } from "./test/scene.ts";

const [A, B, C] = ["a@example.com", "b@example.com", "c@example.com"] as const;
const VOICE = "a@voice.example.com";

for (const policy of ["split", "defer", "first"] as const) {
  test(`moved: a recipient goes to where a rule finds it, and the others stay: ${policy}`, async (t) => {
    const home = await startBackend(t, { name: "mbx1" });
    const voice = await startBackend(t, { name: "voice" });
    const message = scene(t, { policy, added: { [VOICE]: [voice.leg] } }).message();
    for (const address of [A, B, C]) t.regex(await message.to(address, [home.leg]), /^250/);
    message.routeAs(A, VOICE);
    t.regex(await message.send("x\r\n"), /^250/);
    t.deepEqual(
      voice.taken.map(({ to }) => to),
      [[A]],
    );
    t.deepEqual(
      home.taken.map(({ to }) => to),
      [[B, C]],
    );
    t.deepEqual(message.delivery.facts, { backends: ["mbx1", "voice"], mayBeDoubled: [] });
  });
}

test("moved: where all go, the backend that was told first gets nothing", async (t) => {
  const home = await startBackend(t, { name: "mbx1" });
  const voice = await startBackend(t, { name: "voice" });
  const message = scene(t, { added: { [VOICE]: [voice.leg], "b@voice.example.com": [voice.leg] } }).message();
  for (const address of [A, B]) await message.to(address, [home.leg]);
  message.routeAs(A, VOICE);
  message.routeAs(B, "b@voice.example.com");
  t.regex(await message.send("x\r\n"), /^250/);
  t.deepEqual(
    voice.taken.map(({ to }) => to),
    [[A, B]],
  );
  await until(() => home.heard[0]?.at(-1) === "RSET");
  t.deepEqual(home.taken, []);
  t.deepEqual(message.delivery.facts.backends, ["voice"]);
});

test("moved: to where it is already, it is taken once", async (t) => {
  const home = await startBackend(t, { name: "mbx1" });
  const message = scene(t, { added: { [VOICE]: [home.leg] } }).message();
  for (const address of [A, B]) await message.to(address, [home.leg]);
  message.routeAs(A, VOICE);
  t.regex(await message.send("x\r\n"), /^250/);
  t.deepEqual(
    home.taken.map(({ to }) => to.toSorted()),
    [[A, B]],
  );
});

test("moved: with one place at a backend, nobody waits for himself", async (t) => {
  const home = await startBackend(t, { name: "mbx1" });
  const voice = await startBackend(t, { name: "voice" });
  const message = scene(t, { pool: { perBackend: 1 }, added: { [VOICE]: [voice.leg] } }).message();
  for (const address of [A, B]) await message.to(address, [home.leg]);
  message.routeAs(A, VOICE);
  t.regex(await message.send("x\r\n"), /^250/);
  t.is(home.taken.length + voice.taken.length, 2);
});

test("moved: a message is not taken when a recipient cannot be found where a rule wants it", async (t) => {
  const home = await startBackend(t, { name: "mbx1" });
  const { message: open, logger } = scene(t);
  const message = open();
  for (const address of [A, B]) await message.to(address, [home.leg]);
  message.routeAs(A, VOICE);
  t.regex(await message.send("x\r\n"), /^451 4\.3\.5/);
  t.deepEqual(logger.messages("warn"), ["a recipient cannot be moved"]);
  t.deepEqual(home.taken, []);
});

test("moved: the no of the backend that a rule has chosen is the client's answer, and nobody gets the message", async (t) => {
  const home = await startBackend(t, { name: "mbx1" });
  const voice = await startBackend(t, {
    name: "voice",
    on: (line) => (line.startsWith("RCPT") ? "550 5.1.1 no phone" : undefined),
  });
  const message = scene(t, { added: { [VOICE]: [voice.leg] } }).message();
  for (const address of [A, B]) await message.to(address, [home.leg]);
  message.routeAs(A, VOICE);
  t.is(await message.send("x\r\n"), "550 5.1.1 no phone");
  t.deepEqual([home.taken, voice.taken], [[], []]);
});

test("moved: a redirect of the whole message goes before", async (t) => {
  const home = await startBackend(t, { name: "mbx1" });
  const voice = await startBackend(t, { name: "voice" });
  const message = scene(t, { legs: { mbx1: [home.leg] }, added: { [VOICE]: [voice.leg] } }).message({ redirect: "mbx1" });
  await message.to(A, [home.leg]);
  message.routeAs(A, VOICE);
  t.regex(await message.send("x\r\n"), /^250/);
  t.deepEqual([home.taken.length, voice.taken.length], [1, 0]);
});
