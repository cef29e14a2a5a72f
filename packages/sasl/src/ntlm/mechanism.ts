// NTLM, the server's half ([MS-NLMP] section 3.2): NEGOTIATE in, CHALLENGE out, AUTHENTICATE in. NTLMv2 only; NTLMv1,
// anonymous logins and LM responses are refused. Whether the response is right is asked of a verifier; the MIC, the time and the
// channel binding are checked here. Also for HTTP and inside of SPNEGO: it knows no protocol.
// Throws Failure wrong-credentials, exchange-malformed, and what the verifier throws.

import { randomBytes, timingSafeEqual } from "node:crypto";
import {
  Failure,
  normaliseUser,
  Secret,
  type MechanismContext,
  type MechanismFactory,
  type MechanismStep,
  type ServerMechanism,
} from "@postern/contracts";
import { AV, AV_FLAG_MIC, buildAvPairs } from "./av-pairs.ts";
import { buildChallenge, FLAG, MIC_END, parseAuthenticate, parseNegotiate, takeMic, type Authenticate } from "./messages.ts";
import {
  channelBindingHash,
  exportedSessionKey,
  fileTime,
  fromFileTime,
  isNtlmv2,
  messageIntegrityCode,
  responsePairs,
} from "./ntlmv2.ts";
import type { NtlmSession } from "./signing.ts";

/** Section 3.2.5.1.2, product note: how far the time in a response may be from ours. */
const LIFETIME_MS = 36 * 3_600_000;

/**
 * A client that sends no channel binding is let in ("Allow" in section 3.2.5.1.2): curl, Samba's tools and old mail
 * programs know none. One that sends it must have the right one, so whoever can is safe from being relayed.
 */
const REQUIRE_CHANNEL_BINDING = false;

/** What a client may ask for and gets. Signing and sealing only choose keys: nothing here uses them on the wire. */
const GRANTED = [
  FLAG.requestTarget,
  FLAG.sign,
  FLAG.seal,
  FLAG.alwaysSign,
  FLAG.extendedSecurity,
  FLAG.version,
  FLAG.key128,
  FLAG.keyExchange,
  FLAG.key56,
].reduce<number>((all, flag) => all | flag, 0);
const ALWAYS = FLAG.ntlm | FLAG.targetInfo | FLAG.targetIsDomain;

const CHALLENGE_BYTES = 8;
const NETBIOS_LONGEST = 15;

export const ntlm: MechanismFactory = {
  name: "NTLM",
  plaintext: false,
  bound: false,
  onRequest: false,
  needs: "ntlm",
  relays: false,
  create: (context) => new NtlmExchange(context),
};

type Stage = "start" | "challenged" | "over";

/** One exchange. Who puts SPNEGO around it may ask for the session key once it is done, until close(). */
export class NtlmExchange implements ServerMechanism {
  readonly name = "NTLM";
  readonly #context: MechanismContext;
  readonly #serverChallenge = randomBytes(CHALLENGE_BYTES);
  #stage: Stage = "start";
  #claimed = "";
  #negotiate: Buffer = Buffer.alloc(0);
  #challenge: Buffer = Buffer.alloc(0);
  #session: NtlmSession | undefined;

  constructor(context: MechanismContext) {
    this.#context = context;
  }

  get claimed(): string {
    return this.#claimed;
  }

  /** For ntlmSignature(); undefined until the exchange has succeeded, and after close(). */
  get session(): NtlmSession | undefined {
    return this.#session;
  }

