// What every Authenticator must do, as tests. Each verifier runs it with one account that it knows.

import type { ExecutionContext, TestFn } from "ava";
import { Failure, systemClock, type Authenticator, type FailureKind, type PasswordCredentials } from "@postern/contracts";
import { listenerInfo, testPassword, testSession } from "@postern/testing";
import type { AuthenticatorContext } from "./authenticator.ts";

export interface AuthenticatorCase {
  /** Made with example.com as the default domain. */
  readonly create: (t: ExecutionContext) => Promise<Authenticator>;
  /** The password of alice@example.com and of bob@example.com. */
  readonly password: string;
  /** Whether the verifier itself can tell a right password from a wrong one. */
  readonly proves: boolean;
}

const KINDS: ReadonlySet<FailureKind> = new Set(["wrong-credentials", "not-authorized", "credentials-expired", "verifier-down"]);

/** Names that no look-up may see. */
const BAD_NAMES = ["", " ", "alice\r\nXCLIENT", "alice\0", "alice\u2028", "alice\r\n", "\u001b[2Jalice", "a".repeat(513)];

export function password(authcid: string, secret: string, authzid = ""): PasswordCredentials {
  return testPassword(authcid, secret, { authzid });
}

const client = { host: "127.0.0.1", port: 50_000 };

/** A session that has come as far as authentication. */
export const SESSION = testSession({
  id: "test",
  listener: listenerInfo("imap", { tls: "starttls" }),
  stage: "authenticate",
  peer: client,
  client,
  local: { host: "127.0.0.1", port: 143 },
  attempts: 1,
  mechanism: "PLAIN",
});

/** What a verifier gets of the house, without a log. */
export function contextOf(defaultDomain?: string): AuthenticatorContext {
  const silent = (): void => {};
  const logger = { error: silent, warn: silent, info: silent, debug: silent, isDebug: () => false };
  return { clock: systemClock, logger, defaultDomain, secret: Buffer.alloc(32, 1) };
}

/** The failure of a check; a test fails when it succeeds or throws something else. */
export async function failureOf(t: ExecutionContext, work: Promise<unknown>): Promise<Failure> {
  const error = await t.throwsAsync(work, { instanceOf: Failure });
  return error ?? t.fail();
}

/** Registers the tests of Authenticator under the verifier's name. */
export function authenticatorSuite(test: TestFn, name: string, { create, password: right, proves }: AuthenticatorCase): void {
  test(`${name}: the identity is the normalised name with its domain`, async (t) => {
    const authenticator = await create(t);
    for (const authcid of ["alice", "ALICE@Example.COM", " alice@example.com "]) {
      t.deepEqual(await authenticator.check(password(authcid, right), SESSION), { user: "alice@example.com", proven: proves });
    }
  });

  test(`${name}: a name that no look-up may see is refused as wrong, quoted on one line and cut`, async (t) => {
    const authenticator = await create(t);
    for (const authcid of BAD_NAMES) {
      const failure = await failureOf(t, authenticator.check(password(authcid, "s3cret-of-a-client"), SESSION));
      t.is(failure.kind, "wrong-credentials", JSON.stringify(authcid));
      t.regex(failure.message, /^[\x20-\x7e]{1,400}$/);
      t.notRegex(failure.message, /s3cret/);
    }
  });

  test(`${name}: the credentials stay whole, for the login at the backend`, async (t) => {
    const credentials = password("alice", right);
    await (await create(t)).check(credentials, SESSION);
    t.is(credentials.secret.reveal().toString(), right);
  });

  test(`${name}: checks at the same moment do not mix their users`, async (t) => {
    const authenticator = await create(t);
    const names = Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? "alice" : "bob"));
    const users = await Promise.all(names.map((each) => authenticator.check(password(each, right), SESSION)));
    t.deepEqual(
      users.map(({ user }) => user),
      names.map((each) => `${each}@example.com`),
    );
  });

  test(`${name}: a wrong password is ${proves ? "refused" : "left to the backend"}`, async (t) => {
    const authenticator = await create(t);
    const wrong = authenticator.check(password("alice", "s3cret-of-a-client"), SESSION);
    if (!proves) return t.false((await wrong).proven);
    const failure = await failureOf(t, wrong);
    t.true(KINDS.has(failure.kind));
    return t.notRegex(failure.message, /s3cret/);
  });
}
