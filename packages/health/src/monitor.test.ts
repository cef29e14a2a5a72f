import test from "ava";
import type { Leg } from "@postern/contracts";
import { createFakeClock } from "@postern/testing";
import { createHealthMonitor } from "./monitor.ts";
import { A, B, C, bench, names, refused, SETTINGS } from "./test/helpers.ts";

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
