import test from "ava";
import { Failure, Secret, type Credentials, type Identity, type Place } from "@postern/contracts";
import { createFakeClock, relayed, testAuthenticator } from "@postern/testing";
import { lineProtocol } from "../test/line-protocol.ts";
import { allOver, backend, client, gateway } from "../test/scene.ts";

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
        authenticator: testAuthenticator({
          check(credentials) {
            seen.push(credentials);
            return Promise.resolve({ user: "alice", proven: false });
          },
        }),
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

test("path: the route source's password is for the user who was checked, whatever name was typed", async (t) => {
  for (const proven of [true, false]) {
    const mailbox = await backend(t, "OK in");
    const check = (): Promise<Identity> => Promise.resolve({ user: "alice@example.com", proven });
    const routeLogin = { secret: new Secret("of-the-route") };
    const harness = gateway(t, { legs: [mailbox.leg], routeLogin, house: { authenticator: testAuthenticator({ check }) } });
    const { say, hear, peer } = await client(t, harness);
    say("LOGIN bob s3cret");
    await hear();
    t.deepEqual(mailbox.heard, [proven ? "alice@example.com of-the-route" : "bob of-the-route"]);
    peer.end();
    await allOver(t, harness);
  }
});

for (const [title, strategy, proven, answer, guesses] of [
  ["the gateway's own password, for a user who was checked, is nobody's guess", "master", true, "NO backend-unavailable", 0],
  ["what the client sent is a guess", "relay", true, "NO wrong-credentials", 1],
  ["what nobody has checked is a guess", "master", false, "NO wrong-credentials", 1],
] as const) {
  test(`path: a backend's no to ${title}`, async (t) => {
    const mailbox = await backend(t, "NO wrong-credentials");
    let failed = 0;
    const harness = gateway(t, {
      legs: [mailbox.leg],
      house: {
        authenticator: testAuthenticator({ check: () => Promise.resolve({ user: "alice", proven }) }),
        loginAt: () => ({ ...relayed, strategy }),
        guard: { delayBefore: () => 0, failed: () => (failed++, 0), succeeded: () => t.fail() },
      },
    });
    const { say, hear, peer } = await client(t, harness);
    say("LOGIN alice s3cret");
    t.is(await hear(), answer);
    t.is(failed, guesses);
    peer.end();
    await allOver(t, harness);
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
  t.deepEqual(asked, ["127.0.0.1 alice s3cret"]);
  await clock.advance(2900);
  t.is(peer.unread.length, 0);
  await clock.advance(100);
  t.is(await hear(), "NO wrong-credentials");
  peer.end();
  await allOver(t, harness);
});

test("path: a failed login is logged under the name that it was for, and not under that of the attempt before", async (t) => {
  const dead = await backend(t, "NO backend-unavailable");
  const check = (credentials: Credentials): Promise<Identity> =>
    credentials.authcid === "alice"
      ? Promise.resolve({ user: "alice@example.com", proven: true })
      : Promise.reject(new Failure("wrong-credentials", "wrong password"));
  const harness = gateway(t, { legs: [dead.leg], house: { authenticator: testAuthenticator({ check }) } });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  await hear();
  say("LOGIN mallory s3cret");
  await hear();
  peer.end();
  await allOver(t, harness);
  const failed = harness.logger.records.filter(({ message }) => message === "login failed");
  t.deepEqual(
    failed.map(({ fields }) => fields?.["user"]),
    ["alice@example.com", "mallory"],
  );
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

test("path: what an exchange was held back for does not count twice", async (t) => {
  const clock = createFakeClock();
  const mailbox = await backend(t, "OK in");
  let asked = 0;
  const guard = { delayBefore: () => (asked++, 5000), failed: () => 0, succeeded: () => {} };
  const probe = lineProtocol().protocol;
  const protocol = lineProtocol({
    async converse(peer, session, context) {
      const attempt = await probe.converse(peer, session, context);
      return attempt && { ...attempt, heldMs: (await context.holdBack?.("alice")) ?? 0 };
    },
  }).protocol;
  const harness = gateway(t, { protocol, legs: [mailbox.leg], house: { clock, guard } });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  while (asked === 0) await clock.advance(0);
  await clock.advance(5000);
  t.is(await hear(), "YES in");
  t.is(asked, 2);
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

test("path: a client over the connection limit is told in words", async (t) => {
  const refuse = (): Promise<never> => Promise.reject(new Failure("too-many-from-address", "x"));
  const harness = gateway(t, { house: { limits: { connection: refuse, user: refuse } } });
  const { hear, peer } = await client(t, harness, null);
  t.is(await hear(), "NO too-many-from-address");
  await peer.closed();
  await harness.settled();
});
