import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import * as fc from "fast-check";
import { Failure, systemClock, type Clock, type FailureKind, type NtlmResponse } from "@postern/contracts";
import { isAnswer, question, sessionBaseKey } from "./helper-protocol.ts";
import { createNtlmVerifier } from "./verifier.ts";

const COMMAND = [process.execPath, fileURLToPath(new URL("../../test/ntlm-helper.ts", import.meta.url))];
const SETTINGS = { domains: { EXAMPLE: "example.com" }, command: COMMAND, processes: 2, timeout: 60_000 };
const KEY = "8de40ccadbc14a82f15cb0ad0de95ca3";

const response = (user: string, key = KEY): NtlmResponse => ({
  user,
  domain: "EXAMPLE",
  workstation: "CLIENT",
  serverChallenge: Buffer.from("0123456789abcdef", "hex"),
  ntResponse: Buffer.concat([Buffer.from(key, "hex"), Buffer.alloc(44)]),
  lmResponse: Buffer.alloc(24),
});

function verifierFor(t: ExecutionContext, over: Partial<typeof SETTINGS> = {}, clock: Clock = systemClock) {
  const verifier = createNtlmVerifier({ ...SETTINGS, ...over }, { clock });
  t.teardown(() => verifier.close());
  const ask = async (user: string, key?: string) => verifier.ntlm?.(response(user, key));
  const refuse = async (user: string, kind: FailureKind, reason: RegExp): Promise<void> => {
    const error = await t.throwsAsync(ask(user), { instanceOf: Failure });
    t.is(error?.kind, kind, user);
    t.regex(error?.message ?? "", reason);
  };
  return { verifier, ask, refuse };
}

/** A clock that moves only when it is told to. */
function handClock(): Clock & { ring(): void } {
  const tasks = new Set<() => void>();
  return {
    now: () => 0,
    after(_ms, task) {
      tasks.add(task);
      return { cancel: () => void tasks.delete(task) };
    },
    ring() {
      for (const task of tasks) task();
    },
  };
}

test("ntlm: a yes gives the mailbox's user and the session base key", async (t) => {
  const { ask, verifier } = verifierFor(t);
  t.deepEqual(await ask("alice"), { user: "alice@example.com", sessionBaseKey: Buffer.from(KEY, "hex") });
  t.deepEqual(verifier.proves, ["ntlm"]);
});

test("ntlm: a no is a wrong password, an expired one, or a right that is missing; an unknown user is nobody", async (t) => {
  const { ask, refuse } = verifierFor(t);
  await refuse("wrong", "wrong-credentials", /NT_STATUS_LOGON_FAILURE/);
  await refuse("locked", "wrong-credentials", /LOCKED_OUT/);
  await refuse("expired", "credentials-expired", /PASSWORD_EXPIRED/);
  await refuse("hours", "not-authorized", /LOGON_HOURS/);
  t.is(await ask("unknown"), undefined);
});

test("ntlm: a yes without a session key is a guest, and refused", async (t) => {
  const { refuse } = verifierFor(t);
  await refuse("guest", "wrong-credentials", /guest/);
  await refuse("bad-key", "verifier-down", /32 hex/);
});

test("ntlm: a helper that cannot reach winbind is down", async (t) => {
  const { refuse } = verifierFor(t);
  await refuse("winbindless", "verifier-down", /winbind reply/);
});

test("ntlm: one helper serves many logins; the second dot of a no does not shift the answers", async (t) => {
  const { ask } = verifierFor(t, { processes: 1 });
  await t.throwsAsync(ask("wrong"), { instanceOf: Failure });
  t.is(await ask("unknown"), undefined);
  await t.throwsAsync(ask("winbindless"), { instanceOf: Failure });
  t.is((await ask("alice", "11".repeat(16)))?.sessionBaseKey.toString("hex"), "11".repeat(16));
  t.is((await ask("count"))?.sessionBaseKey.readUInt8(15), 5, "the same process");
});

test("ntlm: a helper that complains is ended, so that its second complaint answers nobody", async (t) => {
  const { ask, refuse } = verifierFor(t, { processes: 1 });
  await refuse("complaint", "verifier-down", /Error: one/);
  t.is((await ask("count"))?.sessionBaseKey.readUInt8(15), 1, "a new process");
});

test("ntlm: an answer that nobody asked for is nobody's", async (t) => {
  const { ask } = verifierFor(t, { processes: 1 });
  await ask("chatty", "22".repeat(16));
  // Either the helper was ended before this question, or while it waited; never the surplus answer.
  const outcome = await ask("alice", "33".repeat(16)).catch((error: unknown) => error);
  if (outcome instanceof Failure) t.is(outcome.kind, "verifier-down");
  else t.like(outcome, { sessionBaseKey: Buffer.from("33".repeat(16), "hex") });
});

