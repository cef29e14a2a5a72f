// NTLM with SPNEGO around it ([MS-SPNG] section 3.2.5, RFC 4178 section 5): the client's list of mechanisms is protected by a
// mechListMIC where it sends one, and it must where NTLM was not its first choice, or somebody in between could have
// taken Kerberos off the list. Throws Failure wrong-credentials, exchange-malformed, exchange-cancelled, and what NTLM throws.

import { timingSafeEqual } from "node:crypto";
import { Failure, type MechanismContext, type MechanismStep } from "@postern/contracts";
import { NtlmExchange } from "../ntlm/mechanism.ts";
import { ntlmSignature } from "../ntlm/signing.ts";
import { buildAnswer, type NegTokenInit, type NegTokenResp } from "./spnego.ts";

export class NtlmInSpnego {
  readonly #ntlm: NtlmExchange;
  #init: NegTokenInit | undefined;
  #last: Buffer | undefined;

  constructor(context: MechanismContext) {
    this.#ntlm = new NtlmExchange(context);
  }

  get claimed(): string {
    return this.#ntlm.claimed;
  }

  /** Once done: the token that goes out with the yes. */
  get last(): Buffer | undefined {
    return this.#last;
  }

  async next(token: NegTokenInit | NegTokenResp): Promise<MechanismStep> {
    if (token.kind === "init") return this.#begin(token);
    if (this.#init === undefined) throw new Failure("exchange-malformed", "SPNEGO: an answer before the first token");
    if (token.state === "reject") throw new Failure("exchange-cancelled", "SPNEGO: the client gave up");
    if (token.token === undefined) throw new Failure("exchange-malformed", "SPNEGO: no message of NTLM");
    const step = await this.#ntlm.next(token.token);
    if (step.kind === "challenge") return answered(buildAnswer({ state: "accept-incomplete", token: step.data }));
    this.#last = this.#finish(this.#init, token.mechanismListMic);
    return step;
  }

  close(): void {
    this.#ntlm.close();
  }

  async #begin(init: NegTokenInit): Promise<MechanismStep> {
    if (this.#init !== undefined) throw new Failure("exchange-malformed", "SPNEGO: a second first token");
    this.#init = init;
    const mechanism = "ntlm";
    // A message of another mechanism, the client's first choice, is left unread.
    if (!isFirst(init)) return answered(buildAnswer({ state: "request-mic", mechanism }));
    if (init.mechanismToken === undefined) return answered(buildAnswer({ state: "accept-incomplete", mechanism }));
    const step = await this.#ntlm.next(init.mechanismToken);
    if (step.kind !== "challenge") throw new Failure("internal", "NTLM was over with its first message");
    return answered(buildAnswer({ state: "accept-incomplete", mechanism, token: step.data }));
  }

  #finish(init: NegTokenInit, mic: Buffer | undefined): Buffer {
    const { session } = this.#ntlm;
    if (session === undefined) throw new Failure("internal", "NTLM is over without a session");
    if (mic === undefined) {
      if (!isFirst(init))
        throw new Failure("wrong-credentials", "SPNEGO: the client does not say that its list of mechanisms is whole");
      return buildAnswer({ state: "accept-completed" });
    }
    const expected = ntlmSignature(session, "client", init.mechanismList);
    if (mic.length !== expected.length || !timingSafeEqual(mic, expected))
      throw new Failure("wrong-credentials", "SPNEGO: the list of mechanisms was changed on its way");
    return buildAnswer({ state: "accept-completed", mechanismListMic: ntlmSignature(session, "server", init.mechanismList) });
  }
}

const isFirst = ({ mechanisms }: NegTokenInit): boolean => mechanisms[0] === "ntlm";
const answered = (data: Buffer): MechanismStep => ({ kind: "challenge", data });
