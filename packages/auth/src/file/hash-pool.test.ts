import test from "ava";
import type { Failure } from "@postern/contracts";
import { failureOf } from "../suite.ts";
import { HashPool } from "./hash-pool.ts";
import { PASSWORD } from "./test/helpers.ts";

const password = (text = "password"): Buffer => Buffer.from(text);

test("hash pool: answers as the schemes do, and leaves the password as it is", async (t) => {
  const pool = new HashPool();
  t.teardown(() => pool.close());
  const right = password();
  t.true(await pool.check(PASSWORD, right));
  t.is(right.toString(), "password");
  t.false(await pool.check(PASSWORD, password("Password")));
});

test("hash pool: the event loop goes on while passwords are checked", async (t) => {
  const pool = new HashPool();
  t.teardown(() => pool.close());
  let turns = 0;
  const others = setInterval(() => turns++, 1);
  const slow = "$6$rounds=100000$asaltof16chars..$".padEnd(86 + 34, ".");
  t.deepEqual(await Promise.all(Array.from({ length: 4 }, () => pool.check(slow, password()))), [false, false, false, false]);
  clearInterval(others);
  t.true(turns >= 10, `${turns} turns`);
});

test("hash pool: many at once get each its own answer", async (t) => {
  const pool = new HashPool();
  t.teardown(() => pool.close());
  const asked = Array.from({ length: 60 }, (_, n) => n % 3 === 0);
  const answers = await Promise.all(asked.map((right) => pool.check(PASSWORD, password(right ? "password" : "wrong"))));
  t.deepEqual(answers, asked);
});

test("hash pool: when too many wait, more are told that it is busy", async (t) => {
  const pool = new HashPool();
  t.teardown(() => pool.close());
  const results = await Promise.allSettled(Array.from({ length: 110 }, () => pool.check(PASSWORD, password())));
  t.is(results.filter(({ status }) => status === "fulfilled").length, 102);
  t.regex((await failureOf(t, Promise.any(results.slice(105).map(rejected)).catch(first))).message, /^busy/);
});

test("hash pool: a client that asks and asks keeps nobody else waiting, and loses its place to others", async (t) => {
  const pool = new HashPool();
  t.teardown(() => pool.close());
  const done: string[] = [];
  const ask = (client: string): Promise<void> =>
    pool.check(PASSWORD, password(), client).then(
      () => void done.push(client),
      ({ message: text }: Failure) => void done.push(`${client} ${text}`),
    );
  const greedy = Array.from({ length: 102 }, () => ask("greedy"));
  const others = Array.from({ length: 10 }, (_, n) => ask(`other ${n}`));
  await Promise.all(others);
  // Two checks ran already; then each client has its turn.
  t.true(done.filter((one) => one === "greedy").length < 20, done.join());
  t.is(done.filter((one) => one.startsWith("greedy busy")).length, 10);
  await Promise.all(greedy);
  t.deepEqual(
    done.filter((one) => /^other.*busy/.test(one)),
    [],
  );
});

test("hash pool: a hash that cannot be checked is verifier-down, and the next one is checked", async (t) => {
  const pool = new HashPool();
  t.teardown(() => pool.close());
  const failure = await failureOf(t, pool.check("no hash", password("s3cret")));
  t.is(failure.kind, "verifier-down");
  t.notRegex(failure.message, /s3cret/);
  t.true(await pool.check(PASSWORD, password()));
});

test("hash pool: an endless password fits nothing and is not looked at to its end", async (t) => {
  const pool = new HashPool();
  t.teardown(() => pool.close());
  t.false(await pool.check(PASSWORD, Buffer.alloc(50_000_000, "a")));
});

test("hash pool: closed, it still answers what runs and what comes late", async (t) => {
  const pool = new HashPool();
  const running = [1, 2, 3, 4, 5].map(() => pool.check(PASSWORD, password()));
  pool.close();
  t.deepEqual(await Promise.all(running), [true, true, true, true, true]);
  t.true(await pool.check(PASSWORD, password()));
});

async function rejected(result: PromiseSettledResult<boolean>): Promise<boolean> {
  if (result.status === "rejected") throw result.reason;
  return result.value;
}

function first(error: AggregateError): never {
  throw error.errors[0];
}
