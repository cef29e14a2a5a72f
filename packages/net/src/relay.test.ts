import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import test from "ava";
import * as fc from "fast-check";
import { closeOf, collect, settled } from "../test/helpers.ts";
import { gather, hash, pattern, relayed, sendAll, sidesOf, start } from "../test/relayed.ts";

for (const tls of [false, true]) {
  const where = tls ? "over TLS" : "in clear";

  test(`relay ${where}: bytes arrive as they were sent, both ways at once, however they are cut`, async (t) => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 70_000 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sizes, sizes, async (up, down) => {
        const { app, server, relay, end } = await relayed(t, tls);
        const upParts = up.map((size, index) => pattern(size, index));
        const downParts = down.map((size, index) => pattern(size, index + 100));
        const [atServer, atApp] = await Promise.all([
          collect(server),
          collect(app),
          sendAll(app, upParts),
          sendAll(server, downParts),
        ]);
        t.is(hash(atServer), hash(Buffer.concat(upParts)));
        t.is(hash(atApp), hash(Buffer.concat(downParts)));
        await end;
        t.is(relay.bytesIn, atServer.length);
        t.is(relay.bytesOut, atApp.length);
      }),
      { numRuns: 12 },
    );
  });

  test(`relay ${where}: whole TLS records arrive before the end that follows them at once`, async (t) => {
    for (let records = 1; records <= 9; records++) {
      const { app, server, end } = await relayed(t, tls);
      const [up, down] = [pattern(records * 16_384, records), pattern(records * 16_384, records + 50)];
      const [atServer, atApp] = await Promise.all([collect(server), collect(app), sendAll(app, [up]), sendAll(server, [down])]);
      t.is(hash(atServer), hash(up));
      t.is(hash(atApp), hash(down));
      await end;
    }
  });

  test(`relay ${where}: a client that spoke last waits, until the backend speaks`, async (t) => {
    const { app, server, relay, end } = await relayed(t, tls);
    t.false(relay.clientWaits);
    for (const [from, to, waits] of [
      [app, server, true],
      [server, app, false],
      [app, server, true],
    ] as const) {
      from.write("words");
      await once(to, "data");
      t.is(relay.clientWaits, waits);
    }
    relay.destroy();
    await end;
  });

  test(`relay ${where}: megabytes arrive unchanged while both sides stop and go`, async (t) => {
    const { app, server, end } = await relayed(t, tls);
    const bytes = pattern(12 * 1024 * 1024, 5);
    const slow = async (socket: Socket): Promise<string> => {
      const sum = createHash("sha256");
      let count = 0;
      socket.on("data", (chunk: Buffer) => {
        sum.update(chunk);
        if (++count % 16 !== 0) return;
        socket.pause();
        setTimeout(() => socket.resume(), 1);
      });
      await once(socket, "end");
      return sum.digest("hex");
    };
    const [atApp, atServer] = await Promise.all([slow(app), slow(server), sendAll(server, [bytes]), sendAll(app, [bytes])]);
    t.is(atApp, hash(bytes));
    t.is(atServer, hash(bytes));
    t.true(["client-closed", "backend-closed"].includes((await end).ending));
  });

  test(`relay ${where}: a reader that stands still bounds what is kept, and gets everything later`, async (t) => {
    const { app, server, client, relay } = await relayed(t, tls);
    app.pause();
    const bytes = pattern(48 * 1024 * 1024, 9);
    const sent = sendAll(server, [bytes]);
    const taken = await settled(() => relay.bytesOut);
    t.true(taken < bytes.length, "the backend was never stopped");
    t.true(client.socket.writableLength < 2 * 1024 * 1024, `${client.socket.writableLength} bytes are kept`);
    const [atApp] = await Promise.all([collect(app), sent]);
    t.is(hash(atApp), hash(bytes));
  });

  test(`relay ${where}: a backend that stands still bounds what is kept of the client`, async (t) => {
    const { app, server, backend, relay } = await relayed(t, tls);
    server.pause();
    const bytes = pattern(48 * 1024 * 1024, 9);
    const sent = sendAll(app, [bytes]);
    const taken = await settled(() => relay.bytesIn);
    t.true(taken < bytes.length, "the client was never stopped");
    t.true(backend.socket.writableLength < 2 * 1024 * 1024, `${backend.socket.writableLength} bytes are kept`);
    const [atServer] = await Promise.all([collect(server), sent]);
    t.is(hash(atServer), hash(bytes));
  });

  test(`relay ${where}: bytes that were read before it began come first`, async (t) => {
    const sides = await sidesOf(t, tls, "greeting, ");
    sides.app.write("pipelined, ");
    while (sides.client.pending < 11) await new Promise((resolve) => setTimeout(resolve, 5));
    const { app, server } = start(sides);
    app.end("and more");
    server.end("and more");
    t.is((await collect(server)).toString(), "pipelined, and more");
    t.is((await collect(app)).toString(), "greeting, and more");
  });

  test(`relay ${where}: after one side has ended the other may still talk`, async (t) => {
    const { app, server, relay, end } = await relayed(t, tls);
    app.end("bye");
    t.is((await collect(server)).toString(), "bye");
    t.true(relay.halfClosed);
    server.end("so long");
    t.is((await collect(app)).toString(), "so long");
    t.is((await end).ending, "client-closed");
  });

  test(`relay ${where}: a backend that ends is named as the one who did`, async (t) => {
    const { app, server, end } = await relayed(t, tls);
    server.end("last words");
    t.is((await collect(app)).toString(), "last words");
    app.end();
    t.is((await end).ending, "backend-closed");
  });
}

