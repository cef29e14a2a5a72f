// SPNEGO, the acceptor's half, for SASL and HTTP alike: finds out by the client's first token what it wants. Kerberos, as it
// is or inside of SPNEGO, goes to the verifier's acceptor, which speaks both; NTLM, as it is or inside of SPNEGO, to the
// mechanism here. Of a list it takes the first that a verifier proves. Throws Failure wrong-credentials,
// exchange-malformed, exchange-cancelled, and what the verifiers throw.

import { Failure, type MechanismContext, type MechanismStep, type ServerMechanism } from "@postern/contracts";
import { NtlmExchange } from "../ntlm/mechanism.ts";
import { KerberosContext } from "./kerberos-context.ts";
import { NtlmInSpnego } from "./ntlm-in-spnego.ts";
import { readNegotiateToken, type NegotiableMechanism, type NegotiateToken } from "./spnego.ts";

/** A mechanism that may have a word for the client with its yes. */
export interface SpnegoMechanism extends ServerMechanism {
  /** Once done: that word. */
  readonly last?: Buffer | undefined;
}

const EMPTY = Buffer.alloc(0);

export class SpnegoExchange implements SpnegoMechanism {
  readonly name: string;
  readonly #context: MechanismContext;
  #chosen: SpnegoMechanism | undefined;
  #isOver = false;

  /** `name`: what the credentials say of their mechanism. */
  constructor(context: MechanismContext, name: string) {
    this.name = name;
    this.#context = context;
  }

  get claimed(): string {
    return this.#chosen?.claimed ?? "";
  }

  get last(): Buffer | undefined {
    return this.#chosen?.last;
  }

  async next(response: Buffer | undefined): Promise<MechanismStep> {
    if (this.#isOver) throw new Failure("exchange-malformed", "SPNEGO: the exchange is over");
    if (response === undefined) return { kind: "challenge", data: EMPTY };
    this.#isOver = true;
    this.#chosen ??= this.#choose(readNegotiateToken(response));
    const step = await this.#chosen.next(response);
    this.#isOver = step.kind !== "challenge";
    return step.kind === "done" ? { kind: "done", credentials: { ...step.credentials, mechanism: this.name } } : step;
  }

  close(): void {
    this.#isOver = true;
    this.#chosen?.close?.();
  }

  #choose(token: NegotiateToken): SpnegoMechanism {
    switch (token.kind) {
      case "response":
        throw new Failure("exchange-malformed", "SPNEGO: an answer before the first token");
      case "kerberos":
        return this.#open(this.#first(["kerberos"]), true);
      case "ntlm":
        return this.#open(this.#first(["ntlm"]), true);
      case "init":
      default:
        return this.#open(this.#first(token.mechanisms), false);
    }
  }

  /** The first that a verifier proves. */
  #first(offered: readonly NegotiableMechanism[]): NegotiableMechanism {
    const { proofs } = this.#context;
    const proven = { kerberos: proofs.gss !== undefined, ntlm: proofs.ntlm !== undefined, other: false };
    const found = offered.find((one) => proven[one]);
    if (found === undefined)
      throw new Failure("wrong-credentials", `SPNEGO: no verifier proves what the client offers (${offered.join(", ")})`);
    return found;
  }

  #open(mechanism: NegotiableMechanism, isBare: boolean): SpnegoMechanism {
    if (mechanism === "kerberos") return kerberosMechanism(this.#context, this.name);
    return isBare ? new NtlmExchange(this.#context) : ntlmMechanism(this.#context);
  }
}

function kerberosMechanism(context: MechanismContext, name: string): SpnegoMechanism {
  const kerberos = new KerberosContext(context);
  let last: Buffer | undefined;
  return {
    name,
    get claimed() {
      return kerberos.claimed;
    },
    get last() {
      return last;
    },
    async next(token = EMPTY) {
      const step = kerberos.step(token);
      if (!step.done) return { kind: "challenge", data: step.token ?? EMPTY };
      last = step.token;
      return { kind: "done", credentials: await kerberos.credentials(name, "") };
    },
    close: () => kerberos.close(),
  };
}

function ntlmMechanism(context: MechanismContext): SpnegoMechanism {
  const ntlm = new NtlmInSpnego(context);
  return {
    name: "NTLM",
    get claimed() {
      return ntlm.claimed;
    },
    get last() {
      return ntlm.last;
    },
    async next(message = EMPTY) {
      const token = readNegotiateToken(message);
      if (token.kind !== "init" && token.kind !== "response")
        throw new Failure("exchange-malformed", "SPNEGO: a message that has none around it any more");
      return ntlm.next(token);
    },
    close: () => ntlm.close(),
  };
}
