// A message on its way to the backends: which recipients go where (inbound settings: severalBackends), what is asked of whom
// and when, and one answer for all. Every backend is asked to take content before any gets it, and they get the final dot one after the
// other, so that a no of one leaves the later ones untouched. Never accepts what a backend has not accepted. Never throws. One call at a time, but for abort().

import {
  legText,
  toFailure,
  type HostDoors,
  type Leg,
  type MailRecipient,
  type MailReply,
  type MailTransaction,
  type MaybePromise,
  type RoutedRecipient,
} from "@postern/contracts";
import type { Delivery, InboundParts, OpenDelivery } from "../parts.ts";
import { answerTo, BROKEN, isYes, LOST, NO_RECIPIENTS, NOT_ADDED, NOT_MOVED, OTHER_BACKEND, worstOf } from "./answers.ts";
import { DotStuffing } from "./dot-stuffing.ts";
import { unfitRecipient } from "./envelope.ts";
import { Held } from "./held.ts";
import { Target, type Surroundings } from "./target.ts";

export const openDelivery: OpenDelivery = (transaction, parts, trace) => new Outbound(transaction, parts, trace);

type Policy = InboundParts["settings"]["severalBackends"];

const NOTHING = Buffer.alloc(0);

/** Who sends did not name them, and is not told what becomes of them. */
const OF_ADDED: MailRecipient["parameters"] = new Map([["NOTIFY", "NEVER"]]);

class Outbound implements Delivery {
  readonly #transaction: MailTransaction;
  readonly #parts: InboundParts;
  readonly #around: Surroundings;
  readonly #stuffing = new DotStuffing();
  readonly #held: Held;
  /** Legs that could not be used for this message are not tried again for its next recipients. */
  readonly #unusable = new Set<string>();
  #targets: Target[] = [];
  /** The routeAs by which each recipient was found. */
  readonly #foundBy = new Map<MailRecipient, string>();
  /** The message has failed. */
  #failure: MailReply | undefined;
  #isEnding = false;
  readonly #taken: string[] = [];

  constructor(transaction: MailTransaction, parts: InboundParts, trace: HostDoors["trace"]) {
    this.#transaction = transaction;
    this.#parts = parts;
    this.#held = new Held(parts.settings.heldBytes);
    this.#around = { transaction, parts, trace, failed: (leg) => void this.#unusable.add(legText(leg)) };
  }

