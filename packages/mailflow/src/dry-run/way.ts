// Where the recipients of a dry run go: the recipient router, asked as the front asks it. Throws nothing for addresses.

import { Failure, type FilterAnswer, type MailRecipient, type MailReply } from "@postern/contracts";
import type { MailSettings } from "../mail-settings.ts";
import { createRecipientRouter, type RouterParts } from "../recipients.ts";
import type { Growing } from "./scene.ts";

/** Where one recipient goes, or why not. */
export interface DryRecipient {
  /** As given, or as a rule has added it. */
  readonly address: string;
  readonly isAdded: boolean;
  readonly deliverTo?: string;
  readonly routeAs?: string;
  readonly source?: string;
  readonly why?: string;
  /** Candidates by name, in order. */
  readonly backends: readonly string[];
  /** A rule's no, or why it cannot be routed. */
  readonly problem?: string;
}

/** Where the recipients go: when they are told, and once more when the rules have had their last word. */
export class Way {
  recipients: DryRecipient[] = [];
  readonly #transaction: Growing;
  readonly #find: ReturnType<typeof createRecipientRouter>["find"];

  constructor(transaction: Growing, { mail, ...parts }: RouterParts & { readonly mail: MailSettings }) {
    const router = createRecipientRouter(mail, parts);
    this.#transaction = transaction;
    this.#find = (...query) => router.find(...query);
  }

  async tell(recipient: MailRecipient, answer: FilterAnswer): Promise<void> {
    const { address } = recipient;
    const told = answer?.action === "stop" ? refused(address, answer.reply) : await this.#route(recipient, false);
    this.recipients.push(told);
    if (told.problem === undefined) this.#transaction.recipients.push(recipient);
  }

  /** False: one that the client was told is taken, or that a rule adds, cannot be found; then the message is not taken. */
  async end(): Promise<boolean> {
    const { recipients, added } = this.#transaction;
    const kept = new Map(recipients.map((recipient) => [recipient.address, recipient]));
    const last: DryRecipient[] = [];
    for (const told of this.recipients) {
      const recipient = told.problem === undefined ? kept.get(told.address) : undefined;
      last.push(recipient === undefined ? told : await this.#route(recipient, false));
    }
    for (const address of added)
      last.push(await this.#route({ address, parameters: new Map(), deliverTo: address, routeAs: address }, true));
    this.recipients = last;
    return last.every(({ isAdded, address, problem }) => problem === undefined || (!isAdded && !kept.has(address)));
  }

  async #route({ address, routeAs }: MailRecipient, isAdded: boolean): Promise<DryRecipient> {
    const { redirect, visit } = this.#transaction;
    try {
      const found = await this.#find(address, visit.session, { ...(redirect !== undefined && { redirect }), routeAs });
      const { source, why, legs } = found.route;
      const backends = legs.map(({ backend }) => backend);
      return { address, isAdded, deliverTo: found.deliverTo, routeAs: found.routeAs, source, why, backends };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return { address, isAdded, backends: [], problem: `${error.kind}: ${error.message}` };
    }
  }
}

const refused = (address: string, { code, status, lines }: MailReply): DryRecipient => ({
  address,
  isAdded: false,
  backends: [],
  problem: `${code} ${status} ${lines.join(" ")}`,
});
