import test from "ava";
import { Failure, FAILURES, Secret, type Credentials, type FailureKind, type Place } from "@postern/contracts";
import { createFakeClock, refuseSecrets } from "@postern/testing";
import { lineProtocol } from "../test/line-protocol.ts";
import { allOver, backend, client, gateway } from "../test/scene.ts";

const KINDS = Object.keys(FAILURES) as FailureKind[];

test("path: a login leads to the backend, and both sides are relayed until they end", async (t) => {
  const mailbox = await backend(t, "OK welcome");
  const harness = gateway(t, { legs: [mailbox.leg] });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN Alice s3cret");
  t.is(await hear(), "YES welcome");
  say("ping");
  t.is(await hear(), "ping");
  peer.end();
  await peer.closed();
  await allOver(t, harness);
  t.deepEqual(mailbox.heard, ["Alice s3cret"]);
  const [end] = harness.ended;
  t.is(end?.ending, "client-closed");
  t.is(end?.failure, undefined);
  const { identity, backend: name, mechanism, bytesIn, bytesOut, stage, attempts } = end?.session ?? t.fail();
  t.deepEqual(
    [identity?.user, name, mechanism, bytesIn, bytesOut, stage, attempts],
    ["alice@example.com", "mbx1", "PLAIN", 6, 6, "end", 1],
  );
  refuseSecrets(harness, ["s3cret"]);
});

test("path: a client that says goodbye is gone without a dial", async (t) => {
  const mailbox = await backend(t, "OK");
  const harness = gateway(t, { legs: [mailbox.leg] });
  const { say, peer } = await client(t, harness);
  say("QUIT");
  await peer.closed();
  await allOver(t, harness);
  t.is(harness.ended[0]?.ending, "logout");
  t.is(mailbox.sockets.length, 0);
});

for (const kind of KINDS) {
  const { tryNext, mayContinue } = FAILURES[kind];
  test(`path: after ${kind} at a backend the next candidate is ${tryNext ? "tried" : "left alone"}`, async (t) => {
    const [first, second] = [await backend(t, `NO ${kind}`), await backend(t, "OK in", { backend: "mbx2" })];
    const harness = gateway(t, { legs: [first.leg, second.leg] });
    const { say, hear, peer } = await client(t, harness);
    say("LOGIN alice s3cret");
    t.is(await hear(), tryNext ? "YES in" : `NO ${kind}`);
    t.deepEqual(second.heard, tryNext ? ["alice s3cret"] : []);
    if (!tryNext && mayContinue) {
      say("QUIT");
      await peer.closed();
      t.is(harness.ended[0]?.ending, "logout");
    } else if (!tryNext) {
      await peer.closed();
      t.is(harness.ended[0]?.failure?.kind, kind);
    } else {
      peer.end();
    }
    await allOver(t, harness);
  });
}

test("path: when no candidate can be reached the last failure is told, and each is reported to health", async (t) => {
  const reported: string[] = [];
  const [first, second] = [await backend(t, "NO backend-lost"), await backend(t, "NO backend-garbled", { backend: "mbx2" })];
  const harness = gateway(t, {
    legs: [first.leg, second.leg],
    house: {
      health: {
        facts: () => ({ state: "unknown", since: 0, evidence: "" }),
        order: (legs) => legs.toReversed(),
        succeeded: () => {},
        failed: ({ backend: name }, _, from) => void reported.push(`${name} ${from}`),
      },
    },
  });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  t.is(await hear(), "NO backend-lost");
  t.deepEqual(reported, ["mbx2 127.0.0.1", "mbx1 127.0.0.1"]);
  peer.end();
  await allOver(t, harness);
  t.deepEqual(harness.logger.messages("warn"), ["backend failed", "backend failed"]);
});

test("path: a silent first candidate costs one time-out, then the user is in", async (t) => {
  const clock = createFakeClock();
  const [silent, second] = [await backend(t, undefined), await backend(t, "OK in", { backend: "mbx2" })];
  const harness = gateway(t, { legs: [{ ...silent.leg, dialTimeoutMs: 3000 }, second.leg], house: { clock } });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  while (silent.sockets.length === 0) await clock.advance(1);
  await clock.advance(3000);
  t.is(await hear(), "YES in");
  peer.end();
  await allOver(t, harness);
});

