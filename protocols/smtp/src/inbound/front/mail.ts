// One transaction under way: what filters see of it, the delivery behind it, its content, and the line that the log gets at its
// end. It ends once, whatever ends it.

import { scoreOf, type Logger, type MailAddress, type MailReply } from "@postern/contracts";
import { oneLine } from "@postern/core";
import type { Delivery } from "../parts.ts";
import type { Filters } from "./ask.ts";
import type { Content } from "./content.ts";
import type { Recipient, Transaction, Visit } from "./visit.ts";
import { inOneLine, isYes } from "./words.ts";

/** Recipients that the log names. */
const NAMED = 5;

export interface MailHouse {
  readonly filters: Filters;
  readonly logger: Logger;
  readonly now: () => number;
}

export class Mail {
  readonly transaction: Transaction;
  readonly delivery: Delivery;
  content: Content | undefined;
  /** The end has come; the answer is being asked for. */
  isEnding = false;
  readonly #house: MailHouse;
  #isOver = false;

  constructor(transaction: Transaction, delivery: Delivery, house: MailHouse) {
    this.transaction = transaction;
    this.delivery = delivery;
    this.#house = house;
  }

  /** The backends have answered, or the message was refused. `isGone`: the client was not there to hear it. */
  answered(reply: MailReply, isGone: boolean): void {
    const isTaken = isYes(reply);
    this.#end(isTaken, {
      reply: oneLine(inOneLine(reply)),
      ...(this.content?.refusedBy && { filter: this.content.refusedBy.filter }),
      ...(isGone && { warning: isTaken ? LEFT_TAKEN : LEFT_REFUSED }),
    });
  }

  /** It ends without a message. */
  dropped(why: string): void {
    if (this.#isOver) return;
    if (this.content === undefined) this.delivery.abort();
    else this.content.abort();
    this.#end(false, { reply: why });
  }

  #end(isTaken: boolean, fields: Readonly<Record<string, unknown>>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { filters, logger, now } = this.#house;
    const { transaction, delivery } = this;
    const { session } = transaction.visit;
    const { backends, mayBeDoubled } = delivery.facts;
    session.bytesIn += this.content?.size ?? 0;
    session.backend = backends[0] ?? session.backend;
    // Who begins and takes back all the time cannot fill the log.
    const isIdle = this.content === undefined && transaction.recipients.length === 0;
    logger[isIdle ? "debug" : "info"]("message", {
      ...factsOf(transaction),
      size: this.content?.size,
      backends,
      ...fields,
      ms: now() - transaction.startedAt,
      ...(mayBeDoubled.length > 0 && { mayBeDoubled }),
    });
    filters.tell((filter) => filter.finished?.(transaction, isTaken));
  }
}

const LEFT_TAKEN =
  "The client left before the answer: the message was taken and may be delivered, and the sender will send it again";
const LEFT_REFUSED = "The client left before the answer";

/** What the log says of a transaction. Addresses are the client's words: the log writes them as JSON. */
function factsOf(transaction: Transaction): Record<string, unknown> {
  const { id, visit, sender, recipients, kind, findings } = transaction;
  const found = [...visit.findings, ...findings];
  return {
    session: visit.session.id,
    transaction: id,
    client: visit.session.client.host,
    helo: visit.hello,
    sender: sender.address,
    recipients: recipients.length,
    to: recipients.slice(0, NAMED).map(({ address }) => address),
    kind,
    ...(found.length > 0 && {
      findings: found.map(({ symbol, score }) => `${symbol}(${score})`).join(" "),
      score: scoreOf(transaction),
    }),
  };
}

export interface Refused {
  readonly visit: Visit;
  readonly reply: MailReply;
  /** A filter, or what else has said no. */
  readonly by: string;
  readonly id?: string;
  readonly sender?: MailAddress;
  readonly recipient?: Recipient;
}

/** A no before there is a message: who said it, and to whom. */
export function logRefusal(logger: Logger, { visit, reply, by, id, sender, recipient }: Refused): void {
  logger.info("refused", {
    session: visit.session.id,
    transaction: id,
    client: visit.session.client.host,
    helo: visit.hello,
    sender: sender?.address,
    recipient: recipient?.address,
    by,
    reply: oneLine(inOneLine(reply)),
  });
}
