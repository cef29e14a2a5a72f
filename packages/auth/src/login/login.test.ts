import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import test from "ava";
import * as fc from "fast-check";
import {
  Failure,
  LOGIN_STRATEGIES,
  RELAY,
  Secret,
  systemClock,
  type BackendLogin,
  type Credentials,
  type Identity,
  type LoginSettings,
  type LoginStrategy,
} from "@postern/contracts";
import { createBackendLogin } from "./index.ts";
import { failureOf, password, SESSION } from "../suite.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-login-"));
const passwordFile = join(folder, "master.pass");
writeFileSync(passwordFile, "geheim pass\r\nsecond line\n", { mode: 0o600 });
test.after.always(() => rmSync(folder, { recursive: true }));

const ALICE: Identity = { user: "alice@example.com", proven: true };
const CONTEXT = { clock: systemClock, hostname: "gw1.example.com" };

function login(strategy: LoginStrategy, more: Partial<LoginSettings> = {}): BackendLogin {
  return createBackendLogin({ ...RELAY, strategy, ...more }, CONTEXT);
}

const master = (more: Partial<LoginSettings> = {}): BackendLogin => login("master", { user: "gate", passwordFile, ...more });

const parts = { mechanism: "X", authcid: "alice", authzid: "" };
const CREDENTIALS: readonly Credentials[] = [
  password("alice", "alices own"),
  { kind: "token", ...parts, secret: new Secret("token") },
  { kind: "digest", ...parts, secret: new Secret("00"), salt: "<1@x>" },
  { kind: "live", ...parts, secret: new Secret("n,,n=alice,r=x"), answer: () => Promise.resolve(Buffer.alloc(0)) },
  { kind: "proven", ...parts, secret: new Secret(""), user: "alice" },
  { kind: "rejected", ...parts, secret: new Secret(""), failure: new Failure("wrong-credentials", "no") },
];

const GUARDED = (["master", "xclient", "oauth"] as const).map(
  (strategy) => [strategy, (): BackendLogin => (strategy === "master" ? master() : login(strategy))] as const,
);

for (const [strategy, create] of GUARDED) {
  test(`${strategy}: who was not checked gets nothing, whatever they present`, async (t) => {
    const guarded = create();
    for (const proven of [false, undefined, 0, ""]) {
      for (const credentials of CREDENTIALS) {
        const identity = { user: ALICE.user, proven } as Identity;
        const failure = await failureOf(t, guarded.present(credentials, identity, SESSION));
        t.is(failure.kind, "not-authorized", credentials.kind);
        t.regex(failure.message, /^nobody has checked "alice@example.com"/);
      }
    }
    guarded.close();
  });

  test(`${strategy}: takes only the kinds that its row names`, async (t) => {
    const guarded = create();
    const carries: readonly string[] = LOGIN_STRATEGIES[strategy].carries;
    for (const credentials of CREDENTIALS.filter(({ kind }) => !carries.includes(kind))) {
      const failure = await failureOf(t, guarded.present(credentials, ALICE, SESSION));
      t.is(failure.kind, "backend-mechanism", credentials.kind);
    }
    guarded.close();
  });
}

const carried = CREDENTIALS.filter(({ kind }) => (LOGIN_STRATEGIES.master.carries as readonly string[]).includes(kind));

test("master: form authzid logs in by PLAIN as the master user on the user's behalf", async (t) => {
  for (const credentials of carried) {
    const { secret, ...rest } = await master().present(credentials, ALICE, SESSION);
    t.deepEqual(rest, { kind: "password", mechanism: "PLAIN", authcid: "gate", authzid: "alice@example.com" });
    t.is(secret.reveal().toString(), "geheim pass");
  }
});

test("master: form separator makes one login name, for whatever password command the backend has", async (t) => {
  const strategy = master({ form: "separator", separator: "*" });
  const { secret, ...rest } = await strategy.present(password("alice", "alices own"), ALICE, SESSION);
  t.deepEqual(rest, { kind: "password", mechanism: "CLEARTEXT", authcid: "alice@example.com*gate", authzid: "" });
  t.is(secret.reveal().toString(), "geheim pass");
});

test("master: form separator refuses a user whose name holds the separator", async (t) => {
  const strategy = master({ form: "separator", separator: "*" });
  for (const user of ["bob@example.com*alice@example.com", "bob*gate", "*", "*alice@example.com", "alice@example.com*"]) {
    const failure = await failureOf(t, strategy.present(password("x", "y"), { user, proven: true }, SESSION));
    t.is(failure.kind, "not-authorized", user);
  }
});

