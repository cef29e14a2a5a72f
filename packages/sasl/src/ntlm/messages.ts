// The three messages of NTLM ([MS-NLMP] section 2.2.1): NEGOTIATE and AUTHENTICATE parsed, CHALLENGE built. Every length
// and offset is checked against the message. Throws Failure exchange-malformed; it never quotes what the client sent.

import { Failure } from "@postern/contracts";

/** Section 2.2.2.5. */
export const FLAG = {
  unicode: 0x1,
  oem: 0x2,
  requestTarget: 0x4,
  sign: 0x10,
  seal: 0x20,
  ntlm: 0x200,
  alwaysSign: 0x8000,
  targetIsDomain: 0x10000,
  extendedSecurity: 0x80000,
  targetInfo: 0x800000,
  version: 0x2000000,
  key128: 0x20000000,
  keyExchange: 0x40000000,
  key56: 0x80000000,
} as const;

export interface Authenticate {
  readonly flags: number;
  readonly lmResponse: Buffer;
  readonly ntResponse: Buffer;
  readonly domain: string;
  readonly user: string;
  readonly workstation: string;
  readonly encryptedSessionKey: Buffer;
  /** Where the payload begins: a MIC has no room before 88. */
  readonly payloadAt: number;
}

const SIGNATURE = Buffer.from("NTLMSSP\0", "latin1");
const NEGOTIATE_SHORTEST = 16;
const AUTHENTICATE_SHORTEST = 64;
const CHALLENGE_HEADER = 56;
/** Section 2.2.2.10: no product of ours is known to anybody; revision 15 of the protocol. */
const VERSION = Buffer.from([0, 0, 0, 0, 0, 0, 0, 15]);
/** Where the MIC of an AUTHENTICATE message stands. */
const MIC_AT = 72;
export const MIC_END = 88;

const malformed = (what: string): Failure => new Failure("exchange-malformed", `NTLM: ${what}`);

/** True for bytes that begin as every NTLM message does: SPNEGO need not be around it. */
export function isNtlmMessage(bytes: Buffer): boolean {
  return bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

function checkHeader(message: Buffer, type: number, shortest: number): void {
  if (message.length < shortest || !isNtlmMessage(message) || message.readUInt32LE(8) !== type)
    throw malformed(`no message of type ${type}`);
}

/** The client's flags. The names in this message are hints that nobody needs: they are not read. */
export function parseNegotiate(message: Buffer): number {
  checkHeader(message, 1, NEGOTIATE_SHORTEST);
  return message.readUInt32LE(12);
}

interface Field {
  readonly at: number;
  readonly bytes: Buffer;
}

/** Length u16, maximum u16, offset u32. The offset of an empty field says nothing. */
function field(message: Buffer, place: number): Field {
  const length = message.readUInt16LE(place);
  const at = message.readUInt32LE(place + 4);
  if (length === 0) return { at: message.length, bytes: Buffer.alloc(0) };
  if (at < AUTHENTICATE_SHORTEST || at + length > message.length) throw malformed("a field points outside of the message");
  return { at, bytes: message.subarray(at, at + length) };
}

export function parseAuthenticate(message: Buffer): Authenticate {
  checkHeader(message, 3, AUTHENTICATE_SHORTEST);
  const flags = message.readUInt32LE(60);
  const [lm, nt, domain, user, workstation, key] = [12, 20, 28, 36, 44, 52].map((place) => field(message, place)) as [
    Field,
    Field,
    Field,
    Field,
    Field,
    Field,
  ];
  const text = ({ bytes }: Field): string => decodeName(bytes, flags);
  return {
    flags,
    lmResponse: lm.bytes,
    ntResponse: nt.bytes,
    domain: text(domain),
    user: text(user),
    workstation: text(workstation),
    encryptedSessionKey: key.bytes,
    payloadAt: Math.min(lm.at, nt.at, domain.at, user.at, workstation.at, key.at),
  };
}

const utf16 = new TextDecoder("utf-16le", { fatal: true, ignoreBOM: true });

/** UTF-16LE, or OEM: of the client's code page, which it does not tell, only ASCII is certain. */
function decodeName(bytes: Buffer, flags: number): string {
  if ((flags & FLAG.unicode) === 0) {
    if (bytes.some((byte) => byte > 0x7e)) throw malformed("a name that is neither UTF-16 nor ASCII");
    return bytes.toString("latin1");
  }
  try {
    return utf16.decode(bytes);
  } catch (error) {
    throw new Failure("exchange-malformed", "NTLM: a name is not UTF-16", { cause: error });
  }
}

/** The MIC of an AUTHENTICATE message that has one, and the message as it was when the MIC was made. */
export function takeMic(message: Buffer): { readonly mic: Buffer; readonly zeroed: Buffer } {
  const zeroed = Buffer.from(message).fill(0, MIC_AT, MIC_END);
  return { mic: message.subarray(MIC_AT, MIC_END), zeroed };
}

/** `targetInfo` is a list of AV pairs; the target name is in UTF-16LE or ASCII, as the flags say. */
export function buildChallenge(flags: number, serverChallenge: Buffer, target: string, targetInfo: Buffer): Buffer {
  const name = Buffer.from(target, (flags & FLAG.unicode) === 0 ? "latin1" : "utf16le");
  const header = Buffer.alloc(CHALLENGE_HEADER);
  SIGNATURE.copy(header);
  header.writeUInt32LE(2, 8);
  writeField(header, 12, name.length, CHALLENGE_HEADER);
  header.writeUInt32LE(flags, 20);
  serverChallenge.copy(header, 24);
  writeField(header, 40, targetInfo.length, CHALLENGE_HEADER + name.length);
  if ((flags & FLAG.version) !== 0) VERSION.copy(header, 48);
  return Buffer.concat([header, name, targetInfo]);
}

function writeField(header: Buffer, place: number, length: number, at: number): void {
  header.writeUInt16LE(length, place);
  header.writeUInt16LE(length, place + 2);
  header.writeUInt32LE(at, place + 4);
}
