// The LDAP verifier against a real OpenLDAP.

import test from "ava";
import type { ExecutionContext } from "ava";
import { createAuthority, issue } from "@postern/certs";
import { freePorts, startSlapd, type Slapd } from "@postern/testing";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, type Verifier } from "@postern/contracts";
import type { LdapSettings } from "./settings.ts";
import { ask, settings, verifier } from "./test/helpers.ts";
import { authenticatorOf } from "../authenticator.ts";
import { authenticatorSuite, failureOf } from "../suite.ts";

const authority = createAuthority("Test authority");
const stranger = createAuthority("Another authority");
// {SSHA} of "hashed one" with the salt "salt".
const HASHED = "{SSHA}EwHUE5Zo/d8zr1G3hsYS2u3XtXtzYWx0";

let folder: string;
let slapd: Slapd;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-ldap-"));
  await writeFile(join(folder, "ca.pem"), authority.cert);
  await writeFile(join(folder, "stranger.pem"), stranger.cert);
  await writeFile(join(folder, "wrong"), "not the password\n");
  slapd = await startSlapd({
    users: [
      { uid: "alice", mail: "alice@example.com", password: "right one" },
      { uid: "bob", mail: "bob@example.com", password: "right one" },
      { uid: "hash", mail: "hash@example.com", password: HASHED },
      { uid: "twin1", mail: "twin@example.com", password: "right one" },
      { uid: "twin2", mail: "twin@example.com", password: "right one" },
      { uid: "od*d(1)", mail: "odd*(1)@example.com", password: "right one" },
    ],
    tls: issue(authority, { names: ["127.0.0.1", "localhost"] }),
  });
  await writeFile(join(folder, "service"), `${slapd.servicePassword}\n`);
});

test.after.always(async () => {
  await slapd?.stop();
  await rm(folder, { recursive: true, force: true });
});

function searching(urls: readonly string[], more: Partial<LdapSettings> = {}): LdapSettings {
  const { serviceDn, suffix } = slapd;
  return settings(urls, { bindDn: serviceDn, bindPasswordFile: join(folder, "service"), base: suffix, ...more });
}

const url = (): string => `ldap://127.0.0.1:${slapd.port}`;
const made = (t: ExecutionContext, more: Partial<LdapSettings> = {}, urls = [url()]): Verifier =>
  verifier(t, searching(urls, more));

const kindOf = async (t: ExecutionContext, asked: Promise<unknown>): Promise<string> => (await failureOf(t, asked)).kind;

for (const method of ["bind", "compare"] as const) {
  authenticatorSuite(test, `real slapd, by ${method}`, {
    proves: true,
    password: "right one",
    create: async (t) =>
      authenticatorOf(
        [made(t, { method })],
        false,
        { verifiers: [], cache: 0, actAs: [], rights: [], masterSeparator: undefined },
        {
          clock: systemClock,
          logger: { error() {}, warn() {}, info() {}, debug() {}, isDebug: () => false },
          defaultDomain: "example.com",
          secret: Buffer.alloc(32),
        },
      ),
  });

  test(`real slapd, by ${method}: yes, no, unknown, and an empty password`, async (t) => {
    const asked = made(t, { method });
    for (let turn = 0; turn < 3; turn += 1) {
      t.deepEqual(await ask(asked, "alice", "right one"), { user: "alice" });
      t.is(await kindOf(t, ask(asked, "alice", "wrong one")), "wrong-credentials");
      t.is(await kindOf(t, ask(asked, "alice", "")), "wrong-credentials");
      t.is(await ask(asked, "nobody", "right one"), undefined);
      t.is(await kindOf(t, ask(asked, "twin", "right one")), "wrong-credentials");
    }
  });

  test(`real slapd, by ${method}: no name reaches beyond its value`, async (t) => {
    const asked = made(t, { method });
    const names = ["*", "*)(uid=*", "alice)(uid=*", "alice*", "a\\2a", "*)(objectClass=*))(|(mail=*", "(", ")", "\\", "al\\69ce"];
    for (const name of names) t.is(await ask(asked, `${name}@example.com`, "right one"), undefined, name);
    t.deepEqual(await ask(asked, "odd*(1)", "right one"), { user: "odd*(1)" });
  });
}

test("real slapd: a bind takes a hashed password, and dnTemplate needs no search", async (t) => {
  t.deepEqual(await ask(made(t), "hash", "hashed one"), { user: "hash" });
  const direct = settings([url()], { base: undefined, dnTemplate: `uid={local},ou=people,${slapd.suffix}` });
  const asked = verifier(t, direct);
  t.deepEqual(await ask(asked, "alice", "right one"), { user: "alice" });
  t.deepEqual(await ask(asked, "od*d(1)", "right one"), { user: "od*d(1)" });
  for (const name of ["nobody", "alice,ou=people", "alice+cn=x", 'al"ice', " alice#"])
    t.is(await kindOf(t, ask(asked, name, "right one")), "wrong-credentials", name);
});

