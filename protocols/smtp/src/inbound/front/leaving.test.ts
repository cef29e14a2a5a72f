// Clients that leave, at any stage and in any way: everything is given back.

import type { Socket } from "node:net";
import { duplexPair } from "node:stream";
import { connect as connectTls } from "node:tls";
import test from "ava";
import { createFakeClock } from "@postern/testing";
import { front, noting, until } from "../test/front.ts";

const DIALOGUE = [
  "HELO me",
  "MAIL FROM:<alice@example.net>",
  "RCPT TO:<bob@example.com>",
  "DATA",
  "Subject: one",
  "",
  "text",
  ".",
];

for (const way of ["FIN", "RST"] as const) {
  test(`inbound: a client that leaves by ${way}, wherever it is, leaves nothing behind`, async (t) => {
    for (let said = 0; said <= DIALOGUE.length; said++) {
      const { filter, notes } = noting();
      const { dial, harness, deliveries } = await front(t, { filters: [filter] });
      const client = await dial();
      await client.hear();
      client.say(...DIALOGUE.slice(0, said));
      if (said > 0) await client.hear(Math.min(said, 4));
      if (way === "FIN") client.peer.end();
      else client.reset();
      await harness.settled();
      t.is(harness.places, 0);
      t.is(harness.house.registry.size, 0);
      t.true(
        deliveries.all.every(({ end }) => end === (said === DIALOGUE.length && end === "committed" ? "committed" : "aborted")),
      );
      t.is(notes.at(-1), "left");
      t.is(notes.filter((note) => note.startsWith("sender")).length, notes.filter((note) => note.startsWith("finished")).length);
    }
  });
}

test("inbound: a client that leaves while its backend does not take content frees both", async (t) => {
  let waits = 0;
  const wait = () => {
    waits++;
    return new Promise<void>(() => {});
  };
  const { dial, harness, deliveries } = await front(t, { wait });
  const client = await dial();
  await client.hear();
  await client.begin();
  await client.ask("DATA");
  client.say("", "text");
  await until(() => waits > 0);
  client.reset();
  await until(() => deliveries.all[0]?.end === "aborted");
  t.is(deliveries.all[0]?.end, "aborted");
  t.is(harness.logger.records.filter(({ message }) => message === "message").length, 1);
});

test("inbound: a client that leaves in the TLS handshake, or never begins it, is gone", async (t) => {
  const clock = createFakeClock();
  const { dial, harness } = await front(t, {
    settings: { idle: 60_000 },
    harness: { listener: { tls: "starttls" }, house: { clock } },
  });
  const leaving = await dial();
  await leaving.hear();
  t.regex(await leaving.ask("STARTTLS"), /^220 /);
  leaving.peer.end();
  await until(() => harness.ended.length === 1);
  t.is(harness.ended[0]?.failure?.kind, "tls-handshake");
  const silent = await dial();
  await silent.hear();
  await silent.ask("STARTTLS");
  await clock.advance(60_000);
  await until(() => harness.ended.length === 2);
  t.is(harness.places, 0);
});

test("inbound: a client whose end was read before its STARTTLS does not keep the handshake waiting", async (t) => {
  const { harness } = await front(t, { harness: { listener: { tls: "starttls" }, house: { clock: createFakeClock() } } });
  const [near, far] = duplexPair() as unknown as [Socket, Socket];
  far.resume();
  const session = harness.accept(near);
  // Behind content, commands wait for a turn of the event loop; the end comes in that turn.
  far.write("BDAT 4\r\nNOOPSTARTTLS\r\n");
  await new Promise((resolve) => setImmediate(resolve));
  far.end();
  await session;
  t.is(harness.ended[0]?.failure?.kind, "tls-handshake");
});

test("inbound: inside TLS all is as before", async (t) => {
  const { dial, deliveries } = await front(t, { harness: { listener: { tls: "starttls" } } });
  const client = await dial();
  await client.hear();
  await client.ask("STARTTLS");
  await client.peer.startTls((socket) => connectTls({ socket, rejectUnauthorized: false }), "secureConnect");
  await client.begin();
  await client.ask("DATA");
  client.say("", "x".repeat(900_000), ".");
  t.regex(await client.hear(), /^250 /);
  t.true((deliveries.taken()[0]?.length ?? 0) > 900_000);
});