for (const [title, answers, login] of [
  ["after a login", ["OK in"], undefined],
  ["after a refusal", ["NO wrong-credentials"], undefined],
  ["after two candidates", ["NO backend-lost", "OK in"], undefined],
  ["after a mistake of ours", ["NO internal"], undefined],
  ["with a password from the route source", ["OK in"], { user: "bob", secret: new Secret("other") }],
] as const) {
  test(`path: secrets are wiped ${title}, and not before`, async (t) => {
    const { protocol, presented } = lineProtocol();
    const seen: Credentials[] = [];
    const legs = await Promise.all(answers.map((answer) => backend(t, answer)));
    const harness = gateway(t, {
      protocol,
      legs: legs.map(({ leg }) => leg),
      routeLogin: login,
      house: {
        authenticator: {
          name: "test",
          check(credentials) {
            seen.push(credentials);
            return Promise.resolve({ user: "alice", proven: false });
          },
        },
      },
    });
    const { say, hear, peer } = await client(t, harness);
    say("LOGIN alice s3cret");
    await hear();
    peer.end();
    await allOver(t, harness);
    t.deepEqual(
      presented.map(({ secret }) => secret),
      answers.map(() => (login === undefined ? "s3cret" : "other")),
    );
    for (const credentials of [...seen, ...presented.map((one) => one.credentials)]) t.is(credentials.secret.reveal().length, 0);
  });
}

test("path: the guard is asked with the secret as it was, and holds the answer back", async (t) => {
  const clock = createFakeClock();
  const asked: string[] = [];
  const mailbox = await backend(t, "NO wrong-credentials");
  const harness = gateway(t, {
    legs: [mailbox.leg],
    house: {
      clock,
      guard: {
        delayBefore: () => 0,
        failed(host, user, { secret }) {
          asked.push(`${host} ${user} ${secret.reveal().toString()}`);
          return 3000;
        },
        succeeded: () => t.fail(),
      },
    },
  });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  while (asked.length === 0) await clock.advance(1);
  t.deepEqual(asked, ["127.0.0.1 alice@example.com s3cret"]);
  await clock.advance(2900);
  t.is(peer.unread.length, 0);
  await clock.advance(100);
  t.is(await hear(), "NO wrong-credentials");
  peer.end();
  await allOver(t, harness);
});

test("path: a guesser waits before the attempt is looked at", async (t) => {
  const clock = createFakeClock();
  const mailbox = await backend(t, "OK in");
  const guard = { delayBefore: () => 5000, failed: () => 0, succeeded: () => {} };
  const harness = gateway(t, { legs: [mailbox.leg], house: { clock, guard } });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  while (harness.house.registry.list()[0]?.stage !== "authenticate") await clock.advance(0);
  await clock.advance(4900);
  t.is(mailbox.sockets.length, 0);
  await clock.advance(100);
  t.is(await hear(), "YES in");
  peer.end();
  await allOver(t, harness);
});

for (const [title, failure, asks, waits] of [
  ["what is no guess is not slowed", new Failure("source-down", "x"), 0, 0],
  ["a route source may ask for a wait", new Failure("source-down", "x", { waitMs: 2000 }), 0, 2000],
  ["an unknown user waits like a wrong password", new Failure("unknown-user", "x"), 1, 3000],
  ["the longer wait counts", new Failure("route-refused", "x", { waitMs: 9000 }), 1, 9000],
] as const) {
  test(`path: ${title}`, async (t) => {
    const clock = createFakeClock();
    let asked = 0;
    const harness = gateway(t, {
      house: {
        clock,
        router: { find: () => Promise.reject(failure), explain: () => t.fail() },
        guard: { delayBefore: () => 0, failed: () => ((asked += 1), 3000), succeeded: () => {} },
      },
    });
    const { say, hear, peer } = await client(t, harness);
    say("LOGIN alice s3cret");
    for (let turn = 0; turn < 20; turn++) await clock.advance(0);
    if (waits > 0) {
      await clock.advance(waits - 1);
      t.is(peer.unread.length, 0);
      await clock.advance(1);
    }
    t.is(await hear(), `NO ${failure.kind}`);
    t.is(asked, asks);
    peer.end();
    await allOver(t, harness);
  });
}

