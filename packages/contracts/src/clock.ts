// Time, passed in, so that tests own it.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds of the wall clock. */
  now(): number;
  /** Runs `task` once after `ms`; a pending timer does not keep the process alive. */
  after(ms: number, task: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Resolves after `ms`; at once when it is zero or less. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve) => clock.after(ms, resolve));
}
