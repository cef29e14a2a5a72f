// The recipients of one message that go to one backend, and the candidates that may be this backend. When one is lost, the
// next takes over as if nothing had been: MAIL, all recipients that were accepted, DATA, the bytes so far. It does so only as
// long as no backend has the final dot, and only where all of that is accepted again. Never throws.

import {
  legText,
  toFailure,
  type HostDoors,
  type Leg,
  type MailRecipient,
  type MailReply,
  type MailTransaction,
  type MaybePromise,
} from "@postern/contracts";
import type { InboundParts } from "../parts.ts";
import { answerTo, isYes, LOST, UNREACHABLE, worstOf, YES } from "./answers.ts";
import { Conversation, type Opened } from "./conversation.ts";
import type { Held } from "./held.ts";

/** What all targets of a delivery share. */
export interface Surroundings {
  readonly transaction: MailTransaction;
  readonly parts: InboundParts;
  readonly trace: HostDoors["trace"];
  /** A leg that could not be used for this message. */
  readonly failed: (leg: Leg) => void;
}

export interface Outcome {
  readonly reply: MailReply;
  /** Who has the message, or may have it: the backend; where it answers for each recipient, those. */
  readonly taken: readonly string[];
}

/** So many connections that waited in the pool may turn out to be dead before the backend is taken for dead itself. */
const MAX_STALE = 5;

/** A candidate's answer to the recipients that are new; undefined: it was of no use, the next one may be. */
type Entered = readonly MailReply[] | undefined;

export class Target {
  /** Accepted by the backend, in this order. */
  readonly recipients: MailRecipient[] = [];
  readonly #around: Surroundings;
  /** Not tried yet, in order. */
  #candidates: readonly Leg[];
  #leg: Leg | undefined;
  #conversation: Conversation | undefined;
  /** The backend's no to client or sender, the same for all recipients. */
  #refusal: MailReply | undefined;
  /** Why the last candidate was of no use. */
  #problem = UNREACHABLE;
  #isOver = false;

  constructor(candidates: readonly Leg[], around: Surroundings) {
    this.#candidates = candidates;
    this.#around = around;
  }

  /** The one that talks, or did last. */
  get leg(): Leg | undefined {
    return this.#leg;
  }

  /** Another backend could take over. */
  get canMove(): boolean {
    return this.#candidates.length > 0;
  }

  /** From now on only these may take over. */
  keepCandidates(legs: readonly Leg[]): void {
    if (!this.canMove) return;
    const names = new Set(legs.map(legText));
    this.#candidates = this.#candidates.filter((leg) => names.has(legText(leg)));
  }