test("path: a user over the limit is told, the backend is let go, and the next try starts anew", async (t) => {
  const mailbox = await backend(t, "OK in");
  let refusals = 1;
  const harness = gateway(t, { legs: [mailbox.leg] });
  const { limits } = harness.house;
  const original = limits.user.bind(limits);
  limits.user = (user) => (refusals-- > 0 ? Promise.reject(new Failure("too-many-of-user", "x")) : original(user));
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  t.is(await hear(), "NO too-many-of-user");
  while (mailbox.sockets[0]?.readableEnded !== true) await new Promise((resolve) => setImmediate(resolve));
  say("LOGIN alice s3cret");
  t.is(await hear(), "YES in");
  t.is(mailbox.sockets.length, 2);
  peer.end();
  await allOver(t, harness);
});

test("path: a place that is granted after the client has gone is given back", async (t) => {
  let grant: (place: Place) => void = () => {};
  let released = 0;
  const harness = gateway(t, {
    listener: { tls: "implicit" },
    house: {
      limits: {
        connection: () =>
          new Promise<Place>((resolve) => {
            grant = resolve;
          }),
        user: () => t.fail(),
      },
    },
  });
  const { peer } = await client(t, harness, null);
  peer.write(Buffer.from("no handshake\r\n"));
  while (harness.ended.length === 0) await new Promise((resolve) => setImmediate(resolve));
  t.is(harness.ended[0]?.failure?.kind, "tls-handshake");
  grant({ release: () => void (released += 1) });
  await new Promise((resolve) => setImmediate(resolve));
  t.is(released, 1);
});

test("path: credentials cross no plain leg off loopback unless the leg says so", async (t) => {
  // This address is the machine itself, but it is not a loopback address.
  const mailbox = await backend(t, "OK in", { host: "0.0.0.0" });
  const wary = gateway(t, { legs: [mailbox.leg] });
  const refused = await client(t, wary);
  refused.say("LOGIN alice s3cret");
  t.is(await refused.hear(), "NO backend-plaintext");
  t.is(mailbox.sockets.length, 0);
  refused.peer.end();
  await allOver(t, wary);
  const open = gateway(t, { legs: [{ ...mailbox.leg, allowPlaintext: true }] });
  const allowed = await client(t, open);
  allowed.say("LOGIN alice s3cret");
  t.is(await allowed.hear(), "YES in");
  allowed.peer.end();
  await allOver(t, open);
});

test("path: a name that no look-up may see never reaches the router", async (t) => {
  const harness = gateway(t, { house: { router: { find: () => t.fail(), explain: () => t.fail() } } });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN \x01 s3cret");
  t.is(await hear(), "NO wrong-credentials");
  peer.end();
  await allOver(t, harness);
});

test("path: a mistake of ours in the front is internal, told, and ends the session", async (t) => {
  const { protocol } = lineProtocol({ converse: () => Promise.reject(new TypeError("undefined is not a function")) });
  const harness = gateway(t, { protocol });
  const { hear, peer } = await client(t, harness, null);
  t.is(await hear(), "NO internal");
  await peer.closed();
  await allOver(t, harness);
  t.is(harness.ended[0]?.failure?.kind, "internal");
});

test("path: a client over the connection limit is told in words", async (t) => {
  const refuse = (): Promise<never> => Promise.reject(new Failure("too-many-from-address", "x"));
  const harness = gateway(t, { house: { limits: { connection: refuse, user: refuse } } });
  const { hear, peer } = await client(t, harness, null);
  t.is(await hear(), "NO too-many-from-address");
  await peer.closed();
  await harness.settled();
});

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
