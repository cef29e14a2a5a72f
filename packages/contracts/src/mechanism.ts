// SASL mechanisms without sockets (RFC 4422): a mechanism sees decoded bytes only. Base64, `*`, size limits and
// redaction are done once in sasl/src/exchange.ts.

import type { Credentials } from "./credentials.ts";
import type { ChannelBindings, Proof, Proofs } from "./proofs.ts";
import type { ClientCertificate } from "./session.ts";

export type MechanismStep =
  | { readonly kind: "challenge"; readonly data: Buffer }
  | { readonly kind: "done"; readonly credentials: Credentials }
  /** From here on the exchange is the backend's: `initial` is the client's message as it came. */
  | { readonly kind: "live"; readonly authcid: string; readonly authzid: string; readonly initial: Buffer };

/** The server's half of one exchange. */
export interface ServerMechanism {
  readonly name: string;
  /** The name that the client has given so far; "" while there is none. Failed logins are counted by it. */
  readonly claimed: string;
  /**
   * Takes the client's response; undefined at the first call when the client sent no initial response (an empty one is
   * an empty Buffer). Failure: exchange-malformed; wrong-credentials and what else the proofs say.
   */
  next(response: Buffer | undefined): MechanismStep | Promise<MechanismStep>;
  /** Frees what the exchange holds. Called once, at its end. */
  close?(): void;
}

/** What a mechanism may know of the connection and of the house. */
export interface MechanismContext {
  readonly hostname: string;
  /** The protocol's name among GSS-API services: what stands before the host in a service's principal. */
  readonly service: string;
  readonly proofs: Proofs;
  readonly bindings: ChannelBindings;
  /** Is the mechanism of this name on offer on this connection? */
  readonly offers: (name: string) => boolean;
  /** The client's certificate, when it is valid. */
  readonly certificate: ClientCertificate | undefined;
  /** Milliseconds of the wall clock. */
  now(): number;
}

/** A mechanism as a listener offers it. */
export interface MechanismFactory {
  readonly name: string;
  /** Sends the secret, or something as good as it, in clear: refused without TLS. */
  readonly plaintext: boolean;
  /** Binds the exchange to the TLS channel: offered inside TLS only. */
  readonly bound: boolean;
  /** Offered only when a listener names it. */
  readonly onRequest: boolean;
  /** What a verifier must give for the gateway to check it. */
  readonly needs: Proof;
  /** Can be left to the backend where the gateway checks nothing: the credentials, or the exchange itself. */
  readonly relays: boolean;
  /** `live`: the backend checks; the mechanism only finds out who it is about. Only where `relays`. */
  create(context: MechanismContext, live?: boolean): ServerMechanism;
}
