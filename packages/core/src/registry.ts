// The sessions that live in this process: listed, found by user, ended one by one or all together. Also the one clock of
// relayed sessions: a sweep that looks at byte counts, so that no chunk has to touch a timer.

import { Failure, type Clock, type Ending, type FailureKind, type Session } from "@postern/contracts";

/** A session that can be ended from outside. */
export interface Live {
  readonly session: Session;
  /** Bytes relayed so far; undefined before the relay runs. */
  readonly bytes: () => number | undefined;
  /** One side has closed, the other still talks. */
  readonly halfClosed: () => boolean;
  /** The client spoke last, and waits for an answer. */
  readonly clientWaits: () => boolean;
  readonly idleMs: number;
  /** Ends it: the client is told `failure` in its protocol's words, or nothing. */
  readonly end: (ending: Ending, failure: Failure | undefined) => void;
  /** Cuts it. */
  readonly cut: () => void;
}

interface Seen {
  bytes: number;
  at: number;
}

const SWEEP_MS = 15_000;
const HALF_CLOSED_MS = 60_000;
/** A session that was told goodbye and still stands is cut after this. */
const GOODBYE_MS = 5000;
/** So often a session that has no relay, and waits for an answer, is waited for. */
const MAX_GOODBYES = 6;
/** No byte for this long is a quiet moment; so many times it is waited for. */
const QUIET_MS = 250;
const MAX_LOOKS = 20;

export class Registry {
  readonly #live = new Map<string, Live>();
  readonly #seen = new WeakMap<Live, Seen>();
  readonly #clock: Clock;
  #sweeping = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#live.size;
  }

  add(live: Live): void {
    this.#live.set(live.session.id, live);
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#clock.after(SWEEP_MS, this.#sweep);
  }

  remove(session: Session): void {
    this.#live.delete(session.id);
  }

  list(): readonly Session[] {
    return Array.from(this.#live.values(), (live) => live.session);
  }

  /** Ends all sessions of a user; how many there were. */
  kick(user: string): number {
    const theirs = [...this.#live.values()].filter((live) => live.session.identity?.user === user);
    for (const live of theirs) this.#end(live, "kicked", "kicked", "An administrator ended the session");
    return theirs.length;
  }

  /** Tells everybody goodbye, spread over `overMs` so that clients do not all come back at once; resolves when all are gone. */
  async drain(overMs: number): Promise<void> {
    const all = [...this.#live.values()];
    const step = all.length === 0 ? 0 : overMs / all.length;
    all.forEach((live, index) => {
      const tell = (): void => this.#end(live, "drained", "shutting-down", "The gateway is stopping");
      if (step * index < 1) tell();
      else this.#clock.after(step * index, tell);
    });
    await this.#empty(this.#clock.now() + overMs + MAX_LOOKS * QUIET_MS + GOODBYE_MS + 1000);
  }

  #empty(until: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#live.size === 0 || this.#clock.now() >= until) resolve();
        else this.#clock.after(50, look);
      };
      look();
    });
  }

  /**
   * Says goodbye in a quiet moment: when no byte has moved for a little while and the client waits for no answer, so that
   * the words can neither land inside an answer nor be taken for one. A session that is never quiet is ended without
   * words, and one that stands still after goodbye is cut.
   */
  #end(live: Live, ending: Ending, kind: FailureKind, reason: string, looks = MAX_LOOKS): void {
    if (!this.#lives(live)) return;
    const before = live.bytes();
    this.#clock.after(before === undefined ? 0 : QUIET_MS, () => {
      if (!this.#lives(live)) return;
      // Before a relay, and without one, the protocol itself knows when to say it.
      const isQuiet = before === undefined || (before === live.bytes() && !live.clientWaits());
      if (!isQuiet && looks > 0) return this.#end(live, ending, kind, reason, looks - 1);
      live.end(ending, looks > 0 ? new Failure(kind, reason) : undefined);
      this.#cutLater(live);
    });
  }

  /** Who waits for an answer may have it yet. */
  #cutLater(live: Live, looks = MAX_GOODBYES): void {
    this.#clock.after(GOODBYE_MS, () => {
      if (!this.#lives(live)) return;
      if (live.bytes() === undefined && live.clientWaits() && looks > 1) this.#cutLater(live, looks - 1);
      else live.cut();
    });
  }

  #lives(live: Live): boolean {
    return this.#live.get(live.session.id) === live;
  }

  readonly #sweep = (): void => {
    const now = this.#clock.now();
    for (const live of this.#live.values()) this.#look(live, now);
    this.#sweeping = this.#live.size > 0;
    if (this.#sweeping) this.#clock.after(SWEEP_MS, this.#sweep);
  };

  #look(live: Live, now: number): void {
    const bytes = live.bytes();
    if (bytes === undefined) return;
    const seen = this.#seen.get(live);
    if (seen === undefined || seen.bytes !== bytes) {
      this.#seen.set(live, { bytes, at: now });
    } else if (live.halfClosed() && now - seen.at >= HALF_CLOSED_MS) {
      live.cut();
    } else if (now - seen.at >= live.idleMs) {
      this.#end(live, "idle", "idle", `No byte for ${live.idleMs} ms`);
    }
  }
}