test("ntlm: a helper that says too much is ended", async (t) => {
  const { ask, refuse } = verifierFor(t, { processes: 1 });
  await refuse("endless", "verifier-down", /too much/);
  t.truthy(await ask("alice"));
});

test("ntlm: a helper that ends is down for its question, and replaced for the next", async (t) => {
  const { ask, refuse } = verifierFor(t, { processes: 1 });
  await refuse("exit", "verifier-down", /code 3.*out of order/);
  t.truthy(await ask("alice"));
});

test("ntlm: a helper that is not installed, or ends at once, is down", async (t) => {
  for (const command of [["/nonexistent/ntlm_auth"], ["false"], ["true"]]) {
    const { refuse } = verifierFor(t, { command });
    await refuse("alice", "verifier-down", /helper/);
    await refuse("alice", "verifier-down", /helper/);
  }
});

test("ntlm: a helper that does not answer in time is killed and replaced; who waited behind it fails too", async (t) => {
  const clock = handClock();
  const { ask } = verifierFor(t, { processes: 1 }, clock);
  const late = [ask("silent"), ask("alice")].map((work) => work.catch((error: unknown) => error));
  clock.ring();
  const [first, second] = await Promise.all(late);
  t.true(first instanceof Failure && first.kind === "verifier-down" && /does not answer within 1min/.test(first.message));
  t.true(second instanceof Failure && second.kind === "verifier-down" && /free/.test(second.message));
  t.truthy(await ask("alice"));
});

test("ntlm: many logins at a time each get their own answer", async (t) => {
  const { ask } = verifierFor(t, { processes: 3 });
  const keys = Array.from({ length: 60 }, (_, index) => index.toString(16).padStart(32, "0"));
  const accounts = await Promise.all(keys.map((key) => ask("alice", key)));
  t.deepEqual(
    accounts.map((account) => account?.sessionBaseKey.toString("hex")),
    keys,
  );
});

test("ntlm: the queue is bounded", async (t) => {
  const { ask, verifier } = verifierFor(t, { processes: 1 });
  const outcomes = Array.from({ length: 300 }, () =>
    ask("silent").then(
      () => "answered",
      (error: unknown) => String(error),
    ),
  );
  t.regex(await Promise.any(outcomes), /256 logins wait/);
  verifier.close();
  const all = await Promise.all(outcomes);
  t.is(all.filter((outcome) => /256 logins wait/.test(outcome)).length, 300 - 257);
});

test("ntlm: after close() nothing is asked, and open questions fail", async (t) => {
  const { ask, verifier } = verifierFor(t);
  const open = ask("silent").catch((error: unknown) => error);
  verifier.close();
  verifier.close();
  t.true((await open) instanceof Failure);
  await t.throwsAsync(ask("alice"), { instanceOf: Failure, message: /closed/ });
});

test("ntlm: users of other domains never reach the helper", async (t) => {
  const { verifier } = verifierFor(t, { command: ["/nonexistent/ntlm_auth"] });
  t.is(await verifier.ntlm?.({ ...response("alice"), domain: "ELSEWHERE" }), undefined);
  t.is(await verifier.ntlm?.(response("alice\nUsername: bob")), undefined);
});

test("ntlm: settings that cannot work are refused with the key", (t) => {
  const build = (over: Partial<typeof SETTINGS>) => () => createNtlmVerifier({ ...SETTINGS, ...over }, { clock: systemClock });
  t.throws(build({ command: [] }), { message: /^command: / });
  t.throws(build({ domains: {} as typeof SETTINGS.domains }), { message: /^domains: / });
});

test("ntlm: whatever the names are, a question keeps its lines", (t) => {
  const name = fc.string({ unit: "binary", maxLength: 40 });
  fc.assert(
    fc.property(name, name, (user, domain) => {
      const lines = question({ ...response(user), domain }).split("\n");
      t.is(lines.length, domain === "" ? 6 : 7);
      t.is(lines.indexOf("."), lines.length - 2);
    }),
  );
});

test("ntlm: whatever the helper says, it is a key, nobody or a failure; never a yes without being one", (t) => {
  const line = fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.constantFrom("Authenticated: No", "Authentication-Error: x", "User-Session-Key: 00"),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      t.is(isAnswer(lines), lines[0] === "Authenticated: No");
      const error = t.throws(() => sessionBaseKey(lines), { instanceOf: Failure });
      t.is(error?.kind, "verifier-down");
    }),
  );
});
