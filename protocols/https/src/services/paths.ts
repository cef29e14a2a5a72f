// Reads the path of a request's target as the server behind us may read it. Servers differ: some decode %2F, take "\" for "/",
// cut parameters (";x") out, or join slashes, before they look for the folder. A request for which one of them would go to
// another folder than the one whose rules we applied is an attack, so a path has two readings here, the literal and the eager
// one, and services.ts refuses what they do not agree on. No client sends "." and ".." segments (RFC 3986 section 5.2.4 has
// them taken out before): they are refused in any disguise. Throws Failure syntax; never quotes the path.

import { Failure } from "@postern/contracts";

export interface PathReadings {
  /** In small letters, with no letter, digit, "-", ".", "_" or "~" percent-encoded (RFC 3986 section 6.2.2.2). */
  readonly literal: string;
  /** With all decoded and joined that some server decodes or joins; undefined: it is the same. */
  readonly eager: string | undefined;
}

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;
const QUESTION = 0x3f;

const UNRESERVED = /^[A-Za-z0-9\-._~]$/;
const ENCODED = /%([0-9A-Fa-f]{2})/g;
const BAD_ENCODING = /%(?![0-9A-Fa-f]{2})/;
/** Controls and spaces as well: some servers trim them. */
const DOT_SEGMENT = /(?:^|\/)[\0-\x20]*\.\.?[\0-\x20]*(?=\/|$)/;

/** Of a target in origin-form, or "*". */
export function readPath(target: string): PathReadings {
  const length = plainLength(target);
  if (length !== undefined) return { literal: target.slice(0, length).toLowerCase(), eager: undefined };
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  if (BAD_ENCODING.test(path)) throw new Failure("syntax", "The path has a % that encodes nothing");
  const literal = path.replaceAll(ENCODED, (whole, hex: string) => {
    const character = characterOf(hex);
    return UNRESERVED.test(character) ? character : whole;
  });
  const eager = decoded(decoded(literal))
    .replaceAll("\\", "/")
    .replaceAll(/;[^/]*/g, "")
    .replaceAll(/\/{2,}/g, "/");
  if (eager.includes("\0")) throw new Failure("syntax", "The path has a NUL in it");
  if (DOT_SEGMENT.test(eager)) throw new Failure("syntax", "The path has a segment . or .. in it");
  return { literal: literal.toLowerCase(), eager: eager.toLowerCase() };
}

/** Characters of the path, where it can be read in one way only. */
function plainLength(target: string): number | undefined {
  let before = 0;
  for (let at = 0; at < target.length; at += 1) {
    const code = target.charCodeAt(at);
    if (code === QUESTION) return at;
    if (code === PERCENT || code === SEMICOLON || code === BACKSLASH) return undefined;
    if (before === SLASH && (code === SLASH || code === DOT)) return undefined;
    before = code;
  }
  return target.length;
}

const characterOf = (hex: string): string => String.fromCharCode(Number.parseInt(hex, 16));
const decoded = (text: string): string => text.replaceAll(ENCODED, (_, hex: string) => characterOf(hex));
