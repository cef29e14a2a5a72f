// What scanners share: what becomes of mail that a scanner cannot look at, how many messages are under its eyes at a time,
// and which of several servers is asked first. A scanner that is down is never silent: a warning in the log, a finding, and
// what the settings say.

import {
  found,
  setting,
  stop,
  type Clock,
  type FilterAnswer,
  type Logger,
  type MailTransaction,
  type MailVisit,
} from "@postern/contracts";
import { cleanText } from "@postern/lookup";

const { choice, duration, integer, size } = setting;

export const ON_FAILURE = ["defer", "accept"] as const;

/** For every scanner. */
export const failureSettings = {
  onFailure: choice(
    "What becomes of mail when it is down, too slow, or talks nonsense: defer (the sender is told to come again), or accept (it goes on, not scanned). The log says so either way.",
    ON_FAILURE,
    { default: "defer" },
  ),
};

/** For a scanner that is given whole messages, one connection each. */
export const scannerSettings = {
  ...failureSettings,
  timeout: duration("How long one step may take: to connect, to take the next bytes, and from the last byte to the answer.", {
    default: 30_000,
    min: 100,
    max: 10 * 60_000,
  }),
  atOnce: integer("Messages under its eyes at the same time, in each worker; others wait, as long as `timeout`.", {
    default: 50,
    min: 1,
    max: 10_000,
  }),
  maxSize: size(
    "Larger messages are not scanned. The scanner's own limit must not be lower: it hangs up on what is larger, and that is a failure.",
    {
      default: 25 * 1024 ** 2,
      min: 1024,
      max: 4 * 1024 ** 3,
    },
  ),
  onLarge: choice("What becomes of larger messages: accept (they go on, not scanned), or refuse.", ["accept", "refuse"], {
    default: "accept",
  }),
};

export interface ScannerFacts {
  /** As a person knows it: "rspamd". */
  readonly name: string;
  /** What its findings begin with: "RSPAMD". */
  readonly symbol: string;
  readonly onFailure: (typeof ON_FAILURE)[number];
  readonly onLarge?: "accept" | "refuse";
  readonly logger: Logger;
}

/** What is thrown by whatever asks a scanner, in words for the log. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Tells of mail that a scanner did not look at. */
export class Unscanned {
  readonly #facts: ScannerFacts;
  /** So often since the start of this configuration. */
  #failures = 0;

  constructor(facts: ScannerFacts) {
    this.#facts = facts;
  }

  /** It could not tell. Defer or accept, as the settings say. */
  failed(mail: MailTransaction, reason: string): FilterAnswer {
    const { onFailure } = this.#facts;
    this.#tell(mail, mail.visit, reason, onFailure);
    return onFailure === "defer" ? stop(451, "4.7.1", "The message cannot be checked now, try again later") : undefined;
  }

  /** It could not even be told of the visit; a message will be its next chance. */
  failedAt(visit: MailVisit, reason: string): void {
    this.#tell(undefined, visit, reason, "ask again with the first message");
  }

  /** It takes no messages of this size. */
  tooLarge(mail: MailTransaction, reason: string): FilterAnswer {
    const { name, symbol, logger, onLarge = "accept" } = this.#facts;
    logger.warn(`${name} did not scan a message: ${reason}`, {
      session: mail.visit.session.id,
      transaction: mail.id,
      outcome: onLarge,
    });
    mail.findings.push(found(`${symbol}_TOO_LARGE`, 0, `not scanned by ${name}: ${reason}`));
    return onLarge === "refuse" ? stop(552, "5.3.4", "The message is too large to be checked") : undefined;
  }

  #tell(mail: MailTransaction | undefined, visit: MailVisit, reason: string, outcome: string): void {
    const { name, symbol, logger } = this.#facts;
    const why = cleanText(reason);
    this.#failures += 1;
    const fields = { session: visit.session.id, ...(mail && { transaction: mail.id }), failures: this.#failures, outcome };
    logger.warn(`${name} did not scan: ${why}`, fields);
    (mail ?? visit).findings.push(found(`${symbol}_DOWN`, 0, `not scanned by ${name}: ${why}`));
  }
}

interface Waiting {
  readonly take: () => void;
}

/** So many at a time; others wait in line, not endlessly. */
export class Places {
  readonly #count: number;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();
  #taken = 0;

  constructor(count: number, clock: Clock) {
    this.#count = count;
    this.#clock = clock;
  }

  /** A place; call what it resolves to once, to give it back. Error when none is free in time. */
  async take(waitMs: number): Promise<() => void> {
    if (this.#taken < this.#count) this.#taken += 1;
    else await this.#wait(waitMs);
    return () => this.#give();
  }

  #give(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#taken -= 1;
    else next.take();
  }

  #wait(waitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(waitMs, () => {
        this.#waiting.delete(waiting);
        reject(new Error(`${this.#count} messages are under its eyes already`));
      });
      const waiting: Waiting = {
        take: () => {
          this.#waiting.delete(waiting);
          timer.cancel();
          resolve();
        },
      };
      this.#waiting.add(waiting);
    });
  }
}

/** Thrown where asking another server would change nothing. */
export class Final extends Error {
  override readonly name: string = "Final";
}

/** Thrown by a scanner that takes no messages of this size. */
export class TooLarge extends Final {
  override readonly name = "TooLarge";
}

const SET_ASIDE_MS = 10_000;

/** Servers as configured; one that failed is asked last for a while. */
export class ServersInOrder<S extends { readonly label: string }> {
  readonly #servers: readonly S[];
  readonly #clock: Clock;
  readonly #asideUntil = new Map<S, number>();

  constructor(servers: readonly S[], clock: Clock) {
    this.#servers = servers;
    this.#clock = clock;
  }

  /** The first server for which `use` works. Final as it is; Error with what all of them said. */
  async first<T>(use: (server: S) => Promise<T>): Promise<T> {
    const problems: string[] = [];
    for (const server of this.#inOrder()) {
      try {
        const result = await use(server);
        this.#asideUntil.delete(server);
        return result;
      } catch (error) {
        if (error instanceof Final) throw error;
        this.#asideUntil.set(server, this.#clock.now() + SET_ASIDE_MS);
        problems.push(`${server.label}: ${reasonOf(error)}`);
      }
    }
    throw new Error(problems.join("; "));
  }

  #inOrder(): S[] {
    const now = this.#clock.now();
    const aside = (server: S): boolean => (this.#asideUntil.get(server) ?? 0) > now;
    return [...this.#servers.filter((server) => !aside(server)), ...this.#servers.filter(aside)];
  }
}
