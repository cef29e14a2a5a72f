// SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677), with -PLUS bound to the TLS channel (RFC 5929, RFC 9266). The gateway
// checks the proof against keys; or, live, only learns from the first message whom it is about and leaves the rest to the
// backend. Never sees a password. Failure: exchange-malformed; wrong-credentials and what else the verifiers say.

import { randomBytes } from "node:crypto";
import {
  Failure,
  Secret,
  type ChannelBindingType,
  type MechanismContext,
  type MechanismFactory,
  type MechanismStep,
  type ScramAccount,
  type ScramHash,
  type ServerMechanism,
} from "@postern/contracts";
import { HASH_BYTES, proofFits, serverSignature } from "./scram-keys.ts";
import { parseClientFinal, parseClientFirst, type ClientFirst } from "./scram-messages.ts";
import { utf8 } from "./utf8.ts";

export interface ScramVariant {
  readonly name: string;
  readonly hash: ScramHash;
  /** The channel must be bound: -PLUS. */
  readonly bound: boolean;
}

/** In base64 there is no comma; 18 bytes have no padding either. */
const NONCE_BYTES = 18;
const BINDINGS: readonly string[] = ["tls-exporter", "tls-server-end-point"] satisfies ChannelBindingType[];

export const scramSha1 = factory("SCRAM-SHA-1", "sha1", "scram-sha-1", false);
export const scramSha1Plus = factory("SCRAM-SHA-1-PLUS", "sha1", "scram-sha-1", true);
export const scramSha256 = factory("SCRAM-SHA-256", "sha256", "scram-sha-256", false);
export const scramSha256Plus = factory("SCRAM-SHA-256-PLUS", "sha256", "scram-sha-256", true);

function factory(name: string, hash: ScramHash, needs: "scram-sha-1" | "scram-sha-256", bound: boolean): MechanismFactory {
  const variant: ScramVariant = { name, hash, bound };
  return {
    name,
    plaintext: false,
    bound,
    onRequest: false,
    needs,
    // A channel ends at the gateway: what is bound to it means nothing to the backend.
    relays: !bound,
    create: (context, live = false) => (live ? new LiveScram(variant) : new Scram(variant, context)),
  };
}

const challenge = (text: string): MechanismStep => ({ kind: "challenge", data: Buffer.from(text) });

/** The first message, with the binding flag that the variant allows. */
function readFirst({ name, bound }: ScramVariant, response: Buffer): ClientFirst {
  const first = parseClientFirst(utf8(response, name), name);
  if (bound !== (first.flag === "p"))
    throw new Failure("exchange-malformed", `${name}: the client ${bound ? "binds to no" : "binds to a"} channel`);
  return first;
}

/** Between the first message and the final one. */
interface Opened {
  readonly first: ClientFirst;
  readonly account: ScramAccount;
  /** What the final message must say of the channel, in base64. */
  readonly binding: string;
  readonly nonce: string;
  readonly serverFirst: string;
}

export class Scram implements ServerMechanism {
  readonly #variant: ScramVariant;
  readonly #context: MechanismContext;
  readonly #nonce: string;
  #claimed = "";
  #opened: Opened | undefined;
  /** Set once the proof was right. */
  #user: string | undefined;

  /** `nonce` is the server's part; tests of known exchanges give one. */
  constructor(variant: ScramVariant, context: MechanismContext, nonce: string = randomBytes(NONCE_BYTES).toString("base64")) {
    this.#variant = variant;
    this.#context = context;
    this.#nonce = nonce;
  }

  get name(): string {
    return this.#variant.name;
  }

  get claimed(): string {
    return this.#claimed;
  }

  next(response: Buffer | undefined): MechanismStep | Promise<MechanismStep> {
    if (response === undefined) return challenge("");
    if (this.#opened === undefined) return this.#open(response);
    if (this.#user === undefined) return this.#prove(response, this.#opened);
    return this.#end(response, this.#opened.first, this.#user);
  }

  async #open(response: Buffer): Promise<MechanismStep> {
    const { name, hash } = this.#variant;
    const { proofs, offers } = this.#context;
    const first = readFirst(this.#variant, response);
    this.#claimed = first.authcid;
    // The client saw no -PLUS although it is on offer: somebody took it out of the list (RFC 5802 section 6).
    if (first.flag === "y" && offers(`${name}-PLUS`))
      throw new Failure("wrong-credentials", `${name}: the client believes that channel binding is not on offer, but it is`);
    const binding = this.#binding(first).toString("base64");
    if (proofs.scram === undefined) throw new Failure("internal", `${name}: no verifier has keys`);
    const account = await proofs.scram(hash, first.authcid);
    const { salt, iterations } = account.keys;
    const nonce = first.nonce + this.#nonce;
    const serverFirst = `r=${nonce},s=${salt.toString("base64")},i=${iterations}`;
    this.#opened = { first, account, binding, nonce, serverFirst };
    return challenge(serverFirst);
  }

  #prove(response: Buffer, { first, account, binding, nonce, serverFirst }: Opened): MechanismStep {
    const { name, hash } = this.#variant;
    const final = parseClientFinal(utf8(response, name), HASH_BYTES[hash], name);
    if (final.nonce !== nonce) throw new Failure("exchange-malformed", `${name}: the nonce is not that of this exchange`);
    if (final.binding !== binding) throw new Failure("wrong-credentials", `${name}: the client's channel is not this one`);
    const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`;
    const fits = proofFits(hash, account.keys, authMessage, final.proof);
    if (!fits || account.user === undefined) throw new Failure("wrong-credentials", `${name}: wrong password or unknown user`);
    this.#user = account.user;
    return challenge(`v=${serverSignature(hash, account.keys, authMessage).toString("base64")}`);
  }

  /** What the client must have signed of the channel: its GS2 header and the binding's data. */
  #binding({ header, binding }: ClientFirst): Buffer {
    const { name, bound } = this.#variant;
    if (!bound) return Buffer.from(header);
    const data = BINDINGS.includes(binding) ? this.#context.bindings(binding as ChannelBindingType) : undefined;
    if (data === undefined) throw new Failure("exchange-malformed", `${name}: this channel has no binding ${binding}`);
    return Buffer.concat([Buffer.from(header), data]);
  }

  #end(response: Buffer, { authcid, authzid }: ClientFirst, user: string): MechanismStep {
    const { name } = this.#variant;
    if (response.length > 0) throw new Failure("exchange-malformed", `${name}: nothing may follow the server's signature`);
    const secret = new Secret(Buffer.alloc(0));
    return { kind: "done", credentials: { kind: "proven", mechanism: name, authcid, authzid, user, secret } };
  }
}

/** Finds out whom the exchange is about; the backend does the rest. */
class LiveScram implements ServerMechanism {
  readonly #variant: ScramVariant;
  #claimed = "";

  constructor(variant: ScramVariant) {
    this.#variant = variant;
  }

  get name(): string {
    return this.#variant.name;
  }

  get claimed(): string {
    return this.#claimed;
  }

  next(response: Buffer | undefined): MechanismStep {
    if (response === undefined) return challenge("");
    const { authcid, authzid } = readFirst(this.#variant, response);
    this.#claimed = authcid;
    return { kind: "live", authcid, authzid, initial: response };
  }
}
