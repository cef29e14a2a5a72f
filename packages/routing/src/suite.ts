// What every route source must do, whoever it asks. For tests only.

import { Failure } from "@postern/contracts";
import type { CandidateName, RouteAnswer, RouteQuery, RouteSource } from "@postern/contracts";
import { testPassword, testQuery } from "@postern/testing";
import type { ExecutionContext, TestFn } from "ava";

export interface SuiteSubject {
  readonly source: RouteSource;
  /** Users that the source knows, each with the candidates that it must give. Two at least, with different homes. */
  readonly homes: Readonly<Record<string, readonly CandidateName[]>>;
  /** A user without a home, and what the source does with it; undefined when it knows everybody. */
  readonly stranger: { readonly user: string; readonly outcome: "unknown" | "refused" } | undefined;
  /** Stops what the source asks. */
  stop(): Promise<void>;
}

const PASSWORD = "suite-secret-9d1c";

function query(user: string, withPassword = true): RouteQuery {
  return testQuery(user, withPassword ? testPassword(user, PASSWORD) : undefined, { session: undefined });
}

// Names that have hurt look-ups elsewhere: prototypes, separators, escapes, long ones.
const ODD_NAMES = [
  "__proto__",
  "constructor",
  "tostring@__proto__",
  "*",
  "*@*",
  "a b%20c%",
  "a'b\"c\\d",
  "a/../b?c=d&e#f",
  "jörg@bücher.example",
  "用户@例え.テスト",
  "a@b@c",
  "@",
  "x".repeat(512),
];

async function outcome(source: RouteSource, asked: RouteQuery): Promise<RouteAnswer | undefined | Failure> {
  try {
    return await source.find(asked);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** Registers the suite's tests; `make` is called once for each. */
export function routeSourceSuite(test: TestFn, make: () => Promise<SuiteSubject>): void {
  const suite = (title: string, body: (t: ExecutionContext, subject: SuiteSubject) => Promise<void>): void => {
    test(`every source: ${title}`, async (t) => {
      const subject = await make();
      try {
        await body(t, subject);
      } finally {
        subject.source.close();
        await subject.stop();
      }
    });
  };

  suite("has a name of one printable line", async (t, { source }) => {
    t.regex(source.name, /^[\x20-\x7e]+$/);
  });

  suite("gives each user the home of that user, and a reason of one line", async (t, { source, homes }) => {
    t.true(new Set(Object.values(homes).map((home) => JSON.stringify(home))).size > 1);
    for (const [user, home] of Object.entries(homes)) {
      const answer = await source.find(query(user));
      t.deepEqual(answer?.candidates, home, user);
      t.regex(answer?.why ?? "", /^[^\p{Cc}]+$/u);
    }
  });

  suite("does not mix up users who ask at the same time", async (t, { source, homes }) => {
    const users = Array.from({ length: 25 }, () => Object.keys(homes)).flat();
    const answers = await Promise.all(users.map((user) => source.find(query(user))));
    for (const [i, user] of users.entries()) t.deepEqual(answers[i]?.candidates, homes[user], user);
  });

  suite("answers an administrator, who has no password", async (t, { source, homes }) => {
    for (const [user, home] of Object.entries(homes)) {
      t.deepEqual((await source.find(query(user, false)))?.candidates, home);
    }
  });

  suite("does not claim to know a stranger", async (t, { source, stranger }) => {
    if (stranger === undefined) {
      t.pass();
      return;
    }
    const got = await outcome(source, query(stranger.user));
    if (stranger.outcome === "unknown") t.is(got, undefined);
    else t.true(got instanceof Failure && got.kind === "wrong-credentials");
  });

  suite("takes odd names without an error of its own", async (t, { source }) => {
    for (const name of ODD_NAMES) {
      const got = await outcome(source, query(name));
      if (got instanceof Failure) t.true(["wrong-credentials", "route-refused"].includes(got.kind), `${name}: ${got.message}`);
      else if (got !== undefined) t.true(got.candidates.length > 0, name);
    }
    t.pass();
  });

  suite("keeps the password out of reasons and errors", async (t, { source, homes, stranger }) => {
    for (const user of [...Object.keys(homes), stranger?.user ?? "nobody"]) {
      const got = await outcome(source, query(user));
      const text = got instanceof Failure ? `${got.message} ${got.said?.text ?? ""} ${String(got.cause)}` : (got?.why ?? "");
      t.false(text.includes(PASSWORD), user);
    }
  });

  suite("may be closed twice", async (t, { source }) => {
    source.close();
    t.notThrows(() => source.close());
  });
}
