import test from "ava";
import { createFakeClock } from "@postern/testing";
import { createHealthMonitor } from "./monitor.ts";
import { A, B, bench, leg, refused, SETTINGS } from "./test/helpers.ts";

test("health: nothing is known of a backend at first, and it may be dialled", (t) => {
  const { monitor } = bench();
  t.like(monitor.facts(A), { state: "unknown", evidence: "not probed yet" });
  t.deepEqual(monitor.order([B, A]), [B, A]);
});

test("health: the first good probe brings an unknown backend up", async (t) => {
  const { monitor, clock } = bench();
  monitor.start();
  await clock.advance(0);
  t.like(monitor.facts(A), { state: "up", since: clock.now(), evidence: "connected in 2 ms" });
  monitor.stop();
});

test("health: a backend falls after `fall` bad probes in a row and rises after `rise` good ones", async (t) => {
  const { monitor, clock, does } = bench({ fall: 3, rise: 2 }, [A]);
  monitor.start();
  await clock.advance(0);
  does.set("a", refused);
  await clock.advance(2000);
  t.is(monitor.facts(A).state, "up");
  t.is(monitor.facts(A).evidence, "connection refused");
  await clock.advance(1000);
  t.like(monitor.facts(A), { state: "down", since: clock.now() });
  does.delete("a");
  await clock.advance(1000);
  t.is(monitor.facts(A).state, "down");
  await clock.advance(1000);
  t.is(monitor.facts(A).state, "up");
  monitor.stop();
});

test("health: a good probe in between starts the count of bad ones again", async (t) => {
  const { monitor, clock, does } = bench({ fall: 2 }, [A]);
  monitor.start();
  await clock.advance(0);
  for (const outcome of [refused, undefined, refused, undefined]) {
    if (outcome === undefined) does.delete("a");
    else does.set("a", outcome);
    await clock.advance(1000);
    t.is(monitor.facts(A).state, "up");
  }
  monitor.stop();
});

test("health: a probe that does not answer in time has failed, and is aborted", async (t) => {
  const { monitor, clock, does } = bench({ fall: 1 }, [A]);
  let aborted = false;
  does.set(
    "a",
    (_leg, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(new Error("aborted"));
        });
      }),
  );
  monitor.start();
  await clock.advance(299);
  t.is(monitor.facts(A).state, "unknown");
  await clock.advance(1);
  t.like(monitor.facts(A), { state: "down", evidence: "no answer within 300 ms" });
  t.true(aborted);
  monitor.stop();
});

test("health: probes of one backend never overlap, not even when one never ends", async (t) => {
  const legs = [leg("a", "imap", 143), leg("a", "pop3", 110)];
  const { monitor, clock, does, probed } = bench({ timeout: 900 }, legs);
  let running = 0;
  let most = 0;
  does.set("a", async (asked) => {
    running += 1;
    most = Math.max(most, running);
    if (asked.protocol === "pop3") await new Promise<void>((resolve) => clock.after(800, resolve));
    running -= 1;
    return "slow";
  });
  monitor.start();
  await clock.advance(5000);
  t.is(most, 1);
  t.true(probed.length > 8);
  const before = probed.length;
  does.set("a", () => new Promise(() => {}));
  await clock.advance(20_000);
  t.is(probed.length, before + 2);
  t.true(legs.every((each) => monitor.facts(each).state === "down"));
  t.is(monitor.facts(legs[0] ?? t.fail()).evidence, "the probe before has not ended");
  monitor.stop();
});

test("health: hundreds of backends are spread over the interval", async (t) => {
  const legs = Array.from({ length: 200 }, (_, n) => leg(`mbx${n}`));
  const { monitor, clock, probed } = bench({}, legs);
  monitor.start();
  let most = 0;
  for (let n = 0; n < 20; n += 1) {
    const before = probed.length;
    await clock.advance(50);
    most = Math.max(most, probed.length - before);
  }
  t.true(most <= 11, `${most} probes in a twentieth of the interval`);
  await clock.advance(1000);
  t.is(new Set(probed).size, 200);
  monitor.stop();
});

test("health: jitter moves a round within its percent", async (t) => {
  const clock = createFakeClock();
  const at: number[] = [];
  const start = clock.now();
  const randoms = [0, 1, 0.5];
  const silent = (): void => {};
  const monitor = createHealthMonitor({
    settings: { ...SETTINGS, jitter: 20 },
    clock,
    logger: { error: silent, warn: silent, info: silent, debug: silent, isDebug: () => false },
    random: () => randoms.shift() ?? 0.5,
    probe: async () => String(at.push(clock.now() - start)),
  });
  monitor.update([A]);
  monitor.start();
  await clock.advance(3000);
  t.deepEqual(at, [0, 800, 2000, 3000]);
  monitor.stop();
});

test("health: after stop nothing is probed, and the answer of a running probe is not heard", async (t) => {
  const { monitor, clock, does, probed } = bench({ fall: 1 }, [A]);
  let aborted = false;
  does.set(
    "a",
    (_leg, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(new Error("aborted"));
        });
      }),
  );
  monitor.start();
  await clock.advance(10);
  monitor.stop();
  await clock.advance(5000);
  t.true(aborted);
  t.is(probed.length, 1);
  t.is(monitor.facts(A).state, "unknown");
  t.is(clock.pending, 0);
});

test("health: a probe that throws at once is a failed probe", async (t) => {
  const { monitor, clock, does } = bench({ fall: 1 }, [A]);
  does.set("a", () => {
    throw new Error("no such host");
  });
  monitor.start();
  await clock.advance(0);
  t.like(monitor.facts(A), { state: "down", evidence: "no such host" });
  monitor.stop();
});