  next(response: Buffer | undefined): MechanismStep | Promise<MechanismStep> {
    if (this.#stage === "over") throw new Failure("exchange-malformed", "NTLM: the exchange is over");
    if (this.#stage === "challenged") return this.#authenticated(response ?? Buffer.alloc(0));
    if (response === undefined) return { kind: "challenge", data: Buffer.alloc(0) };
    return { kind: "challenge", data: this.#challenged(response) };
  }

  close(): void {
    this.#stage = "over";
    this.#session?.key.fill(0);
    this.#session = undefined;
  }

  #challenged(message: Buffer): Buffer {
    const asked = parseNegotiate(message);
    if ((asked & (FLAG.unicode | FLAG.oem)) === 0) throw new Failure("exchange-malformed", "NTLM: the client knows no charset");
    const charset = (asked & FLAG.unicode) === 0 ? FLAG.oem : FLAG.unicode;
    const flags = ((asked & GRANTED) | ALWAYS | charset) >>> 0;
    const names = namesOf(this.#context.hostname);
    this.#negotiate = Buffer.from(message);
    this.#challenge = buildChallenge(flags, this.#serverChallenge, names.netbiosDomain, targetInfo(names, this.#context.now()));
    this.#stage = "challenged";
    return this.#challenge;
  }

  async #authenticated(message: Buffer): Promise<MechanismStep> {
    this.#stage = "over";
    const parsed = parseAuthenticate(message);
    const { user, domain } = parsed;
    if (normaliseUser(`${domain}${user}`, undefined) === undefined || user === "")
      throw new Failure("wrong-credentials", "NTLM: no name, or one that nobody can have");
    this.#claimed = user;
    if (!isNtlmv2(parsed.ntResponse))
      throw new Failure("wrong-credentials", "NTLM: the client answers with NTLMv1 or anonymously");
    const pairs = responsePairs(parsed.ntResponse);
    const account = await this.#ask(parsed);
    const key = exportedSessionKey(parsed.flags, account.sessionBaseKey, parsed.encryptedSessionKey);
    this.#checkMic(message, parsed, pairs.get(AV.flags), key);
    this.#checkTime(pairs.get(AV.timestamp));
    this.#checkBinding(pairs.get(AV.channelBindings));
    this.#session = { key, flags: parsed.flags };
    // As claimed: failures and successes are counted by one name, and a client can write any domain.
    const secret = new Secret(Buffer.alloc(0));
    return {
      kind: "done",
      credentials: { kind: "proven", mechanism: "NTLM", authcid: user, authzid: "", user: account.user, secret },
    };
  }

  async #ask({ user, domain, workstation, ntResponse, lmResponse }: Authenticate) {
    const { proofs } = this.#context;
    if (proofs.ntlm === undefined) throw new Failure("internal", "NTLM is offered, but no verifier proves it");
    return proofs.ntlm({ user, domain, workstation, serverChallenge: this.#serverChallenge, ntResponse, lmResponse });
  }

  /** A client that saw our time sends a MIC and says so under its proof; one that says nothing (Samba's) has none. */
  #checkMic(message: Buffer, { payloadAt }: Authenticate, flags: Buffer | undefined, key: Buffer): void {
    if (flags === undefined) return;
    if (flags.length !== 4) throw new Failure("exchange-malformed", "NTLM: flags that are not 4 bytes long");
    if ((flags.readUInt32LE() & AV_FLAG_MIC) === 0) return;
    if (payloadAt < MIC_END) throw new Failure("exchange-malformed", "NTLM: there is no room for the MIC that is announced");
    const { mic, zeroed } = takeMic(message);
    const expected = messageIntegrityCode(key, [this.#negotiate, this.#challenge, zeroed]);
    if (!timingSafeEqual(mic, expected)) throw new Failure("wrong-credentials", "NTLM: the MIC is wrong; a message was changed");
  }

  #checkTime(time: Buffer | undefined): void {
    if (time === undefined) return;
    const off = Math.abs(fromFileTime(time) - this.#context.now());
    if (off > LIFETIME_MS) throw new Failure("wrong-credentials", "NTLM: the response is more than 36 hours off our clock");
  }

  #checkBinding(theirs: Buffer | undefined): void {
    const endPoint = this.#context.bindings("tls-server-end-point");
    if (endPoint === undefined) return;
    if (theirs === undefined || theirs.every((byte) => byte === 0)) {
      if (REQUIRE_CHANNEL_BINDING) throw new Failure("wrong-credentials", "NTLM: the client sends no channel binding");
      return;
    }
    const ours = channelBindingHash(endPoint);
    if (theirs.length !== ours.length || !timingSafeEqual(theirs, ours))
      throw new Failure("wrong-credentials", "NTLM: the client is bound to another TLS channel; is somebody in between?");
  }
}

interface Names {
  readonly netbiosComputer: string;
  readonly netbiosDomain: string;
  readonly dnsComputer: string;
  readonly dnsDomain: string;
}

/** mail.example.com: computer MAIL in the domain EXAMPLE, example.com. A name without a dot is its own domain. */
function namesOf(hostname: string): Names {
  const dot = hostname.indexOf(".");
  const dnsDomain = dot === -1 ? hostname : hostname.slice(dot + 1);
  const netbios = (name: string): string => (name.split(".")[0] ?? "").toUpperCase().slice(0, NETBIOS_LONGEST);
  return { netbiosComputer: netbios(hostname), netbiosDomain: netbios(dnsDomain), dnsComputer: hostname, dnsDomain };
}

function targetInfo(names: Names, now: number): Buffer {
  const text = (name: string): Buffer => Buffer.from(name, "utf16le");
  return buildAvPairs([
    [AV.netbiosDomain, text(names.netbiosDomain)],
    [AV.netbiosComputer, text(names.netbiosComputer)],
    [AV.dnsDomain, text(names.dnsDomain)],
    [AV.dnsComputer, text(names.dnsComputer)],
    [AV.timestamp, fileTime(now)],
  ]);
}
