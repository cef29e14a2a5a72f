// What the inbound role is made of, and where its two halves meet: the front (client side) asks a Delivery for everything
// that a backend has to say; the delivery never talks to the client.

import type {
  Clock,
  Health,
  HostDoors,
  Logger,
  MailFilter,
  MailRecipient,
  MailReply,
  MailTransaction,
  RecipientRouter,
  RoutedRecipient,
  ValueOf,
} from "@postern/contracts";
import type { BackendPool } from "@postern/core";
import type { inboundSettings } from "./settings.ts";
import type { SmtpBackend } from "./delivery/backend.ts";

export type InboundSettings = { readonly [K in keyof typeof inboundSettings]: ValueOf<(typeof inboundSettings)[K]> };

/** Handed in by the gateway for one configuration. */
export interface InboundParts {
  readonly hostname: string;
  readonly settings: InboundSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recipients: RecipientRouter;
  /** Asked in this order at every stage; the rules of the configuration are the first. */
  readonly filters: readonly MailFilter[];
  readonly health: Health;
  readonly pool: BackendPool<SmtpBackend>;
  /** What the backends of this role offer (LineProtocol.features). */
  readonly backendFeatures: () => readonly (readonly string[])[] | undefined;
  /** Relays of ours, whose headers are believed. */
  readonly trusts: (host: string) => boolean;
  /** Header fields that strangers may not send: name patterns in small letters, "*" at the end for any. */
  readonly strippedHeaders: readonly string[];
}

/**
 * One transaction's way to the backends. Replies are the backends' own; what cannot be reached answers 4xx. Nothing here
 * throws but for programming errors.
 */
export interface Delivery {
  /** Tells the backend of this recipient, dialling it when it is the first there. Its answer; 2xx: it will take the message. */
  recipient(recipient: MailRecipient, routed: RoutedRecipient): Promise<MailReply>;
  /** The client is silent between its recipients: connections go back, and whoever is needed again is asked anew. */
  rest(): void;
  /**
   * All recipients are told; the header is complete, and the filters have chosen (transaction.redirect, transaction.added,
   * and routeAs of recipients that were told already: voice mail and faxes): who goes elsewhere now moves there, and every
   * backend is asked to take content. undefined: write now. A reply: the transaction has failed, and is over.
   */
  begin(): Promise<MailReply | undefined>;
  /** The next bytes of the message as it goes out: lines end with CRLF, dots not doubled. A promise: wait before giving more. */
  write(chunk: Buffer): void | Promise<void>;
  /** Ends the message; the answer for the client. 2xx only when every backend has taken it. */
  commit(): Promise<MailReply>;
  /** No message, or not this one: the backends forget it, and nothing of it is delivered. */
  abort(): void;
  /** For the log: which backends, and what may be delivered twice. */
  readonly facts: { readonly backends: readonly string[]; readonly mayBeDoubled: readonly string[] };
}

/** `trace`: the session's wire trace (HostDoors.trace). */
export type OpenDelivery = (transaction: MailTransaction, parts: InboundParts, trace?: HostDoors["trace"]) => Delivery;
