// SASL GSS-SPNEGO, as Windows and Cyrus SASL have it ([MS-SPNG] in SASL's frame, RFC 4422 section 5): SPNEGO tokens, and no
// security layer behind them. Offered only when a listener names it: Cyrus SASL's clients put a layer on it whatever the
// server thinks, and would choose it. They do well with GSSAPI. Throws what SpnegoExchange throws.

import {
  Failure,
  type Credentials,
  type MechanismContext,
  type MechanismFactory,
  type MechanismStep,
  type ServerMechanism,
} from "@postern/contracts";
import { SpnegoExchange } from "./spnego-exchange.ts";

export const gssSpnego: MechanismFactory = {
  name: "GSS-SPNEGO",
  plaintext: false,
  bound: false,
  onRequest: true,
  needs: "kerberos",
  relays: false,
  create: (context) => new GssSpnego(context),
};

class GssSpnego implements ServerMechanism {
  readonly name = "GSS-SPNEGO";
  readonly #exchange: SpnegoExchange;
  /** Proven; the client has yet to take note of our last token. */
  #credentials: Credentials | undefined;

  constructor(context: MechanismContext) {
    this.#exchange = new SpnegoExchange(context, this.name);
  }

  get claimed(): string {
    return this.#exchange.claimed;
  }

  async next(response: Buffer | undefined): Promise<MechanismStep> {
    if (this.#credentials !== undefined) return acknowledged(this.#credentials, response);
    const step = await this.#exchange.next(response);
    const { last } = this.#exchange;
    if (step.kind !== "done" || last === undefined) return step;
    this.#credentials = step.credentials;
    return { kind: "challenge", data: last };
  }

  close(): void {
    this.#exchange.close();
  }
}

function acknowledged(credentials: Credentials, response: Buffer | undefined): MechanismStep {
  if (response === undefined || response.length !== 0)
    throw new Failure("exchange-malformed", "GSS-SPNEGO: the client must say nothing to our last token");
  return { kind: "done", credentials };
}
