import test from "ava";
import { sleep } from "@postern/contracts";
import { createFakeClock } from "./index.ts";

test("fake clock: runs timers in the order of their times, and stands at each one's time", async (t) => {
  const clock = createFakeClock(1000);
  const seen: [string, number][] = [];
  const note = (name: string) => () => void seen.push([name, clock.now()]);
  clock.after(20, note("late"));
  clock.after(10, note("early"));
  clock.after(10, note("early, set later"));
  clock.after(31, note("too late"));
  await clock.advance(30);
  t.deepEqual(seen, [
    ["early", 1010],
    ["early, set later", 1010],
    ["late", 1020],
  ]);
  t.is(clock.now(), 1030);
  t.is(clock.pending, 1);
});

test("fake clock: a cancelled timer does not run, not even when cancelled by one of the same time", async (t) => {
  const clock = createFakeClock();
  clock.after(5, () => second.cancel());
  const second = clock.after(5, () => t.fail());
  await clock.advance(10);
  t.is(clock.pending, 0);
});

test("fake clock: timers set by awaiting code run within the same advance", async (t) => {
  const clock = createFakeClock();
  let rounds = 0;
  const loop = async (): Promise<void> => {
    while (rounds < 3) {
      await sleep(clock, 10);
      rounds += 1;
    }
  };
  const running = loop();
  await clock.advance(30);
  await running;
  t.is(rounds, 3);
});
