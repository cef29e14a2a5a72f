// SASL GSSAPI (RFC 4752 section 3.2): Kerberos V5 tokens until the context is whole, then what security layer there is to
// be. Only "none" is offered: TLS does that work. Throws Failure exchange-malformed, and what the verifier throws.

import {
  Failure,
  type MechanismContext,
  type MechanismFactory,
  type MechanismStep,
  type ServerMechanism,
} from "@postern/contracts";
import { utf8 } from "../utf8.ts";
import { KerberosContext } from "./kerberos-context.ts";
import { readNegotiateToken } from "./spnego.ts";

/** The layers that are offered, as bits, and the largest message behind one, which without a layer must be 0. */
const NO_LAYER = 1;
const OFFER = Buffer.from([NO_LAYER, 0, 0, 0]);
const EMPTY = Buffer.alloc(0);

export const gssapi: MechanismFactory = {
  name: "GSSAPI",
  plaintext: false,
  bound: false,
  onRequest: false,
  needs: "kerberos",
  relays: false,
  create: (context) => new Gssapi(context),
};

type Stage = "first" | "tokens" | "acknowledge" | "layer" | "over";

class Gssapi implements ServerMechanism {
  readonly name = "GSSAPI";
  readonly #kerberos: KerberosContext;
  #stage: Stage = "first";

  constructor(context: MechanismContext) {
    this.#kerberos = new KerberosContext(context);
  }

  get claimed(): string {
    return this.#kerberos.claimed;
  }

  next(response: Buffer | undefined): MechanismStep | Promise<MechanismStep> {
    switch (this.#stage) {
      case "first":
        return response === undefined ? challenge(EMPTY) : this.#first(response);
      case "tokens":
        return this.#token(response ?? EMPTY);
      case "acknowledge":
        return this.#acknowledged(response ?? EMPTY);
      case "layer":
        return this.#layer(response ?? EMPTY);
      case "over":
      default:
        throw new Failure("exchange-malformed", "GSSAPI: the exchange is over");
    }
  }

  close(): void {
    this.#stage = "over";
    this.#kerberos.close();
  }

  #first(token: Buffer): MechanismStep {
    if (readNegotiateToken(token).kind !== "kerberos") throw new Failure("exchange-malformed", "GSSAPI: no token of Kerberos");
    return this.#token(token);
  }

  #token(token: Buffer): MechanismStep {
    this.#stage = "over";
    const step = this.#kerberos.step(token);
    if (step.done && step.token === undefined) return this.#offer();
    this.#stage = step.done ? "acknowledge" : "tokens";
    return challenge(step.token ?? EMPTY);
  }

  #acknowledged(response: Buffer): MechanismStep {
    if (response.length !== 0) throw new Failure("exchange-malformed", "GSSAPI: the client must say nothing to our last token");
    return this.#offer();
  }

  #offer(): MechanismStep {
    this.#stage = "layer";
    return challenge(this.#kerberos.wrap(OFFER));
  }

  async #layer(response: Buffer): Promise<MechanismStep> {
    this.#stage = "over";
    const choice = this.#kerberos.unwrap(response);
    if (choice.length < OFFER.length) throw new Failure("exchange-malformed", "GSSAPI: the choice of a layer is too short");
    if (choice[0] !== NO_LAYER) throw new Failure("exchange-malformed", "GSSAPI: the client chose a layer that was not offered");
    const authzid = utf8(choice.subarray(OFFER.length), "GSSAPI");
    return { kind: "done", credentials: await this.#kerberos.credentials("GSSAPI", authzid) };
  }
}

const challenge = (data: Buffer): MechanismStep => ({ kind: "challenge", data });
