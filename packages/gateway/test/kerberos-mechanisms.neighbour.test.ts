// Kerberos by MIT's library on both sides, with a real KDC: our verifier and mechanisms accept, a Python client asks.

import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import test from "ava";
import type { ExecutionContext } from "ava";
import * as fc from "fast-check";
import { Failure, type Authenticator, type Credentials } from "@postern/contracts";
import { startKdc } from "@postern/testing";
import type { Kdc, KerberosEnvironment } from "@postern/testing";
import { exchange, firstTokens, kerberosAuthenticator, setEnvironment } from "./kerberos-acceptor.ts";

const USERS = { alice: "Alice-geheim-1" };

let kdc: Kdc;
let alice: KerberosEnvironment;
let authenticator: Authenticator;

test.before(async () => {
  kdc = await startKdc({ users: USERS });
  setEnvironment(kdc.environment);
  alice = await kdc.kinit("alice");
  authenticator = kerberosAuthenticator(kdc);
});

test.after.always(async () => {
  authenticator?.close();
  await kdc?.stop();
});

const KINDS: ReadonlySet<string> = new Set(["wrong-credentials", "exchange-malformed"]);
const PROVEN = { kind: "proven", authcid: "alice@TEST.LOCAL", user: "alice@test.local" } as const;

function rejected(t: ExecutionContext, credentials: Credentials): Failure {
  return credentials.kind === "rejected" ? credentials.failure : t.fail(`${credentials.authcid} is in`);
}

/** A context that takes one token, and is freed. */
function accept(token: Buffer, service = "imap", by = authenticator): string {
  const acceptor = by.proofs.gss?.(service, undefined);
  if (acceptor === undefined) throw new Error("no acceptor");
  try {
    return acceptor.step(token).done ? acceptor.principal : "";
  } finally {
    acceptor.close();
  }
}

function refusal(t: ExecutionContext, token: Buffer, service = "imap", by = authenticator): Failure {
  return t.throws(() => accept(token, service, by), { instanceOf: Failure }) ?? t.fail();
}