test("relay: a client that resets ends the backend's side too", async (t) => {
  const { app, server, end } = await relayed(t);
  const closed = once(server.resume(), "end");
  app.resetAndDestroy();
  await closed;
  server.end();
  t.deepEqual(await end, { ending: "client-error", reason: "read ECONNRESET" });
});

test("relay: a backend that resets ends the client's side too", async (t) => {
  const { app, server, end } = await relayed(t);
  const closed = once(app.resume(), "end");
  server.resetAndDestroy();
  await closed;
  app.end();
  t.deepEqual(await end, { ending: "backend-error", reason: "read ECONNRESET" });
});

test("relay: sides that had ended before it began are seen", async (t) => {
  const sides = await sidesOf(t, false);
  await sides.backend.readBytes(2);
  sides.app.end();
  while (!sides.client.ended) await once(sides.client.socket, "end");
  const { server, end } = start(sides);
  t.is((await collect(server)).length, 0);
  server.end();
  t.is((await end).ending, "client-closed");
});

test("relay: ends at once when both sides were cut before it began", async (t) => {
  const sides = await sidesOf(t, false);
  await sides.backend.readBytes(2);
  const gone = Promise.all([closeOf(sides.client.socket), closeOf(sides.backend.socket)]);
  sides.app.resetAndDestroy();
  sides.server.resetAndDestroy();
  await gone;
  const { end } = start(sides);
  t.is((await end).ending, "client-closed");
});

test("relay: a client that was cut before it began lets the backend go", async (t) => {
  const sides = await sidesOf(t, false);
  await sides.backend.readBytes(2);
  const gone = closeOf(sides.client.socket);
  sides.app.resetAndDestroy();
  await gone;
  const { server, end } = start(sides);
  await collect(server);
  server.end();
  t.is((await end).ending, "client-closed");
});

test("relay: an interrupt says farewell after a whole line, and ends both sides", async (t) => {
  const { app, server, relay, end } = await relayed(t);
  server.write("a whole line\r\n");
  await once(app, "data");
  relay.interrupt("drained", "* BYE going\r\n");
  t.is((await collect(app)).toString(), "* BYE going\r\n");
  t.is((await collect(server)).length, 0);
  app.end();
  server.end();
  t.is((await end).ending, "drained");
});

test("relay: an interrupt before any answer says farewell too", async (t) => {
  const { app, relay } = await relayed(t);
  relay.interrupt("kicked", "* BYE going\r\n");
  t.is((await collect(app)).toString(), "* BYE going\r\n");
});

test("relay: an interrupt inside a line says nothing", async (t) => {
  const { app, server, relay } = await relayed(t);
  server.write("* 1 FETCH (BODY[] {100}\r\nhalf a lit");
  await once(app, "data");
  relay.interrupt("drained", "* BYE going\r\n");
  t.is((await collect(app)).length, 0);
});

test("relay: what still comes after an interrupt breaks nothing", async (t) => {
  const { app, server, relay, end } = await relayed(t);
  relay.interrupt("kicked", "* BYE\r\n");
  app.write("late\r\n");
  server.write("late\r\n");
  app.end();
  server.end();
  app.resume();
  server.resume();
  t.is((await end).ending, "kicked");
});

test("relay: destroy cuts both sides", async (t) => {
  const { app, server, relay, end } = await relayed(t);
  const closed = Promise.all([once(app.resume(), "end"), once(server.resume(), "end")]);
  relay.destroy();
  await closed;
  await t.notThrowsAsync(end);
});

test("relay: sessions that move bulk data side by side never see each other's bytes, when some are cut either", async (t) => {
  const one = async (seed: number): Promise<void> => {
    const { app, server } = await relayed(t, seed % 2 === 0);
    const [up, down] = [pattern(2_000_000, seed), pattern(2_000_000, seed + 50)];
    const cut = seed % 4 === 3;
    const atServer = gather(server, cut);
    const atApp = gather(app, cut);
    void sendAll(app, [up]);
    void sendAll(server, [down]);
    const [gotUp, gotDown] = await Promise.all([atServer, atApp]);
    t.is(Buffer.compare(gotUp, up.subarray(0, gotUp.length)), 0, `up ${seed}`);
    t.is(Buffer.compare(gotDown, down.subarray(0, gotDown.length)), 0, `down ${seed}`);
    if (!cut) t.deepEqual([gotUp.length, gotDown.length], [up.length, down.length]);
  };
  await Promise.all(Array.from({ length: 12 }, (_, seed) => one(seed)));
});
