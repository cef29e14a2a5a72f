// The acceptor's half of a Kerberos context, as GSSAPI and SPNEGO use it: opened at the first token, bound to the TLS
// channel where there is one. A client that sends no channel binding is let in, one that sends another is not.
// Throws what the acceptor and the proofs throw.

import { Failure, Secret, type GssAcceptor, type MechanismContext, type ProvenCredentials } from "@postern/contracts";

export class KerberosContext {
  readonly #context: MechanismContext;
  #acceptor: GssAcceptor | undefined;
  #claimed = "";

  constructor(context: MechanismContext) {
    this.#context = context;
  }

  /** The principal, once it is known. */
  get claimed(): string {
    return this.#claimed;
  }

  step(token: Buffer): ReturnType<GssAcceptor["step"]> {
    const { proofs, service, bindings } = this.#context;
    if (proofs.gss === undefined) throw new Failure("internal", "Kerberos is offered, but no verifier proves it");
    this.#acceptor ??= proofs.gss(service, bindings("tls-server-end-point"));
    const step = this.#acceptor.step(token);
    if (step.done) this.#claimed = this.#acceptor.principal;
    return step;
  }

  wrap(data: Buffer): Buffer {
    return this.#whole().wrap(data);
  }

  unwrap(data: Buffer): Buffer {
    return this.#whole().unwrap(data);
  }

  /** Whom the context, once done, proves. A client that asks to act as its own principal asks for nobody else. */
  async credentials(mechanism: string, authzid: string): Promise<ProvenCredentials> {
    const { proofs } = this.#context;
    const authcid = this.#claimed;
    if (authcid === "" || proofs.principal === undefined) throw new Failure("internal", "Kerberos: nobody is proven yet");
    const user = await proofs.principal(authcid);
    const isOwn = authzid === authcid || authzid === authcid.slice(0, authcid.lastIndexOf("@"));
    return { kind: "proven", mechanism, authcid, authzid: isOwn ? "" : authzid, user, secret: new Secret(Buffer.alloc(0)) };
  }

  close(): void {
    this.#acceptor?.close();
    this.#acceptor = undefined;
  }

  #whole(): GssAcceptor {
    if (this.#acceptor === undefined || this.#claimed === "") throw new Failure("internal", "Kerberos: the context is not whole");
    return this.#acceptor;
  }
}
