// Over HTTP/2 a client can send a hundred logins at once, before the first of them has failed and slows down the rest. So on a
// connection that requests share, a few logins that nobody has judged yet are looked at, and the others wait for their turn; the
// same login in several requests is one. A login that is not judged for long (a held poll) keeps nobody waiting. Never throws.

import type { Clock } from "@postern/contracts";
import type { Answer } from "../exchange.ts";

const AT_ONCE = 4;
/** Backends judge sooner. */
const JUDGED_MS = 1000;

export class Turns {
  readonly #clock: Clock;
  /** By the proof's name: how many requests have it. */
  readonly #open = new Map<string, number>();
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when it is this login's turn, or when its client has left. Give the turn back by what it resolves with; twice is once. */
  async take(proof: string, answer: Pick<Answer, "isOver" | "onGone">): Promise<Turn> {
    while (this.#open.size >= AT_ONCE && !this.#open.has(proof) && !answer.isOver) await this.#change(answer);
    this.#open.set(proof, (this.#open.get(proof) ?? 0) + 1);
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      this.#close(proof);
    };
    return { over, isLookedAt: () => void this.#clock.after(JUDGED_MS, over) };
  }

  #change(answer: Pick<Answer, "onGone">): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      answer.onGone = resolve;
    });
  }

  #close(proof: string): void {
    const left = (this.#open.get(proof) ?? 1) - 1;
    if (left === 0) this.#open.delete(proof);
    else this.#open.set(proof, left);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

export interface Turn {
  over(): void;
  /** From now on it should be judged soon. */
  isLookedAt(): void;
}

/** Where requests come one by one. */
export const ALONE: Turn = { over() {}, isLookedAt() {} };

/** Waits so long, or until the client has left. */
export function waitFor(clock: Clock, ms: number, answer: Pick<Answer, "isOver" | "onGone">): Promise<void> {
  if (ms <= 0 || answer.isOver) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      answer.onGone = undefined;
      resolve();
    };
    const timer = clock.after(ms, done);
    answer.onGone = done;
  });
}