test("real slapd: the user's name may come from the directory", async (t) => {
  const asked = made(t, { filter: "(&(objectClass=inetOrgPerson)(|(uid={local})(cn={local}*)))", userAttribute: "mail" });
  t.deepEqual(await ask(asked, "ALICE@other.example", "right one"), { user: "alice@example.com" });
});

test("real slapd: StartTLS and ldaps with the right authority, and with no other", async (t) => {
  const ways = [
    [{ startTls: true }, url()],
    [{ startTls: true }, `ldap://localhost:${slapd.port}`],
    [{}, `ldaps://127.0.0.1:${slapd.ldapsPort}`],
  ] as const;
  for (const [more, where] of ways) {
    const trusting = (ca: string | undefined, verify = true): Verifier => made(t, { ...more, tls: { ca, verify } }, [where]);
    const right = trusting(join(folder, "ca.pem"));
    for (let turn = 0; turn < 3; turn += 1) t.deepEqual(await ask(right, "alice", "right one"), { user: "alice" });
    t.is(await kindOf(t, ask(right, "alice", "wrong one")), "wrong-credentials");
    for (const ca of [join(folder, "stranger.pem"), undefined])
      t.is(await kindOf(t, ask(trusting(ca), "alice", "right one")), "verifier-down");
    t.deepEqual(await ask(trusting(undefined, false), "alice", "right one"), { user: "alice" });
  }
});

test("real slapd: a certificate for another name is refused", async (t) => {
  for (const [named, dialled] of [
    ["localhost", "127.0.0.1"],
    ["127.0.0.1", "localhost"],
  ] as const) {
    const other = await startSlapd({ users: [], tls: issue(authority, { names: [named] }) });
    try {
      for (const [startTls, where] of [
        [true, `ldap://${dialled}:${other.port}`],
        [false, `ldaps://${dialled}:${other.ldapsPort}`],
      ] as const) {
        const asked = made(t, { startTls, tls: { ca: join(folder, "ca.pem"), verify: true } }, [where]);
        const failure = await failureOf(t, ask(asked, "alice", "right one"));
        t.is(failure.kind, "verifier-down");
        t.regex(failure.message, /altnames/);
      }
    } finally {
      await other.stop();
    }
  }
});

test("real slapd: a unix socket", async (t) => {
  const asked = made(t, {}, [`ldapi://${encodeURIComponent(slapd.socketPath)}`]);
  t.deepEqual(await ask(asked, "alice", "right one"), { user: "alice" });
});

test("real slapd: the gateway's own wrong password is nobody else's", async (t) => {
  t.is(await kindOf(t, ask(made(t, { bindPasswordFile: join(folder, "wrong") }), "alice", "right one")), "verifier-down");
  t.is(await kindOf(t, ask(made(t, { bindDn: undefined, bindPasswordFile: undefined }), "alice", "right one")), "verifier-down");
});

test("real slapd: when the first server is dead, the second one says it", async (t) => {
  const [dead = 0] = await freePorts(1);
  const asked = made(t, {}, [`ldap://127.0.0.1:${dead}`, url()]);
  t.deepEqual(await ask(asked, "alice", "right one"), { user: "alice" });
  t.is(await kindOf(t, ask(asked, "alice", "wrong one")), "wrong-credentials");
  const alone = await failureOf(t, ask(made(t, {}, [`ldap://127.0.0.1:${dead}`]), "alice", "right one"));
  t.is(alone.kind, "verifier-down");
  t.regex(alone.message, /ECONNREFUSED/);
});

test("real slapd: one that hangs is down within the time-out, and one that starts again is used again", async (t) => {
  const own = await startSlapd({ users: [{ uid: "alice", mail: "alice@example.com", password: "right one" }] });
  try {
    const asked = made(t, { timeout: 500 }, [`ldap://127.0.0.1:${own.port}`]);
    const yes = async (): Promise<void> => void t.deepEqual(await ask(asked, "alice", "right one"), { user: "alice" });
    await Promise.all(Array.from({ length: 20 }, yes));
    own.pause();
    // Kept connections, and then new ones: both hang.
    for (let turn = 0; turn < 2; turn += 1) {
      const failures = await Promise.all(Array.from({ length: 10 }, () => failureOf(t, ask(asked, "alice", "right one"))));
      t.true(failures.every(({ kind, message }) => kind === "verifier-down" && !message.includes("right one")));
    }
    const failure = await failureOf(t, ask(asked, "alice", "right one"));
    t.regex(failure.message, /no answer within 500ms/);
    own.resume();
    await yes();
    await own.restart();
    await Promise.all(Array.from({ length: 20 }, yes));
    t.is(await kindOf(t, ask(asked, "alice", "wrong one")), "wrong-credentials");
  } finally {
    await own.stop();
  }
});
