// What the GSS-API's status codes mean for a login: whose fault, and in words for the log (RFC 2743 section 1.2.1, RFC 4121,
// MIT's krb5_err.et). Tokens are garbage, tickets are refused, or the house cannot check now. Never throws; the words of
// the library may quote what the client sent, so they are cut and made printable.

import { Failure, type FailureKind } from "@postern/contracts";
import type { GssLibrary } from "./library.ts";
import { emptyBuffer, oidOf, pointerIn, slot } from "./memory.ts";

/** The object identifier of Kerberos V5, 1.2.840.113554.1.2.2, as the value of its DER. */
export const KRB5 = Buffer.from("2a864886f712010202", "hex");

/** What a call of the library came to. */
export interface Status {
  readonly major: number;
  readonly minor: number;
}

export const failed = ({ major }: Status): boolean => major >>> 16 !== 0;

const DEFECTIVE_TOKEN = 9;
const BAD_BINDINGS = 4;
const BAD_MECHANISM = 1;
const WORDS = 300;
const MOST_TEXTS = 8;

/** Kerberos' errors count from here. */
const KRB5_BASE = -1_765_328_384;
const SKEW = KRB5_BASE + 37;
const REPLAY_ELSEWHERE = 163;
/** EPERM ENOENT EIO ENOMEM EACCES ENOTDIR EISDIR ENFILE EMFILE EFBIG ENOSPC EROFS ENOLCK ELOOP ESTALE EDQUOT. */
const ERRNO: ReadonlySet<number> = new Set([1, 2, 5, 12, 13, 20, 21, 23, 24, 27, 28, 30, 37, 40, 116, 122]);

/** Files that this host cannot read or write: the configuration, the replay cache, the keytab. */
function isOurs(minor: number): boolean {
  const code = minor - KRB5_BASE;
  const replayCache = code >= 159 && code <= 172 && code !== REPLAY_ELSEWHERE;
  return ERRNO.has(minor) || replayCache || (code >= 135 && code <= 136) || [179, 211, 213, 235].includes(code);
}

/** The kind of failure of a token that was not accepted. */
function kindOf({ major, minor }: Status): FailureKind {
  const routine = (major >>> 16) & 0xff;
  if (routine === DEFECTIVE_TOKEN || routine === BAD_MECHANISM) return "exchange-malformed";
  return isOurs(minor) ? "verifier-down" : "wrong-credentials";
}

/** The failure of a token that was not accepted. Call it right after the call that failed. */
export function refusal(library: GssLibrary, status: Status): Failure {
  const words = wordsOf(library, status);
  const routine = (status.major >>> 16) & 0xff;
  if (status.minor === SKEW)
    return new Failure(
      "wrong-credentials",
      `Kerberos: ${words}: the clocks of the client and of this host are further apart than clockskew in krb5.conf (five minutes by default); set them right on both`,
    );
  if (routine === BAD_BINDINGS)
    return new Failure(
      "wrong-credentials",
      `Kerberos: ${words}: the client is bound to another TLS channel; is somebody in between? A client that binds to something else than the certificate needs channelBinding: ignore`,
    );
  // MIT has no words for an AP-REQ that cannot be decoded.
  if (words === "") return new Failure("exchange-malformed", "Kerberos: the token cannot be read");
  return new Failure(kindOf(status), `Kerberos: ${words}`);
}

/** The library's words for both codes, printable ASCII, cut. */
export function wordsOf(library: GssLibrary, { major, minor }: Status): string {
  const texts = [...textsOf(library, major >>> 0, 1), ...(minor === 0 ? [] : textsOf(library, minor >>> 0, 2))];
  return texts
    .filter((text) => text !== "" && !/^(Unspecified GSS failure|Unknown error|Success$)/.test(text))
    .join("; ")
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(0, WORDS);
}

function textsOf(library: GssLibrary, code: number, type: 1 | 2): string[] {
  const [minor, more, text] = [slot(), slot(), emptyBuffer()];
  const mechanism = oidOf(library, KRB5);
  const texts: string[] = [];
  do {
    if (library.gss_display_status(minor, code, type, mechanism, more, text) !== 0) break;
    texts.push(takeBuffer(library, text).toString("latin1"));
  } while (more.readUInt32LE(0) !== 0 && texts.length < MOST_TEXTS);
  return texts;
}

/** A copy of what the library left in a gss_buffer_desc; the library's own is freed. */
export function takeBuffer(library: GssLibrary, descriptor: Buffer): Buffer {
  const length = Number(descriptor.readBigUInt64LE(0));
  const address = pointerIn(descriptor.subarray(8));
  const data = length === 0 || address === 0n ? Buffer.alloc(0) : library.copy(address, length);
  library.gss_release_buffer(slot(), descriptor);
  return data;
}
