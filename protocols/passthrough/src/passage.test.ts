// Real TLS clients and servers with the gateway between them, over the real path.

import { once } from "node:events";
import { connect as connectPlain, createServer as createPlainServer } from "node:net";
import test from "ava";
import { Failure } from "@postern/contracts";
import { createFakeClock, testLeg } from "@postern/testing";
import { alertOf, all, dial, echo, freePort, gateway, heard, listening } from "../test/scene.ts";

test("passthrough: each client gets to the backend of the name that it asks for, and sees that one's certificate", async (t) => {
  const legs = {
    a: testLeg(await echo(t, "a.example.com"), { backend: "a" }),
    b: testLeg(await echo(t, "b.example.org"), { backend: "b" }),
  };
  const { harness, at } = await gateway(t, { names: { "a.example.com": ["a"], "*.example.org": ["b"] }, legs });
  for (const name of ["a.example.com", "b.example.org"]) {
    const client = dial(t, at, name);
    client.end("hello");
    t.is(await all(client), `${name}\nhello`);
  }
  await harness.settled();
  t.deepEqual(
    harness.ended.map(({ session, failure }) => [session.serverName, session.backend, failure, session.tls]),
    [
      ["a.example.com", "a", undefined, undefined],
      ["b.example.org", "b", undefined, undefined],
    ],
  );
  t.true(harness.ended.every(({ session: { bytesIn, bytesOut } }) => bytesIn > 300 && bytesOut > 300));
  t.is(harness.places, 0);
});

test("passthrough: a name that nobody has is told so by TLS itself, and so is a client without one", async (t) => {
  const legs = { a: testLeg(await echo(t, "a.example.com")) };
  const { harness, at } = await gateway(t, { names: { "a.example.com": ["a"] }, legs });
  for (const name of ["b.example.com", undefined]) t.is(await alertOf(dial(t, at, name)), "ERR_SSL_TLSV1_UNRECOGNIZED_NAME");
  await harness.settled();
  t.deepEqual(
    harness.ended.map(({ failure, reason }) => [failure?.kind, reason]),
    [
      ["route-refused", "No backend is there for b.example.com"],
      ["route-refused", "No backend is there for clients without SNI"],
    ],
  );
});

test("passthrough: clients without SNI go where * says", async (t) => {
  const legs = { a: testLeg(await echo(t, "a.example.com")) };
  const { at } = await gateway(t, { names: { "*": ["a"] }, legs });
  t.is(await heard(dial(t, at)), "a.example.com");
});

test("passthrough: the next candidate is tried when one does not answer, or hangs up before it has", async (t) => {
  const rude = createPlainServer((socket) => socket.on("error", () => {}).once("data", () => socket.destroy()));
  const failed: string[] = [];
  const legs = {
    dead: testLeg(await freePort(), { backend: "dead" }),
    rude: testLeg(await listening(t, rude), { backend: "rude" }),
    good: testLeg(await echo(t, "a.example.com"), { backend: "good" }),
  };
  const { harness, at } = await gateway(t, {
    names: { "*": ["dead", "rude", "good"] },
    legs,
    house: {
      health: {
        facts: () => ({ state: "unknown", since: 0, evidence: "" }),
        order: (candidates) => candidates,
        succeeded: ({ backend }) => failed.push(`${backend} up`),
        failed: ({ backend }) => failed.push(`${backend} down`),
      },
    },
  });
  const client = dial(t, at, "a.example.com");
  t.is(await heard(client), "a.example.com");
  t.deepEqual(failed, ["dead down", "rude down", "good up"]);
  t.is(harness.house.registry.list()[0]?.backend, "good");
});

