import test from "ava";
import { Failure, Secret, type Attempt, type FailureKind } from "@postern/contracts";
import { fakeFront } from "../test/front.ts";
import { refuseForeign, runCommands, type Command, type Row } from "./command-loop.ts";
import type { Front } from "./offer.ts";

const attempt: Attempt = {
  credentials: { kind: "password", mechanism: "X", authcid: "alice", authzid: "", secret: new Secret("s") },
  tag: "t",
};

const fail =
  (kind: FailureKind): Row<Front, Command> =>
  () => {
    throw new Failure(kind, `the row says ${kind}`);
  };

const ROWS = new Map<string, Row<Front, Command>>([
  ["NOOP", () => undefined],
  ["LOGIN", () => Promise.resolve(attempt)],
  ["BYE", () => "bye"],
  ["BAD", fail("syntax")],
  ["DOWN", fail("verifier-down")],
  ["TIME", fail("login-timeout")],
  ["BUG", () => JSON.parse("{") as never],
]);

/** Runs the loop over verbs; a Failure among them is what reading gives. */
async function run(verbs: readonly (string | Failure)[], maxErrors = 10) {
  const front = fakeFront({ context: { maxErrors } });
  const refused: string[] = [];
  const queue = [...verbs];
  const result = await runCommands<Front, Command>({
    front,
    rows: ROWS,
    read() {
      const next = queue.shift() ?? new Failure("client-gone", "no more");
      return next instanceof Failure ? Promise.reject(next) : Promise.resolve({ verb: next });
    },
    refuse: (failure, command) => void refused.push(`${command?.verb ?? "?"}: ${failure.kind}`),
  }).then(
    (outcome) => (outcome === undefined ? "bye" : outcome.tag),
    (error: unknown) => (error instanceof Failure ? error.kind : "error"),
  );
  return { result, refused, errors: front.session.errors, left: queue.length };
}

test("command loop: gives the attempt of the first row that has one, and reads no further", async (t) => {
  t.deepEqual(await run(["NOOP", "LOGIN", "NOOP"]), { result: "t", refused: [], errors: 0, left: 1 });
});

test("command loop: ends without an attempt when the client says goodbye", async (t) => {
  t.is((await run(["NOOP", "BYE"])).result, "bye");
});

test("command loop: errors are told and the dialogue goes on", async (t) => {
  const { result, refused, errors } = await run(["XYZZY", "BAD", new Failure("syntax", "no verb"), "LOGIN"]);
  t.deepEqual([result, errors], ["t", 3]);
  t.deepEqual(refused, ["XYZZY: unknown-command", "BAD: syntax", "?: syntax"]);
});

test("command loop: one error more than the budget ends it, and is not told twice", async (t) => {
  const { result, refused } = await run(["XYZZY", "BAD", "XYZZY", "LOGIN"], 2);
  t.is(result, "too-many-errors");
  t.is(refused.length, 2);
});

test("command loop: what is not the client's fault costs it nothing", async (t) => {
  const { result, errors } = await run(["DOWN", "DOWN", "DOWN", "LOGIN"], 2);
  t.deepEqual([result, errors], ["t", 0]);
});

test("command loop: a failure that is final ends it without a word", async (t) => {
  t.deepEqual(await run(["TIME", "LOGIN"]), { result: "login-timeout", refused: [], errors: 0, left: 1 });
});

test("command loop: a mistake of ours is internal and final", async (t) => {
  t.is((await run(["BUG", "LOGIN"])).result, "internal");
});

for (const [line, kind] of [
  ["GET / HTTP/1.1", "wrong-protocol"],
  ["CONNECT mail.example.com:443 HTTP/1.1", "wrong-protocol"],
  ["OPTIONS * RTSP/1.0", "wrong-protocol"],
  ["POST http://x/ HTTP/1.0", "wrong-protocol"],
  ["\x16\x03\x01\x02\x00\x01", "wrong-protocol"],
  ["PROXY TCP4 192.0.2.7 192.0.2.1 1 2", "proxy-header"],
  ["PROXY UNKNOWN", "proxy-header"],
  ["\0", "proxy-header"],
  ["A LOGIN CORP/1 x", undefined],
  ["a001 NOOP", undefined],
  ["get / http/1.1", undefined],
  ["", undefined],
] as const) {
  test(`foreign lines: ${JSON.stringify(line)} is ${kind ?? "left alone"}`, (t) => {
    if (kind === undefined) return t.notThrows(() => refuseForeign(line));
    const error = t.throws(() => refuseForeign(line), { instanceOf: Failure });
    return t.is(error?.kind, kind);
  });
}