  get facts(): Delivery["facts"] {
    const backends = new Set(this.#used.flatMap(({ leg }) => leg?.backend ?? []));
    return { backends: [...backends], mayBeDoubled: this.#failure === undefined ? [] : this.#taken };
  }

  recipient(recipient: MailRecipient, { route, routeAs }: RoutedRecipient): Promise<MailReply> {
    this.#foundBy.set(recipient, routeAs);
    return this.#tell(recipient, route.legs, this.#parts.settings.severalBackends);
  }

  rest(): void {
    for (const target of this.#targets) target.rest();
  }

  async begin(): Promise<MailReply | undefined> {
    const refusal = (await this.#redirect()) ?? (await this.#reroute()) ?? (await this.#addAll()) ?? this.#failure;
    if (refusal !== undefined) return this.#fail(refusal);
    const used = this.#used;
    for (const target of this.#targets) if (!used.includes(target)) target.leave();
    this.#targets = used;
    if (used.length === 0) return this.#fail(NO_RECIPIENTS);
    if (!used.some(({ canMove }) => canMove)) this.#held.forget();
    return this.#each((target) => target.start(this.#held));
  }

  write(chunk: Buffer): void | Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      const wire = this.#stuffing.encode(chunk);
      this.#held.push(wire);
      const sent = this.#send(wire);
      if (sent instanceof Promise) return sent.then(() => {});
    } catch (error) {
      this.#break(error);
    }
  }

  async commit(): Promise<MailReply> {
    this.#isEnding = true;
    let first: MailReply | undefined;
    try {
      const lastLine = this.#stuffing.tail();
      // Who has died meanwhile is replaced before anybody has the dot.
      await this.#send(NOTHING);
      for (const target of this.#targets) {
        if (this.#failure !== undefined) break;
        const late = first === undefined ? undefined : await target.send(NOTHING, this.#held);
        const { reply, taken } = late === undefined ? await target.finish(lastLine) : { reply: late, taken: [] };
        this.#taken.push(...taken);
        if (!isYes(reply)) this.#fail(reply);
        first ??= reply;
      }
    } catch (error) {
      this.#break(error);
    }
    this.#held.forget();
    return this.#failure ?? first ?? BROKEN;
  }

  abort(): void {
    // Who has said the end of the message waits for the backend's word, whoever is still there to hear it.
    if (!this.#isEnding) this.#fail(LOST);
  }

  get #used(): Target[] {
    return this.#targets.filter(({ recipients }) => recipients.length > 0);
  }

  async #tell(recipient: MailRecipient, legs: readonly Leg[], policy: Policy): Promise<MailReply> {
    const unfit = this.#failure ?? unfitRecipient(recipient, this.#transaction.sender);
    if (unfit !== undefined) return unfit;
    return this.#targetFor(legs, policy)?.add(recipient) ?? OTHER_BACKEND;
  }

  /** Where a recipient with these candidates goes; undefined: not with this message. */
  #targetFor(legs: readonly Leg[], policy: Policy): Target | undefined {
    const order = this.#parts.health.order(legs).filter((leg) => !this.#unusable.has(legText(leg)));
    const home = order[0] && legText(order[0]);
    const same = this.#targets.find(({ leg }) => leg !== undefined && legText(leg) === home);
    const [first] = this.#used;
    if (first !== undefined && policy === "first") return first;
    if (first !== undefined && policy === "defer" && same !== first) return undefined;
    if (same !== undefined) {
      same.keepCandidates(order);
      return same;
    }
    const target = new Target(order, this.#around);
    this.#targets.push(target);
    return target;
  }

  /** A rule has chosen the backend: all recipients move to it. */
  async #redirect(): Promise<MailReply | undefined> {
    const { redirect } = this.#transaction;
    const used = this.#used;
    if (redirect === undefined || used.every(({ leg }) => leg?.backend === redirect)) return undefined;
    try {
      const legs = this.#parts.health.order(this.#parts.recipients.legsOf(redirect));
      for (const target of this.#targets) target.leave();
      const chosen = new Target(legs, this.#around);
      this.#targets = [chosen];
      const reply = await chosen.adopt(used.flatMap(({ recipients }) => recipients));
      return isYes(reply) ? undefined : reply;
    } catch (error) {
      return answerTo(toFailure(error));
    }
  }

  /** Recipients that a rule wants to be found otherwise since they were told (routeAs) move, whatever the policy; the others stay. */
  async #reroute(): Promise<MailReply | undefined> {
    const { redirect } = this.#transaction;
    const chosen = this.#used.flatMap(({ recipients }) => recipients).filter((one) => this.#foundBy.get(one) !== one.routeAs);
    if (redirect !== undefined || chosen.length === 0) return undefined;
    const found = await Promise.all(chosen.map((recipient) => this.#legsOf(recipient)));
    if (found.includes(undefined)) return NOT_MOVED;
    const gone = new Set(chosen);
    for (const target of this.#targets) target.letGo(gone);
    for (const [at, recipient] of chosen.entries()) {
      const reply = await this.#tell(recipient, found[at] ?? [], "split");
      if (!isYes(reply)) return reply;
    }
    return undefined;
  }

  /** undefined: they cannot be found, which the log is told. */
  async #legsOf({ address, routeAs }: MailRecipient): Promise<readonly Leg[] | undefined> {
    const { id, visit } = this.#transaction;
    try {
      return (await this.#parts.recipients.find(address, visit.session, { routeAs })).route.legs;
    } catch (error) {
      const reason = toFailure(error).message;
      const fields = { session: visit.session.id, transaction: id, address, routeAs, reason };
      this.#parts.logger.warn("a recipient cannot be moved", fields);
      return undefined;
    }
  }

  /** Recipients that rules have added. A message that does not reach one of them is not taken. */
  async #addAll(): Promise<MailReply | undefined> {
    for (const address of new Set(this.#transaction.added)) {
      const problem = await this.#add(address);
      if (problem === undefined) continue;
      const { id, visit } = this.#transaction;
      this.#parts.logger.warn("a recipient cannot be added", {
        session: visit.session.id,
        transaction: id,
        address,
        reason: problem,
      });
      return NOT_ADDED;
    }
    return undefined;
  }

  /** Why not. */
  async #add(address: string): Promise<string | undefined> {
    const { settings, recipients } = this.#parts;
    const { redirect, visit } = this.#transaction;
    try {
      const { deliverTo, routeAs, route } = await recipients.find(
        address,
        visit.session,
        redirect === undefined ? {} : { redirect },
      );
      if (this.#used.some((target) => target.recipients.some((one) => one.deliverTo === deliverTo))) return undefined;
      const policy = settings.severalBackends === "defer" ? "split" : settings.severalBackends;
      const reply = await this.#tell({ address, parameters: OF_ADDED, deliverTo, routeAs }, route.legs, policy);
      return isYes(reply) ? undefined : `${reply.code} ${reply.lines.join(" / ")}`;
    } catch (error) {
      return toFailure(error).message;
    }
  }

  #send(wire: Buffer): MaybePromise<MailReply | undefined> {
    return this.#each((target) => target.send(wire, this.#held));
  }

  /** Asks all at the same time; a no of one ends it for all. */
  #each(ask: (target: Target) => MaybePromise<MailReply | undefined>): MaybePromise<MailReply | undefined> {
    const answers: (MailReply | undefined)[] = [];
    const waiting: Promise<MailReply | undefined>[] = [];
    for (const target of this.#targets) {
      const answer = ask(target);
      if (answer instanceof Promise) waiting.push(answer);
      else answers.push(answer);
    }
    if (waiting.length === 0) return this.#heard(answers);
    return Promise.all(waiting).then((late) => this.#heard([...answers, ...late]));
  }

  #heard(answers: readonly (MailReply | undefined)[]): MailReply | undefined {
    const refusals = answers.filter((answer) => answer !== undefined);
    return refusals.length === 0 ? this.#failure : this.#fail(worstOf(refusals));
  }

  #break(error: unknown): void {
    const { id, visit } = this.#transaction;
    this.#parts.logger.error("a message cannot go to its backends", {
      session: visit.session.id,
      transaction: id,
      reason: toFailure(error).message,
    });
    this.#fail(BROKEN);
  }

  /** No backend keeps anything of it. */
  #fail(reply: MailReply): MailReply {
    this.#failure ??= reply;
    this.#held.forget();
    for (const target of this.#targets) target.leave();
    return this.#failure;
  }
}
