import test from "ava";
import { A, bench, refused } from "./test/helpers.ts";

test("health: what a backend offers is kept until it is heard anew, also while it is down", async (t) => {
  const { monitor, clock, does } = bench({ fall: 1 }, [A]);
  monitor.start();
  await clock.advance(0);
  t.is(monitor.facts(A).features, undefined);
  does.set("a", () => Promise.resolve({ evidence: "greeting in 1 ms", features: ["ONE", "TWO 2"] }));
  await clock.advance(1000);
  t.like(monitor.facts(A), { state: "up", evidence: "greeting in 1 ms", features: ["ONE", "TWO 2"] });
  does.set("a", refused);
  await clock.advance(1000);
  t.like(monitor.facts(A), { state: "down", features: ["ONE", "TWO 2"] });
  monitor.succeeded(A);
  does.set("a", () => Promise.resolve({ evidence: "again", features: [] }));
  await clock.advance(1000);
  t.deepEqual(monitor.facts(A).features, []);
  monitor.stop();
});