  /** These go elsewhere. The backend forgets all of them; when it is to begin, it is told of those that stay. */
  letGo(gone: ReadonlySet<MailRecipient>): void {
    const stay = this.recipients.filter((one) => !gone.has(one));
    if (stay.length === this.recipients.length) return;
    this.recipients.splice(0, Infinity, ...stay);
    if (this.#leg !== undefined && this.#conversation !== undefined) this.#candidates = [this.#leg, ...this.#candidates];
    this.#conversation?.leave();
    this.#conversation = undefined;
  }

  /** The backend's answer for one more recipient. */
  async add(recipient: MailRecipient): Promise<MailReply> {
    const answer = this.#refusal ?? (await this.#ask(recipient)) ?? (await this.#move([recipient]));
    if (isYes(answer)) this.recipients.push(recipient);
    return answer;
  }

  /** Takes over recipients that others have accepted. Anything but 2xx: it does not take all of them. */
  async adopt(recipients: readonly MailRecipient[]): Promise<MailReply> {
    const answer = await this.#move(recipients);
    if (isYes(answer)) this.recipients.push(...recipients);
    return answer;
  }

  /** The backend takes content from here on, and has what is held. A reply: it does not. */
  async start(held: Held): Promise<MailReply | undefined> {
    for (;;) {
      if (this.#conversation === undefined && !isYes(await this.#move([]))) return this.#problem;
      const conversation = this.#conversation;
      if (conversation === undefined) return this.#problem;
      try {
        return (await conversation.data()) ?? (await sendAll(conversation, held.chunks ?? []));
      } catch (error) {
        this.#lose(conversation, error);
      }
    }
  }

  /** Content as it is on the wire; it is held already. A reply: the message has failed. */
  send(wire: Buffer, held: Held): MaybePromise<MailReply | undefined> {
    const conversation = this.#conversation;
    if (conversation === undefined) return LOST;
    const again = (error: unknown): MaybePromise<MailReply | undefined> => {
      this.#lose(conversation, error);
      return held.chunks === undefined ? LOST : this.start(held);
    };
    try {
      const sent = conversation.send(wire);
      return sent instanceof Promise ? sent.catch(again) : sent;
    } catch (error) {
      return again(error);
    }
  }

  /** Ends the message; the target is done with. */
  async finish(lastLine: string): Promise<Outcome> {
    const conversation = this.#conversation;
    this.#conversation = undefined;
    if (conversation === undefined) return { reply: LOST, taken: [] };
    const { isLmtp } = conversation;
    const { answers, isCutShort } = await conversation.finish(lastLine, this.recipients.length);
    const reply = worstOf(isCutShort ? [...answers, LOST] : answers);
    const { backend = "" } = this.#leg ?? {};
    const mayHave = (answer: MailReply | undefined): boolean => (answer === undefined ? isCutShort : isYes(answer));
    const taken = isLmtp
      ? this.recipients.filter((_, index) => mayHave(answers[index])).map(({ deliverTo }) => `${backend} ${deliverTo}`)
      : [backend].filter(() => mayHave(answers[0]));
    this.#debug("the backend has answered the message", { code: reply.code, isCutShort });
    return { reply, taken };
  }

  /** The connection goes back; the next word to this backend begins with all recipients that it has accepted. */
  rest(): void {
    if (this.#conversation === undefined || this.#leg === undefined) return;
    this.#conversation.leave();
    this.#conversation = undefined;
    this.#candidates = [this.#leg, ...this.#candidates];
  }

  /** No message. Whatever is under way ends without one. */
  leave(): void {
    this.#isOver = true;
    this.#conversation?.leave();
    this.#conversation = undefined;
  }

  /** The answer of the backend that is there; undefined: there is none any more. */
  async #ask(recipient: MailRecipient): Promise<MailReply | undefined> {
    const conversation = this.#conversation;
    if (conversation === undefined) return undefined;
    try {
      return await conversation.recipient(recipient);
    } catch (error) {
      this.#lose(conversation, error);
      return undefined;
    }
  }

  /** To the next candidate that takes what was accepted before; its answer to the new ones, the worst of them. */
  async #move(fresh: readonly MailRecipient[]): Promise<MailReply> {
    for (let [leg] = this.#candidates; leg !== undefined; [leg] = this.#candidates) {
      this.#candidates = this.#candidates.slice(1);
      const answers = await this.#enter(leg, fresh);
      if (answers !== undefined) return worstOf([...answers, YES]);
    }
    return this.#problem;
  }

  async #enter(leg: Leg, fresh: readonly MailRecipient[]): Promise<Entered> {
    for (let stale = 0; ; stale++) {
      const conversation = await this.#converse(leg);
      if (conversation === undefined) return undefined;
      try {
        return this.#entered(leg, conversation, await conversation.open([...this.recipients, ...fresh]));
      } catch (error) {
        if (conversation.wasStale && stale < MAX_STALE && !this.#isOver) {
          conversation.drop();
          this.#conversation = undefined;
          continue;
        }
        this.#lose(conversation, error);
        const failure = toFailure(error);
        if (failure.row.tryNext) return undefined;
        this.#refusal = this.#problem;
        return [this.#problem];
      }
    }
  }

  #entered(leg: Leg, conversation: Conversation, opened: Opened): Entered {
    const refusal = "refusal" in opened ? opened.refusal : undefined;
    const answers = "refusal" in opened ? [opened.refusal] : opened.answers;
    const known = this.recipients.length;
    if (refusal === undefined && answers.slice(0, known).every(isYes)) {
      this.#debug("a backend is asked to take a message", { recipients: answers.length });
      return answers.slice(known);
    }
    conversation.leave();
    this.#conversation = undefined;
    if (known === 0) {
      this.#refusal = refusal;
      return answers;
    }
    // The client was told that they are taken: a later no of another backend cannot be passed on.
    this.#note(leg, "backend-unavailable", "It does not take the recipients that another candidate has taken", LOST);
    return undefined;
  }

  /** A conversation on a connection of the pool; undefined: there is none to be had. */
  async #converse(leg: Leg): Promise<Conversation | undefined> {
    const { transaction, parts, trace } = this.#around;
    const { session } = transaction.visit;
    if (this.#isOver) return undefined;
    try {
      const facts = { source: session.client, destination: session.local, tls: session.tls };
      const loan = await parts.pool.take(leg, facts, trace);
      this.#leg = leg;
      this.#conversation = new Conversation(loan, transaction, { hostname: parts.hostname, ...parts.settings });
      if (!this.#isOver) return this.#conversation;
      this.leave();
    } catch (error) {
      const failure = toFailure(error);
      this.#note(leg, failure.kind, failure.message, answerTo(failure));
    }
    return undefined;
  }

  #lose(conversation: Conversation, error: unknown): void {
    const failure = toFailure(error);
    conversation.drop();
    this.#conversation = undefined;
    if (this.#leg !== undefined) this.#note(this.#leg, failure.kind, failure.message, answerTo(failure));
  }

  /** A leg is of no more use for this message. */
  #note(leg: Leg, kind: string, reason: string, problem: MailReply): void {
    this.#problem = problem;
    if (this.#isOver) return;
    const { transaction, parts, failed } = this.#around;
    failed(leg);
    const { id, stage } = transaction.visit.session;
    parts.logger.warn("backend failed", { session: id, stage, transaction: transaction.id, backend: leg.backend, kind, reason });
  }

  #debug(text: string, fields: Readonly<Record<string, unknown>>): void {
    const { transaction, parts } = this.#around;
    if (!parts.logger.isDebug()) return;
    parts.logger.debug(text, {
      session: transaction.visit.session.id,
      transaction: transaction.id,
      leg: this.#leg && legText(this.#leg),
      ...fields,
    });
  }
}

async function sendAll(conversation: Conversation, chunks: readonly Buffer[]): Promise<MailReply | undefined> {
  for (const chunk of chunks) {
    const refusal = await conversation.send(chunk);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