test("passthrough: with no backend up the client is told by a TLS alert", async (t) => {
  const { harness, at } = await gateway(t, { names: { "*": ["dead"] }, legs: { dead: testLeg(await freePort()) } });
  t.is(await alertOf(dial(t, at, "a.example.com")), "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
  await harness.settled();
  t.is(harness.ended[0]?.failure?.kind, "backend-unreachable");
});

test("passthrough: who speaks no TLS is left without a word, and no backend hears of it", async (t) => {
  let connections = 0;
  const backend = createPlainServer(() => (connections += 1));
  const { harness, at } = await gateway(t, { names: { "*": ["a"] }, legs: { a: testLeg(await listening(t, backend)) } });
  const client = connectPlain(at, "127.0.0.1");
  t.teardown(() => void client.destroy());
  client.end("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  t.deepEqual(await client.toArray(), []);
  await harness.settled();
  t.is(harness.ended[0]?.failure?.kind, "wrong-protocol");
  t.is(connections, 0);
});

test("passthrough: a client that is slow with its first message is told, and let go", async (t) => {
  const clock = createFakeClock();
  const { harness, at } = await gateway(t, { names: { "*": ["a"] }, legs: {}, house: { clock } });
  const client = connectPlain(at, "127.0.0.1");
  t.teardown(() => void client.destroy());
  client.write(Buffer.from([22, 3, 1, 2]));
  while (harness.house.registry.list()[0]?.stage !== "converse") await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(9999);
  t.is(harness.ended.length, 0);
  await clock.advance(1);
  t.deepEqual(Buffer.concat(await client.toArray()), Buffer.from([21, 3, 3, 0, 2, 2, 50]));
  client.end();
  await harness.settled();
  t.is(harness.ended[0]?.reason, "No ClientHello within 10000 ms");
});

test("passthrough: a backend that wants it is told the client's address, before the client's first byte", async (t) => {
  let first = Buffer.alloc(0);
  const backend = createPlainServer((socket) => {
    socket
      .on("error", () => {})
      .on("data", (chunk: Buffer) => {
        first = Buffer.concat([first, chunk]);
        if (first.includes(22)) socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 80]));
      });
  });
  const legs = { a: testLeg(await listening(t, backend), { proxyHeader: "v1" }) };
  const { at } = await gateway(t, { names: { "*": ["a"] }, legs });
  t.is(await alertOf(dial(t, at, "a.example.com")), "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
  t.regex(first.toString("latin1"), new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${at}\r\n\\x16\\x03`));
});

test("passthrough: 32 MB go through both ways, unchanged", async (t) => {
  const { at } = await gateway(t, { names: { "*": ["a"] }, legs: { a: testLeg(await echo(t, "a.example.com")) } });
  const client = dial(t, at, "a.example.com");
  const block = Buffer.alloc(1024 * 1024, "0123456789abcdef");
  const sending = (async () => {
    for (let count = 0; count < 32; count += 1) if (!client.write(block)) await once(client, "drain");
    client.end();
  })();
  let received = 0;
  let isSame = true;
  const skip = "a.example.com\n".length;
  for await (const chunk of client as AsyncIterable<Buffer>) {
    for (let at16 = 0; at16 < chunk.length; at16 += 997) {
      const place = received + at16 - skip;
      if (place >= 0 && chunk[at16] !== block[place % 16]) isSame = false;
    }
    received += chunk.length;
  }
  await sending;
  t.is(received - skip, 32 * block.length);
  t.true(isSame);
});

test("passthrough: a session in which nothing moves is ended at the idle limit", async (t) => {
  const clock = createFakeClock();
  const { harness, at } = await gateway(t, {
    names: { "*": ["a"] },
    legs: { a: testLeg(await echo(t, "a.example.com")) },
    house: { clock, idleMs: () => 60_000 },
  });
  const client = dial(t, at, "a.example.com");
  await heard(client);
  const closed = once(client, "close");
  await clock.advance(90_000);
  client.on("error", () => {}).end();
  await closed;
  await harness.settled();
  t.is(harness.ended[0]?.ending, "idle");
});

test("passthrough: drain ends who is connected, wherever they are", async (t) => {
  const silent = createPlainServer((socket) => socket.on("error", () => {}));
  const { harness, at } = await gateway(t, {
    names: { "a.example.com": ["a"], "b.example.com": ["b"] },
    legs: { a: testLeg(await echo(t, "a.example.com")), b: testLeg(await listening(t, silent)) },
  });
  const relayed = dial(t, at, "a.example.com");
  await heard(relayed);
  const waiting = dial(t, at, "b.example.com");
  const told = alertOf(waiting);
  const quiet = connectPlain(at, "127.0.0.1").on("error", () => {});
  t.teardown(() => void quiet.destroy());
  while (
    harness.house.registry.list().length < 3 ||
    !harness.house.registry.list().some(({ stage, backend }) => stage === "dial" && backend !== undefined)
  )
    await new Promise((resolve) => setImmediate(resolve));
  relayed.on("error", () => {}).on("end", () => relayed.end());
  quiet.on("end", () => quiet.end()).resume();
  await harness.house.registry.drain(0);
  await harness.settled(10_000);
  t.is(await told, "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
  t.deepEqual(
    harness.ended.map(({ ending }) => ending),
    ["drained", "drained", "drained"],
  );
  t.is(harness.places, 0);
});

test("passthrough: a client that is refused by a limit is told by a TLS alert", async (t) => {
  const full = (): Promise<never> => Promise.reject(new Failure("too-many-connections", "full"));
  const { at } = await gateway(t, { names: {}, legs: {}, house: { limits: { connection: full, user: full } } });
  t.is(await alertOf(dial(t, at, "a.example.com")), "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
});
