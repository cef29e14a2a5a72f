// Asks the filters, in their order, stage by stage. Who has nothing to say at a stage costs nothing there; nothing waits unless a
// filter does. A filter that breaks defers the mail: it is never taken for a yes.

import type { FilterAnswer, FilterStage, FilterVerdict, Logger, MailFilter, MailReply, MaybePromise } from "@postern/contracts";

/** Who stopped the mail, and with which reply. */
export interface Stopped {
  readonly filter: string;
  readonly reply: MailReply;
  readonly hangUp: boolean;
}

type Question = (filter: MailFilter) => MaybePromise<FilterAnswer>;

const BROKEN: FilterVerdict = {
  action: "stop",
  reply: { code: 451, status: "4.3.0", lines: ["The mail cannot be checked now, try again later"] },
};

export class Filters {
  readonly all: readonly MailFilter[];
  readonly #at: Readonly<Record<FilterStage, readonly MailFilter[]>>;
  readonly #logger: Logger;

  constructor(all: readonly MailFilter[], logger: Logger) {
    const those = (stage: FilterStage): readonly MailFilter[] => all.filter((filter) => filter[stage] !== undefined);
    this.all = all;
    this.#at = {
      connect: those("connect"),
      hello: those("hello"),
      sender: those("sender"),
      recipient: those("recipient"),
      header: those("header"),
      content: those("content"),
    };
    this.#logger = logger;
  }

  /** undefined: nobody objects. */
  ask(stage: FilterStage, question: Question): MaybePromise<Stopped | undefined> {
    const filters = this.#at[stage];
    return filters.length === 0 ? undefined : this.#askFrom(0, filters, question);
  }

  /** Tells all of them something; what one cannot take is nobody else's trouble. */
  tell(words: (filter: MailFilter) => void): void {
    for (const filter of this.all) {
      try {
        words(filter);
      } catch (error) {
        this.#broken(filter, error);
      }
    }
  }

  /** What a filter's scan says of the message at its end, as an answer at a stage would. */
  async answerOf(filter: MailFilter, answer: () => Promise<FilterAnswer>): Promise<FilterAnswer> {
    try {
      return await answer();
    } catch (error) {
      return this.#broken(filter, error);
    }
  }

  #askFrom(first: number, filters: readonly MailFilter[], question: Question): MaybePromise<Stopped | undefined> {
    for (let at = first; at < filters.length; at++) {
      const filter = filters[at] as MailFilter;
      const answer = this.#answer(filter, question);
      if (answer instanceof Promise) return this.#waitFor(answer, at, filters, question);
      if (answer !== undefined) return stoppedBy(filter, answer);
    }
    return undefined;
  }

  async #waitFor(
    pending: Promise<FilterAnswer>,
    at: number,
    filters: readonly MailFilter[],
    question: Question,
  ): Promise<Stopped | undefined> {
    const filter = filters[at] as MailFilter;
    const answer = await this.answerOf(filter, () => pending);
    return answer === undefined ? this.#askFrom(at + 1, filters, question) : stoppedBy(filter, answer);
  }

  #answer(filter: MailFilter, question: Question): MaybePromise<FilterAnswer> {
    try {
      return question(filter);
    } catch (error) {
      return this.#broken(filter, error);
    }
  }

  #broken(filter: MailFilter, error: unknown): FilterVerdict {
    this.#logger.error("filter failed", { filter: filter.name, error });
    return BROKEN;
  }
}

export function stoppedBy(filter: MailFilter, verdict: FilterVerdict): Stopped | undefined {
  if (verdict.action === "accept") return undefined;
  return { filter: filter.name, reply: verdict.reply, hangUp: verdict.hangUp === true };
}