for (const mechanism of ["GSSAPI", "GSS-SPNEGO"] as const) {
  test(`${mechanism}: alice gets in, with and without an initial response, to every service`, async (t) => {
    for (const service of ["imap", "pop", "smtp", "HTTP"]) {
      t.like(await exchange(authenticator, { mechanism, service, environment: alice }), { ...PROVEN, mechanism, authzid: "" });
    }
    t.like(await exchange(authenticator, { mechanism, initial: false, environment: alice }), PROVEN);
  });

  test(`${mechanism}: a ticket for another service is refused`, async (t) => {
    const failure = rejected(t, await exchange(authenticator, { mechanism, asked: "HTTP@localhost", environment: alice }));
    t.is(failure.kind, "wrong-credentials");
    t.regex(failure.message, /The ticket isn't for us|Request ticket server HTTP/);
  });

  test(`${mechanism}: a client that binds to our TLS channel or to none gets in, to another one it does not`, async (t) => {
    const [ours, theirs] = [randomBytes(32), randomBytes(32)];
    const run = (binding: Buffer | undefined, clientBinding: Buffer | undefined): Promise<Credentials> =>
      exchange(authenticator, {
        mechanism,
        ...(binding !== undefined && { binding }),
        ...(clientBinding !== undefined && { clientBinding }),
        environment: alice,
      });
    t.like(await run(ours, ours), PROVEN);
    t.like(await run(ours, undefined), PROVEN);
    t.like(await run(undefined, undefined), PROVEN);
    const failure = rejected(t, await run(ours, theirs));
    t.is(failure.kind, "wrong-credentials");
    t.regex(failure.message, /another TLS channel/);
    const lenient = kerberosAuthenticator({ ...kdc, channelBinding: "ignore" });
    t.like(await exchange(lenient, { mechanism, binding: ours, clientBinding: theirs, environment: alice }), PROVEN);
  });
}

test("GSSAPI: an authzid comes through", async (t) => {
  const credentials = await exchange(authenticator, { mechanism: "GSSAPI", authzid: "bob@example.com", environment: alice });
  t.like(credentials, { ...PROVEN, authzid: "bob@example.com" });
});

test("GSSAPI: a client that chooses a security layer is refused", async (t) => {
  for (const layer of [2, 4]) {
    const error = await t.throwsAsync(exchange(authenticator, { mechanism: "GSSAPI", layer, environment: alice }), {
      instanceOf: Failure,
    });
    t.is(error?.kind, "exchange-malformed");
  }
});

test("kerberos: with realms, the users of another are nobody", async (t) => {
  const other = kerberosAuthenticator({ keytab: kdc.keytab, realms: { "EXAMPLE.COM": "example.com" } });
  const failure = rejected(t, await exchange(other, { mechanism: "GSSAPI", environment: alice }));
  t.is(failure.kind, "wrong-credentials");
  const mapped = kerberosAuthenticator({ keytab: kdc.keytab, realms: { "TEST.LOCAL": "example.com" } });
  t.like(await exchange(mapped, { mechanism: "GSSAPI", environment: alice }), { user: "alice@example.com" });
});

test("kerberos: a token counts once", async (t) => {
  const [token = Buffer.alloc(0)] = await firstTokens("imap@localhost", 1, alice);
  t.is(accept(token), "alice@TEST.LOCAL");
  const failure = refusal(t, token);
  t.is(failure.kind, "wrong-credentials");
  t.regex(failure.message, /replay/);
});

test("kerberos: a ticket that is over its time is refused, and a clock that is off is told in the log", async (t) => {
  // Here tickets may be two seconds over their time, so that nobody has to wait for five minutes.
  const strict = await startKdc({ users: USERS, clockSkewSeconds: 2 });
  t.teardown(async () => {
    setEnvironment(kdc.environment);
    await strict.stop();
  });
  setEnvironment(strict.environment);
  const by = kerberosAuthenticator(strict);
  const [expired = Buffer.alloc(0)] = await firstTokens("imap@localhost", 1, await strict.kinit("alice", { lifetime: "1s" }));
  const [old = Buffer.alloc(0)] = await firstTokens("imap@localhost", 1, await strict.kinit("alice"));
  await wait(5000);
  const late = refusal(t, expired, "imap", by);
  t.is(late.kind, "wrong-credentials");
  t.regex(late.message, /[Tt]icket expired/);
  const skewed = refusal(t, old, "imap", by);
  t.is(skewed.kind, "wrong-credentials");
  t.regex(skewed.message, /Clock skew.*set them right on both/);
});

test("kerberos: a ticket that was made with another key is refused", async (t) => {
  const keytab = await kdc.writeKeytab(["imap/other"]);
  const [token = Buffer.alloc(0)] = await firstTokens("imap@localhost", 1, alice);
  t.is(refusal(t, token, "imap", kerberosAuthenticator({ keytab })).kind, "wrong-credentials");
});

test("kerberos: where one key serves several services, the one that was asked for counts, whatever stands first", async (t) => {
  const keytab = await kdc.writeKeytab(["imap/localhost"]);
  const imap = (await readFile(keytab)).subarray(2);
  const http = Buffer.from(imap.toString("latin1").replaceAll("imap", "HTTP"), "latin1");
  await writeFile(keytab, Buffer.concat([Buffer.from([5, 2]), http, imap]));
  const [token = Buffer.alloc(0)] = await firstTokens("imap@localhost", 1, alice);
  t.is(accept(token, "imap", kerberosAuthenticator({ keytab })), "alice@TEST.LOCAL");
});

test("kerberos: a keytab spells the service as it likes", async (t) => {
  const keytab = await kdc.writeKeytab(["IMAP/localhost"]);
  const [token = Buffer.alloc(0)] = await firstTokens("IMAP@localhost", 1, alice);
  t.is(accept(token, "imap", kerberosAuthenticator({ keytab })), "alice@TEST.LOCAL");
});

test("kerberos: a token that was changed or cut is refused, or it is alice's still; nothing breaks", async (t) => {
  const [token = Buffer.alloc(0), cut = Buffer.alloc(0)] = await firstTokens("imap@localhost", 2, alice);
  const change = fc.tuple(fc.nat(token.length - 1), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const bent = Buffer.from(token);
      for (const [at, by] of changes) bent[at] = (bent[at] ?? 0) ^ by;
      try {
        t.is(accept(bent), "alice@TEST.LOCAL");
      } catch (error) {
        t.true(error instanceof Failure && KINDS.has(error.kind), String(error));
      }
    }),
    { numRuns: 3000 },
  );
  for (let length = 0; length < cut.length; length += 1) t.true(KINDS.has(refusal(t, cut.subarray(0, length)).kind));
  t.is(accept(cut), "alice@TEST.LOCAL", "the whole one was good");
});

test("kerberos: memory does not grow with logins, refused or not", async (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const garbage = Buffer.from("600d06092a864886f7120102020100", "hex");
  const resident: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    for (const token of await firstTokens("imap@localhost", 400, alice)) {
      accept(token);
      for (const bad of [token, garbage, token.subarray(0, 300)]) refusal(t, bad);
    }
    collect();
    resident.push(process.memoryUsage.rss());
  }
  t.log(resident.map((bytes) => `${Math.round(bytes / 1024)} kB`).join(" "));
  // Between the two there are 2,000 logins and 6,000 refusals.
  const [, , early = 0] = resident;
  const late = resident.at(-1) ?? 0;
  t.true(late - early < 4 * 1024 * 1024, `grew by ${late - early} bytes`);
});
