// SASL mechanisms without sockets (RFC 4422): a mechanism sees decoded bytes only. Base64, `*`, size limits and
// redaction are done once in sasl/src/exchange.ts.

import type { Credentials } from "./credentials.ts";

export type MechanismStep =
  | { readonly kind: "challenge"; readonly data: Buffer }
  | { readonly kind: "done"; readonly credentials: Credentials };

/** The server's half of one exchange. */
export interface ServerMechanism {
  readonly name: string;
  /**
   * Takes the client's response; undefined at the first call when the client sent no initial response (an empty one is
   * an empty Buffer). Throws Failure exchange-malformed.
   */
  next(response: Buffer | undefined): MechanismStep;
}

/** A mechanism as a listener offers it. */
export interface MechanismFactory {
  readonly name: string;
  /** Sends the secret, or something as good as it, in clear: refused without TLS. */
  readonly plaintext: boolean;
  /** Offered only when a listener names it, because something else must support it. */
  readonly onRequest: boolean;
  create(context: { readonly hostname: string }): ServerMechanism;
}
