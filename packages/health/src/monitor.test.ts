import test from "ava";
import type { Leg, LogFields, Logger } from "@postern/contracts";
import { createFakeClock, type FakeClock } from "@postern/testing";
import { createHealthMonitor, type HealthMonitor } from "./monitor.ts";
import type { Probe } from "./rounds.ts";
import type { HealthSettings } from "./settings.ts";

const SETTINGS: HealthSettings = { interval: 1000, timeout: 300, jitter: 0, rise: 2, fall: 2, fallClients: 2, window: 10_000 };

function leg(backend: string, protocol = "imap", port = 143): Leg {
  return {
    backend,
    site: undefined,
    protocol,
    host: "127.0.0.1",
    port,
    tls: "none",
    ca: undefined,
    verify: true,
    serverName: undefined,
    proxyHeader: "none",
    forwardClient: false,
    allowPlaintext: false,
    login: "relay",
    dialTimeoutMs: 1000,
    replyTimeoutMs: 1000,
  };
}

const A = leg("a");
const B = leg("b");
const C = leg("c");

interface Bench {
  readonly clock: FakeClock;
  readonly monitor: HealthMonitor;
  /** What each backend's probe does next; good when it is not named. */
  readonly does: Map<string, Probe>;
  readonly probed: string[];
  readonly lines: { readonly level: string; readonly message: string; readonly fields: LogFields | undefined }[];
}

function bench(settings: Partial<HealthSettings> = {}, legs: readonly Leg[] = [A, B, C]): Bench {
  const clock = createFakeClock();
  const does = new Map<string, Probe>();
  const probed: string[] = [];
  const lines: Bench["lines"] = [];
  const note = (level: string) => (message: string, fields?: LogFields) => void lines.push({ level, message, fields });
  const logger: Logger = {
    error: note("error"),
    warn: note("warn"),
    info: note("info"),
    debug: note("debug"),
    isDebug: () => true,
  };
  const probe: Probe = (asked, signal) => {
    probed.push(asked.backend);
    return (does.get(asked.backend) ?? (async () => "connected in 2 ms"))(asked, signal);
  };
  const monitor = createHealthMonitor({ settings: { ...SETTINGS, ...settings }, clock, logger, probe, random: () => 0.5 });
  monitor.update(legs);
  return { clock, monitor, does, probed, lines };
}

const refused: Probe = () => Promise.reject(new Error("connection refused"));
const names = (legs: readonly Leg[]): string => legs.map(({ backend }) => backend).join("");

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

test("health: one client alone cannot mark a backend down", (t) => {
  const { monitor } = bench();
  for (let n = 0; n < 100; n += 1) monitor.failed(A, "connection refused", "192.0.2.1");
  t.like(monitor.facts(A), { state: "unknown", evidence: "connection refused" });
});

test("health: enough different clients mark a backend down, and probes bring it up", async (t) => {
  const { monitor, clock, lines } = bench();
  monitor.failed(A, "connection refused", "192.0.2.1");
  monitor.failed(A, "connection refused", "192.0.2.2");
  t.is(monitor.facts(A).state, "down");
  t.is(names(monitor.order([A, B, C])), "bca");
  monitor.start();
  await clock.advance(1000);
  t.is(monitor.facts(A).state, "up");
  t.deepEqual(
    lines.filter(({ fields }) => fields?.["leg"] === "a imap 127.0.0.1:143").map(({ level, message }) => `${level}: ${message}`),
    ["warn: A backend is down", "info: A backend is up"],
  );
  monitor.stop();
});

test("health: old failures and failures before a success do not count", async (t) => {
  const { monitor, clock } = bench();
  monitor.failed(A, "refused", "192.0.2.1");
  await clock.advance(10_001);
  monitor.failed(A, "refused", "192.0.2.2");
  t.is(monitor.facts(A).state, "unknown");
  monitor.succeeded(A);
  monitor.failed(A, "refused", "192.0.2.3");
  t.is(monitor.facts(A).state, "up");
});

test("health: a client with many addresses of one network is one client", (t) => {
  const clock = createFakeClock();
  const silent = (): void => {};
  const monitor = createHealthMonitor({
    settings: SETTINGS,
    clock,
    logger: { error: silent, warn: silent, info: silent, debug: silent, isDebug: () => false },
    probe: refused,
    clientKey: (host) => host.split("::")[0] ?? host,
  });
  monitor.update([A]);
  for (let n = 1; n < 50; n += 1) monitor.failed(A, "banned", `2001:db8:0:1::${n}`);
  t.is(monitor.facts(A).state, "unknown");
});

test("health: backends that are down come last, in their order; when all are down all stay as given", (t) => {
  const { monitor } = bench({ fallClients: 1 });
  const down = (each: Leg): void => monitor.failed(each, "refused", "192.0.2.1");
  down(B);
  t.is(names(monitor.order([B, C, A])), "cab");
  t.is(names(monitor.order([A, B, C])), "acb");
  down(C);
  t.is(names(monitor.order([B, C, A])), "abc");
  down(A);
  t.is(names(monitor.order([B, C, A])), "bca");
  t.deepEqual(monitor.order([]), []);
});

test("health: a leg outside the configuration is unknown and leaves nothing behind", (t) => {
  const { monitor } = bench({ fallClients: 1 }, [A]);
  monitor.failed(B, "refused", "192.0.2.1");
  monitor.succeeded(C);
  t.is(monitor.facts(B).state, "unknown");
  t.is(monitor.all().length, 1);
});

test("health: a reload keeps what is known of legs that stay, probes new ones and lets the others go", async (t) => {
  const { monitor, clock, does, probed } = bench({ fall: 1 }, [A, B]);
  does.set("a", refused);
  monitor.start();
  await clock.advance(1000);
  t.is(monitor.facts(A).state, "down");
  monitor.update([{ ...A, verify: false }, C]);
  t.is(monitor.facts(A).state, "down");
  t.is(monitor.facts(B).state, "unknown");
  probed.length = 0;
  await clock.advance(2000);
  t.is(monitor.facts(C).state, "up");
  t.false(probed.includes("b"));
  t.true(probed.includes("a"));
  t.deepEqual(
    monitor.all().map((each) => each.leg.verify),
    [false, true],
  );
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
