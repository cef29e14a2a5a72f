import test from "ava";
import { createFakeClock } from "@postern/testing";
import { allOver, backend, client, gateway } from "../test/scene.ts";

for (const [title, options, stage] of [
  ["no PROXY header", { proxyHeader: true }, "proxy-header"],
  ["no TLS handshake", { listener: { tls: "implicit" } }, "tls"],
] as const) {
  test(`path: a trusted peer or client with ${title} is cut at the deadline, without words`, async (t) => {
    const clock = createFakeClock();
    const harness = gateway(t, { ...options, house: { clock } });
    const { peer } = await client(t, harness, null);
    while (harness.house.registry.list()[0]?.stage !== stage) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(60_000);
    await peer.closed();
    await allOver(t, harness);
    t.is(harness.ended[0]?.session.stage, stage);
    t.is(harness.ended[0]?.ending, "refused");
  });
}

test("path: a slow client is cut at the deadline, in words", async (t) => {
  const clock = createFakeClock();
  const harness = gateway(t, { house: { clock } });
  const { hear, peer } = await client(t, harness);
  peer.write(Buffer.from("LOGIN ali"));
  await clock.advance(60_000);
  t.is(await hear(), "NO login-timeout");
  await peer.closed();
  await allOver(t, harness);
});

test("path: the deadline counts from accept: a slow PROXY header leaves less time for the rest", async (t) => {
  const clock = createFakeClock();
  const harness = gateway(t, { proxyHeader: true, house: { clock } });
  const { peer, hear, say } = await client(t, harness, null);
  while (harness.house.registry.list()[0]?.stage !== "proxy-header") await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(50_000);
  say("PROXY TCP4 192.0.2.7 192.0.2.1 4711 143");
  t.is(await hear(), "HELLO");
  await clock.advance(9999);
  t.is(peer.unread.length, 0);
  await clock.advance(1);
  t.is(await hear(), "NO login-timeout");
  await peer.closed();
  await allOver(t, harness);
});

test("path: kick reaches a session before login and one that is relayed", async (t) => {
  const clock = createFakeClock();
  const mailbox = await backend(t, "OK in");
  const harness = gateway(t, { legs: [mailbox.leg], house: { clock } });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  t.is(await hear(), "YES in");
  t.is(harness.house.registry.kick("alice@example.com"), 1);
  await clock.advance(250);
  t.is(await hear(), "BYE kicked");
  await peer.closed();
  peer.end();
  await allOver(t, harness);
  t.is(harness.ended[0]?.ending, "kicked");
});

test("path: drain tells everybody, wherever they are", async (t) => {
  const clock = createFakeClock();
  const mailbox = await backend(t, "OK in");
  const harness = gateway(t, { legs: [mailbox.leg], house: { clock } });
  const inside = await client(t, harness);
  inside.say("LOGIN alice s3cret");
  t.is(await inside.hear(), "YES in");
  const outside = await client(t, harness);
  const drained = harness.house.registry.drain(0);
  await clock.advance(300);
  t.is(await inside.hear(), "BYE shutting-down");
  t.is(await outside.hear(), "NO shutting-down");
  for (const { peer } of [inside, outside]) {
    await peer.closed();
    peer.end();
  }
  await harness.settled();
  await clock.advance(100);
  await drained;
  t.deepEqual(
    harness.ended.map(({ ending }) => ending),
    ["drained", "drained"],
  );
});

test("path: a session that is kicked while its backend is dialled ends too", async (t) => {
  const clock = createFakeClock();
  const silent = await backend(t, undefined);
  const harness = gateway(t, { legs: [silent.leg], house: { clock } });
  const { say, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  while (silent.sockets.length === 0) await clock.advance(0);
  harness.house.registry.kick("alice@example.com");
  await clock.advance(10_000);
  peer.end();
  await allOver(t, harness);
  t.is(harness.ended[0]?.ending, "kicked");
});

test("path: an idle session is told at its limit", async (t) => {
  const clock = createFakeClock();
  const mailbox = await backend(t, "OK in");
  const harness = gateway(t, { legs: [mailbox.leg], house: { clock, idleMs: () => 1_800_000 } });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  t.is(await hear(), "YES in");
  await clock.advance(1_900_000);
  t.is(await hear(), "BYE idle");
  await peer.closed();
  peer.end();
  await allOver(t, harness);
  t.is(harness.ended[0]?.ending, "idle");
});

test("path: a relayed session whose two sides were cut during the last checks ends", async (t) => {
  const mailbox = await backend(t, "OK in");
  let go: () => void = () => {};
  const waited = new Promise<void>((resolve) => {
    go = resolve;
  });
  const harness = gateway(t, { legs: [mailbox.leg] });
  harness.house.limits.user = async () => {
    await waited;
    return { release: () => {} };
  };
  const { say, socket } = await client(t, harness);
  say("LOGIN alice s3cret");
  while (harness.house.registry.list()[0]?.stage !== "limits") await new Promise((resolve) => setImmediate(resolve));
  socket.resetAndDestroy();
  mailbox.sockets[0]?.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 30));
  go();
  await allOver(t, harness);
});