test("master: whatever the user is called, no other name stands in front of the first separator", async (t) => {
  const strategy = master({ form: "separator", separator: "*" });
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: fc.constantFrom("a", "b", "*", "@", "\u0661", "'") }), async (user) => {
      const presented = await strategy.present(password("x", "y"), { user, proven: true }, SESSION).catch(() => undefined);
      if (presented !== undefined) t.is(presented.authcid.split("*")[0], user);
      else t.true(user.includes("*"));
    }),
    { numRuns: 300 },
  );
});

test("master: each login gets a copy of the password of its own, and wiping it harms nobody", async (t) => {
  const strategy = master();
  const [one, two] = await Promise.all([1, 2].map(() => strategy.present(password("a", "b"), ALICE, SESSION)));
  one?.secret.wipe();
  t.is(two?.secret.reveal().toString(), "geheim pass");
  t.is((await strategy.present(password("a", "b"), ALICE, SESSION)).secret.reveal().toString(), "geheim pass");
});

test("master: reads its password again when the file changes, and fails for a while when it cannot", async (t) => {
  const file = join(folder, "changing.pass");
  writeFileSync(file, "first");
  const strategy = master({ passwordFile: file });
  const secret = async (): Promise<string> =>
    (await strategy.present(password("a", "b"), ALICE, SESSION)).secret.reveal().toString();
  t.is(await secret(), "first");
  writeFileSync(`${file}.new`, "second\n");
  renameSync(`${file}.new`, file);
  t.is(await secret(), "second");
  writeFileSync(file, "\nsecret in the wrong line");
  const empty = await failureOf(t, secret());
  t.is(empty.kind, "verifier-down");
  t.regex(empty.message, /passwordFile: .*its first line is empty/);
  rmSync(file);
  t.is((await failureOf(t, secret())).kind, "verifier-down");
  writeFileSync(file, "third");
  t.is(await secret(), "third");
});

test("master: settings that miss something are refused with their key", (t) => {
  t.throws(() => login("master", { passwordFile }), { message: /^user: / });
  t.throws(() => login("master", { user: "gate" }), { message: /^passwordFile: / });
  t.throws(() => master({ passwordFile: join(folder, "none") }), { message: /^passwordFile: cannot use .*ENOENT/ });
  t.throws(() => master({ passwordFile: folder }), { message: /^passwordFile: .*not a regular file/ });
  t.throws(() => master({ form: "separator", user: "gate*x" }), { message: /^user: / });
});

test("master: what it holds shows no password in a log", (t) => {
  t.notRegex(inspect(master(), { depth: 9, showHidden: true }), /geheim/);
});

test("xclient: names the user, with an empty password or that of the file", async (t) => {
  for (const [file, expected] of [
    [undefined, ""],
    [passwordFile, "geheim pass"],
  ] as const) {
    for (const credentials of carried) {
      const { secret, ...rest } = await login("xclient", { passwordFile: file }).present(credentials, ALICE, SESSION);
      t.deepEqual(rest, { kind: "trusted", mechanism: "EXTERNAL", authcid: "alice@example.com", authzid: "" });
      t.is(secret.reveal().toString(), expected);
    }
  }
});

test("relay: passes on what can be sent twice, and nothing else", async (t) => {
  for (const credentials of CREDENTIALS) {
    const presented = login("relay").present(credentials, { user: "alice", proven: false }, SESSION);
    if ((LOGIN_STRATEGIES.relay.carries as readonly string[]).includes(credentials.kind))
      t.is(await presented, credentials as Awaited<typeof presented>);
    else t.is((await failureOf(t, presented)).kind, "backend-mechanism");
  }
});

test("master: a session of the configuration before still gets the password after a reload", async (t) => {
  const before = master();
  before.close();
  const presented = await before.present(password("alice", "alices own"), ALICE, SESSION);
  t.is(presented.secret.reveal().toString(), "geheim pass");
});

test("login: an application is nobody at the backend, or the gateway's own account", async (t) => {
  const printers = { user: "printers", proven: true };
  const application = { kind: "admitted", ...parts, secret: new Secret(""), backend: "mx1", why: "", opening: "" } as const;
  for (const strategy of ["relay", "xclient"] as const)
    t.is(await login(strategy).present(application, printers, SESSION), application);
  for (const form of ["authzid", "separator"] as const) {
    const { secret, ...rest } = await master({ form }).present(application, printers, SESSION);
    t.deepEqual(rest, { kind: "password", mechanism: "PLAIN", authcid: "gate", authzid: "" });
    t.is(secret.reveal().toString(), "geheim pass");
  }
  t.is((await failureOf(t, login("oauth").present(application, printers, SESSION))).kind, "backend-mechanism");
});
