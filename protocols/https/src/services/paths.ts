// Reads the path of a request's target as the servers behind us may read it. Servers differ: some decode %2F, once or again,
// take "\" for "/", cut parameters (";x") out, join slashes, end at a decoded "?" or "#", or compare letters of all scripts in any
// case, in one order or another, before they look for the folder. A request that would go there to another folder than the one
// whose rules we applied is an attack: services.ts refuses a path when not all of its readings are of one service. No client sends
// "." and ".." segments (RFC 3986 section 5.2.4 has them taken out before): they are refused in any disguise.
// Throws Failure syntax; never quotes the path.

import { isUtf8 } from "node:buffer";
import { Failure } from "@postern/contracts";

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;
const QUESTION = 0x3f;

const ENCODED = /%([0-9A-Fa-f]{2})/g;
const BAD_ENCODING = /%(?![0-9A-Fa-f]{2})/;
/** Controls and spaces as well: some servers trim them. */
const DOT_SEGMENT = /(?:^|\/)[\0-\x20]*\.\.?[\0-\x20]*(?=\/|$)/;

/** What a server may do where it finds such a mark. */
const STEPS: readonly { readonly mark: RegExp; readonly read: (path: string) => string }[] = [
  {
    mark: /%/,
    read: (path) => path.replaceAll(ENCODED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  },
  { mark: /\\/, read: (path) => path.replaceAll("\\", "/") },
  { mark: /;/, read: (path) => path.replaceAll(/;[^/]*/g, "") },
  { mark: /[?#]/, read: (path) => path.slice(0, path.search(/[?#]/)) },
  { mark: /\/\//, read: (path) => path.replaceAll(/\/{2,}/g, "/") },
  { mark: /[\x80-\xff]/, read: asText },
];

/** Octets that are UTF-8, with letters that only look otherwise (the Kelvin sign, wide slashes) as servers may take them. */
function asText(path: string): string {
  if (/[^\0-\xff]/.test(path)) return path;
  const bytes = Buffer.from(path, "latin1");
  return isUtf8(bytes) ? bytes.toString().normalize("NFKC").toLowerCase() : path;
}

/** Of octets: what is no ASCII may be a part of a letter. */
const lowered = (path: string): string => path.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** All steps in all orders, and more decoding than any server does. */
const MOST_READINGS = 32;

/** The path of a target in origin-form, or "*", in small letters: as it is sent first, then as it may be read otherwise. */
export function pathReadings(target: string): Iterable<string> {
  const plain = plainPath(target);
  if (plain !== undefined) return [plain];
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  if (BAD_ENCODING.test(path)) throw new Failure("syntax", "The path has a % that encodes nothing");
  const readings = new Set([path.toLowerCase()]);
  for (const reading of readings) {
    if (reading.includes("\0")) throw new Failure("syntax", "The path has a NUL in it");
    if (DOT_SEGMENT.test(reading)) throw new Failure("syntax", "The path has a segment . or .. in it");
    for (const { mark, read } of STEPS) if (mark.test(reading)) readings.add(lowered(read(reading)));
    if (readings.size > MOST_READINGS) throw new Failure("syntax", "The path could be read in too many ways");
  }
  return readings;
}

/** The path in small letters, where it can be read in one way only. */
export function plainPath(target: string): string | undefined {
  let before = 0;
  let end = 0;
  for (; end < target.length; end += 1) {
    const code = target.charCodeAt(end);
    if (code === QUESTION) break;
    if (code === PERCENT || code === SEMICOLON || code === BACKSLASH) return undefined;
    if (before === SLASH && (code === SLASH || code === DOT)) return undefined;
    before = code;
  }
  return target.slice(0, end).toLowerCase();
}
