// Negotiate in HTTP (RFC 4559, [MS-N2HT]): Kerberos as it is or inside of SPNEGO, checked by the verifier's acceptor, and
// NTLM as it is where a verifier proves that. The acceptor's last token goes out with the answer to the request.
// Throws Failure wrong-credentials, exchange-malformed, and what the proofs throw.

import { Failure, Secret, type GssAcceptor, type MechanismContext, type MechanismStep } from "@postern/contracts";
import { isNtlmMessage, NtlmExchange } from "@postern/sasl";
import { beginsNtlm } from "./ntlm.ts";
import type { HttpMechanism, HttpMechanismFactory } from "./schemes.ts";

/** The tag of a GSS-API token that begins an exchange (RFC 2743 section 3.1); later ones of SPNEGO have another. */
const INITIAL_TOKEN = 0x60;

export const negotiate: HttpMechanismFactory = {
  name: "Negotiate",
  plaintext: false,
  bound: false,
  onRequest: false,
  needs: "kerberos",
  relays: false,
  create: (context) => new NegotiateExchange(context),
  begins: (message) => message[0] === INITIAL_TOKEN || beginsNtlm(message),
};

/** Finds out by the first message what the client has chosen. */
class NegotiateExchange implements HttpMechanism {
  readonly name = "Negotiate";
  readonly #context: MechanismContext;
  #chosen: HttpMechanism | undefined;

  constructor(context: MechanismContext) {
    this.#context = context;
  }

  get claimed(): string {
    return this.#chosen?.claimed ?? "";
  }

  get last(): Buffer | undefined {
    return this.#chosen?.last;
  }

  next(message: Buffer | undefined): MechanismStep | Promise<MechanismStep> {
    if (message === undefined) throw new Failure("exchange-malformed", "Negotiate: no token");
    this.#chosen ??= this.#choose(message);
    return this.#chosen.next(message);
  }

  close(): void {
    this.#chosen?.close?.();
  }

  #choose(message: Buffer): HttpMechanism {
    if (!isNtlmMessage(message)) return new KerberosExchange(this.#context);
    if (this.#context.proofs.ntlm === undefined)
      throw new Failure("wrong-credentials", "Negotiate: the client chose NTLM, which no verifier proves");
    return new NtlmExchange(this.#context);
  }
}

/** Kerberos, and SPNEGO around it. */
class KerberosExchange implements HttpMechanism {
  readonly name = "Negotiate";
  readonly #context: MechanismContext;
  #acceptor: GssAcceptor | undefined;
  #claimed = "";
  #last: Buffer | undefined;

  constructor(context: MechanismContext) {
    this.#context = context;
  }

  get claimed(): string {
    return this.#claimed;
  }

  get last(): Buffer | undefined {
    return this.#last;
  }

  async next(message: Buffer | undefined): Promise<MechanismStep> {
    const { proofs, service, bindings } = this.#context;
    if (proofs.gss === undefined || proofs.principal === undefined)
      throw new Failure("internal", "Negotiate is offered, but no verifier proves it");
    this.#acceptor ??= proofs.gss(service, bindings("tls-server-end-point"));
    const { token, done } = this.#acceptor.step(message ?? Buffer.alloc(0));
    if (!done) return { kind: "challenge", data: token ?? Buffer.alloc(0) };
    this.#last = token;
    const { principal } = this.#acceptor;
    this.#claimed = principal;
    const user = await proofs.principal(principal);
    const secret = new Secret(Buffer.alloc(0));
    return {
      kind: "done",
      credentials: { kind: "proven", mechanism: "Negotiate", authcid: principal, authzid: "", user, secret },
    };
  }

  close(): void {
    this.#acceptor?.close();
    this.#acceptor = undefined;
  }
}
