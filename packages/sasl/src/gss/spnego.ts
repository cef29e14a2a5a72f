// SPNEGO tokens (RFC 4178 section 4.2, [MS-SPNG]): finds out what a client's token holds, and builds the acceptor's answers.
// Kerberos inside of it is not taken apart: such tokens go to the GSS-API as they are. Throws Failure exchange-malformed.

import { Failure } from "@postern/contracts";
import { isNtlmMessage } from "../ntlm/messages.ts";
import { der, elements, firstElement, only, type Element } from "./der.ts";

/** The values of object identifiers in DER, hex. */
const OID = {
  spnego: "2b0601050502",
  ntlm: "2b06010401823702020a",
  kerberos: "2a864886f712010202",
  /** Windows writes 1.2.840.48018.1.2.2, where 113554 had lost a bit. */
  kerberosOfWindows: "2a864882f712010202",
} as const;

const TAG = { applicationZero: 0x60, sequence: 0x30, oid: 0x06, octets: 0x04, enumerated: 0x0a } as const;
const context = (number: number): number => 0xa0 | number;

export type NegotiableMechanism = "kerberos" | "ntlm" | "other";

export interface NegTokenInit {
  readonly kind: "init";
  /** In the client's order. */
  readonly mechanisms: readonly NegotiableMechanism[];
  /** The list as it stands, which a mechListMIC is over. */
  readonly mechanismList: Buffer;
  /** The first message of the first mechanism. */
  readonly mechanismToken: Buffer | undefined;
}

export interface NegTokenResp {
  readonly kind: "response";
  readonly state: NegState | undefined;
  readonly token: Buffer | undefined;
  readonly mechanismListMic: Buffer | undefined;
}

export type NegotiateToken =
  | NegTokenInit
  | NegTokenResp
  /** A message of the mechanism with no SPNEGO around it. */
  | { readonly kind: "kerberos" | "ntlm" };

const STATES = ["accept-completed", "accept-incomplete", "reject", "request-mic"] as const;
export type NegState = (typeof STATES)[number];

const malformed = (what: string): Failure => new Failure("exchange-malformed", `SPNEGO: ${what}`);

/** What a client's token is. */
export function readNegotiateToken(token: Buffer): NegotiateToken {
  if (isNtlmMessage(token)) return { kind: "ntlm" };
  if (token[0] === context(1)) return readResponse(token);
  const body = only(token, TAG.applicationZero);
  const mechanism = firstElement(body);
  if (mechanism.tag !== TAG.oid) throw malformed("a token that does not say of which mechanism it is");
  switch (mechanism.value.toString("hex")) {
    case OID.kerberos:
    case OID.kerberosOfWindows:
      return { kind: "kerberos" };
    case OID.spnego:
      return readInit(body.subarray(mechanism.whole.length));
    default:
      throw malformed("a token of a mechanism that is not known here");
  }
}

/** The mechanisms that a client's first token offers, in its order; none for a later token. */
export function mechanismsOf(token: Buffer): readonly NegotiableMechanism[] {
  const read = readNegotiateToken(token);
  if (read.kind === "init") return read.mechanisms;
  return read.kind === "response" ? [] : [read.kind];
}

function readInit(bytes: Buffer): NegTokenInit {
  const fields = fieldsOf(only(bytes, context(0)));
  const list = fields.get(0);
  if (list === undefined) throw malformed("no list of mechanisms");
  const oids = elements(only(list, TAG.sequence));
  if (oids.length === 0 || oids.some(({ tag }) => tag !== TAG.oid)) throw malformed("a list of mechanisms that is none");
  return { kind: "init", mechanisms: oids.map(nameOf), mechanismList: list, mechanismToken: octets(fields.get(2)) };
}

function nameOf({ value }: Element): NegotiableMechanism {
  const oid = value.toString("hex");
  if (oid === OID.ntlm) return "ntlm";
  return oid === OID.kerberos || oid === OID.kerberosOfWindows ? "kerberos" : "other";
}

function readResponse(bytes: Buffer): NegTokenResp {
  const fields = fieldsOf(only(bytes, context(1)));
  return {
    kind: "response",
    state: stateOf(fields.get(0)),
    token: octets(fields.get(2)),
    mechanismListMic: octets(fields.get(3)),
  };
}

/** The fields of a SEQUENCE by the number of their tags, each once and in order. */
function fieldsOf(bytes: Buffer): Map<number, Buffer> {
  const fields = new Map<number, Buffer>();
  let next = 0;
  for (const { tag, value } of elements(only(bytes, TAG.sequence))) {
    const number = tag - context(0);
    if (number < next || number > 3) throw malformed("fields that are unknown, doubled or out of order");
    next = number + 1;
    fields.set(number, value);
  }
  return fields;
}

function stateOf(field: Buffer | undefined): NegState | undefined {
  if (field === undefined) return undefined;
  const value = only(field, TAG.enumerated);
  const state = value.length === 1 ? STATES[value[0] ?? STATES.length] : undefined;
  if (state === undefined) throw malformed("a state that is unknown");
  return state;
}

const octets = (field: Buffer | undefined): Buffer | undefined => field && only(field, TAG.octets);

export interface Answer {
  readonly state: NegState;
  /** In the first answer only: the mechanism that was chosen. */
  readonly mechanism?: "ntlm";
  readonly token?: Buffer;
  readonly mechanismListMic?: Buffer;
}

/** The acceptor's NegTokenResp. */
export function buildAnswer({ state, mechanism, token, mechanismListMic }: Answer): Buffer {
  const fields = [der(context(0), der(TAG.enumerated, Buffer.from([STATES.indexOf(state)])))];
  if (mechanism !== undefined) fields.push(der(context(1), der(TAG.oid, Buffer.from(OID[mechanism], "hex"))));
  if (token !== undefined) fields.push(der(context(2), der(TAG.octets, token)));
  if (mechanismListMic !== undefined) fields.push(der(context(3), der(TAG.octets, mechanismListMic)));
  return der(context(1), der(TAG.sequence, ...fields));
}
