// What every mechanism must do, as tests: the server's half over runExchange, and its own client's half against it.

import type { ExecutionContext, TestFn } from "ava";
import * as fc from "fast-check";
import { Failure, type Credentials, type FailureKind, type MechanismFactory } from "@postern/contracts";
import { bareContext } from "./context.ts";
import { runExchange } from "./exchange.ts";

export interface MechanismCase {
  readonly mechanism: MechanismFactory;
  /** The client's messages that log alice in, not yet base64. A function where they depend on the challenge. */
  readonly messages: readonly (string | ((challenge: Buffer) => string))[];
  /** The client speaks first: its first message may be an initial response. */
  readonly clientFirst: boolean;
  readonly expected: Omit<Credentials, "secret" | "salt">;
  readonly secret: RegExp;
  /** Messages that must be refused as malformed, as the answer to the first challenge. */
  readonly malformed: readonly (string | Buffer)[];
}

const base64 = (message: string | Buffer): string => Buffer.from(message).toString("base64");
const HOST = { hostname: "mail.example.com" };

/** Runs an exchange in which the client says `lines`, already base64; gives what it was asked. */
export async function exchange(
  mechanism: MechanismFactory,
  initial: string | undefined,
  lines: readonly (string | ((challenge: Buffer) => string))[],
): Promise<{ readonly credentials: Credentials; readonly asked: readonly Buffer[] }> {
  const asked: Buffer[] = [];
  const ask = (challenge: string): Promise<string> => {
    const data = Buffer.from(challenge, "base64");
    const line = lines[asked.length];
    asked.push(data);
    if (line === undefined) throw new Error("The mechanism asks more often than the client has answers");
    return Promise.resolve(typeof line === "string" ? line : line(data));
  };
  return { credentials: await runExchange(mechanism.create(bareContext(HOST)), initial, ask), asked };
}

/** The kind that the work fails with; a test fails on any other error and on success. */
export async function kindOf(t: ExecutionContext, work: Promise<unknown>): Promise<FailureKind | undefined> {
  const error = await t.throwsAsync(work, { instanceOf: Failure });
  return error?.kind;
}

/** Registers the tests of one mechanism. */
export function mechanismSuite(test: TestFn, case_: MechanismCase): void {
  const { mechanism, messages, clientFirst, expected, secret, malformed } = case_;
  const { name } = mechanism;
  const lines = messages.map((message) =>
    typeof message === "string" ? base64(message) : (challenge: Buffer) => base64(message(challenge)),
  );
  const [first] = lines;

  const check = (t: ExecutionContext, credentials: Credentials): void => {
    const { kind, mechanism: named, authcid, authzid } = credentials;
    t.deepEqual({ kind, mechanism: named, authcid, authzid }, expected);
    t.regex(credentials.secret.reveal().toString(), secret);
  };

  test(`${name}: without an initial response the client is asked, and gets in`, async (t) => {
    const { credentials, asked } = await exchange(mechanism, undefined, lines);
    check(t, credentials);
    t.is(asked.length, lines.length);
    if (clientFirst && lines.length === 1) t.is(asked[0]?.length, 0, "the first challenge is empty");
  });

  if (clientFirst && typeof first === "string") {
    test(`${name}: with an initial response there is one question less`, async (t) => {
      const { credentials, asked } = await exchange(mechanism, first, lines.slice(1));
      check(t, credentials);
      t.is(asked.length, lines.length - 1);
    });
  }

  test(`${name}: an empty initial response is not the same as none`, async (t) => {
    for (const initial of ["=", ""]) {
      const answers = ["", "", ""];
      t.is(await kindOf(t, exchange(mechanism, initial, answers)), "exchange-malformed");
    }
  });

  test(`${name}: the client may cancel at every question`, async (t) => {
    for (let at = 0; at < lines.length; at++) {
      const work = exchange(mechanism, undefined, [...lines.slice(0, at), "*"]);
      t.is(await kindOf(t, work), "exchange-cancelled");
    }
  });

  test(`${name}: what is not base64 is refused`, async (t) => {
    for (const line of ["!", "a", "ab", "abc", "abc=d", "====", "YQ=", "YQ==YQ==", " YWJj", "YWJj ", "YW\0j", "-_-_", "YR==\n"]) {
      t.is(await kindOf(t, exchange(mechanism, undefined, [line])), "exchange-malformed", JSON.stringify(line));
      t.is(await kindOf(t, exchange(mechanism, line, [])), "exchange-malformed", JSON.stringify(line));
    }
  });

  test(`${name}: malformed messages are refused, and never quoted`, async (t) => {
    for (const message of malformed) {
      const error = await t.throwsAsync(exchange(mechanism, undefined, [base64(message), base64("x"), base64("x")]), {
        instanceOf: Failure,
      });
      t.is(error?.kind, "exchange-malformed", String(message));
      t.notRegex(error?.message ?? "", /s3cret/);
    }
  });

  test(`${name}: names that are not UTF-8 are refused`, async (t) => {
    if (typeof messages[0] !== "string") return t.pass();
    const bad = Buffer.from(messages[0].replace("alice", "al\xffce"), "latin1");
    const rest = lines.slice(1);
    return t.is(await kindOf(t, exchange(mechanism, undefined, [base64(bad), ...rest])), "exchange-malformed");
  });

  test(`${name}: random answers end in credentials with a name and a secret, or in a failure of the exchange`, async (t) => {
    const answer = fc.oneof(fc.base64String({ maxLength: 60 }), fc.string({ maxLength: 20 }), fc.constant("*"), fc.constant(""));
    await fc.assert(
      fc.asyncProperty(
        fc.option(answer, { nil: undefined }),
        fc.array(answer, { minLength: 9, maxLength: 9 }),
        async (initial, answers) => {
          try {
            const { credentials } = await exchange(mechanism, initial, answers);
            t.true(credentials.authcid.length > 0 && credentials.secret.reveal().length > 0);
          } catch (error) {
            t.true(error instanceof Failure && error.kind.startsWith("exchange-"), String(error));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test(`${name}: two exchanges at a time do not mix`, async (t) => {
    const both = await Promise.all([exchange(mechanism, undefined, lines), exchange(mechanism, undefined, lines)]);
    for (const { credentials } of both) check(t, credentials);
    both[0].credentials.secret.wipe();
    t.true(both[1].credentials.secret.reveal().length > 0);
  });

  test(`${name}: a message of 48 kB is taken or refused, but never cut`, async (t) => {
    const long = "a".repeat(48 * 1024);
    const big = messages.map((message) =>
      typeof message === "string" ? base64(message.replace(/s3cret\w*/, `s3cret${long}`)) : message,
    );
    const outcome = await exchange(
      mechanism,
      undefined,
      big.map((message) => (typeof message === "string" ? message : (challenge: Buffer) => base64(message(challenge)))),
    );
    const length = outcome.credentials.secret.reveal().length;
    t.true(length === 32 || length >= long.length);
  });
}
