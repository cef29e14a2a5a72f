// Properties of the login guard, over random attempts.

import { Failure } from "@postern/contracts";
import { array, assert, asyncProperty, constantFrom, integer, record } from "fast-check";
import test from "ava";
import { createFakeClock } from "@postern/testing";
import { createLoginGuard, type MeasuredLoginGuard } from "./guard.ts";
import { LOGIN, password, refusedProof } from "./test/helpers.ts";

interface Step {
  readonly at: number;
  readonly host: number;
  readonly user: string;
  readonly what: "fail" | "refuse" | "succeed";
  readonly guess: number;
}

const steps = array(
  record<Step>({
    at: integer({ min: 0, max: 20_000 }),
    host: integer({ min: 0, max: 5 }),
    user: constantFrom("alice", "bob", "carol", ""),
    what: constantFrom("fail", "fail", "fail", "refuse", "succeed"),
    guess: integer({ min: 0, max: 4 }),
  }),
  { maxLength: 80 },
);
const BOUNDS = { addresses: 4, accounts: 2, guesses: 3, users: 2, networks: 2 };
// Two addresses of each network.
const hostOf = (host: number): string => `192.0.${host >> 1}.${host & 1}`;

/** The delay, or "refused". */
function before(guard: MeasuredLoginGuard, host: string, user: string): number | "refused" {
  try {
    return guard.delayBefore(host, user);
  } catch (error) {
    if (error instanceof Failure && error.kind === "too-many-failures") return "refused";
    throw error;
  }
}

function apply(guard: MeasuredLoginGuard, { host, user, what, guess }: Step): number {
  if (what === "succeed") {
    guard.succeeded(hostOf(host), user);
    return 0;
  }
  return guard.failed(hostOf(host), user, what === "fail" ? password(`guess ${guess}`) : refusedProof());
}

const rank = (delay: number | "refused"): number => (delay === "refused" ? Number.POSITIVE_INFINITY : delay);

test("login guard: whatever happens, delays stay in their range, grow with failures only, and memory in its bounds", async (t) => {
  await assert(
    asyncProperty(steps, async (all) => {
      const clock = createFakeClock();
      const guard = createLoginGuard(LOGIN, clock, BOUNDS);
      for (const step of all) {
        await clock.advance(step.at);
        const [host, user] = [hostOf(step.host), step.user];
        const was = before(guard, host, user);
        t.true(was === "refused" || (was >= 0 && was <= LOGIN.maxDelay - LOGIN.failureDelay));
        const told = apply(guard, step);
        const is = before(guard, host, user);
        if (step.what === "succeed") t.true(rank(is) <= rank(was));
        else t.true(rank(is) >= rank(was) && told === (was === "refused" ? LOGIN.maxDelay : was + LOGIN.failureDelay));
        const { addresses, accounts, users } = guard.remembered();
        t.true(addresses <= BOUNDS.addresses && accounts <= BOUNDS.accounts && users <= BOUNDS.users);
      }
      await clock.advance(LOGIN.forget);
      for (let host = 0; host <= 5; host += 1) t.is(before(guard, hostOf(host), "alice"), 0);
    }),
  );
});

test("login guard: whatever others do elsewhere, a user at home is neither delayed nor refused", async (t) => {
  await assert(
    asyncProperty(steps, async (all) => {
      const clock = createFakeClock();
      const guard = createLoginGuard(LOGIN, clock);
      guard.succeeded("203.0.113.1", "alice");
      for (const step of all) {
        await clock.advance(step.at);
        apply(guard, step);
        t.is(before(guard, "203.0.113.2", "alice"), 0);
      }
    }),
  );
});

test("login guard: whatever happens, an address is refused only after enough failures of its own", async (t) => {
  let refusals = 0;
  await assert(
    asyncProperty(steps, async (all) => {
      const guard = createLoginGuard(LOGIN, createFakeClock());
      const failed = new Map<number, number>();
      for (const step of all) {
        if (before(guard, hostOf(step.host), "nobody") === "refused") {
          t.true((failed.get(step.host) ?? 0) >= LOGIN.refuseAfter);
          refusals += 1;
        }
        apply(guard, step);
        if (step.what !== "succeed") failed.set(step.host, (failed.get(step.host) ?? 0) + 1);
      }
    }),
    { examples: [[Array.from({ length: 12 }, (_, guess) => ({ at: 0, host: 0, user: "alice", what: "fail", guess }))]] },
  );
  t.true(refusals > 0);
});
