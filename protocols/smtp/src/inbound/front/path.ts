// MAIL and RCPT as the client writes them (RFC 5321 sections 4.1.1 and 4.1.2, RFC 6531 section 3.3): a path and parameters,
// checked and passed on as they are. A source route is dropped; nothing else is rewritten or decoded. Dots are allowed where
// some senders have them ("user.@example.com"). No control character, and none that cannot be seen, gets through.
// Throws MailError.

import { isIPv4, isIPv6 } from "node:net";
import { MailError } from "./words.ts";

export interface Path {
  /** Without brackets and source route; "" is the null sender. */
  readonly address: string;
  /** Names in capitals; values as sent; undefined: none. */
  readonly parameters: ReadonlyMap<string, string | undefined>;
}

/** RFC 5321 section 4.5.3.1.3, with the brackets. */
const MAX_PATH = 256;
const MAX_PARAMETERS = 20;
/** RFC 3461 section 5.2: the longest of all is ORCPT, 500 bytes. */
const MAX_VALUE = 500;

const ATOM = String.raw`[A-Za-z0-9!#$%&'*+\-/=?^_\x60{|}~.\u0080-\u{10ffff}]+`;
const QUOTED = String.raw`"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\u{10ffff}]|\\[\x20-\x7e])*"`;
const LABEL = String.raw`[A-Za-z0-9_\u0080-\u{10ffff}](?:[A-Za-z0-9_\-\u0080-\u{10ffff}]{0,62})`;
const DOMAIN = String.raw`${LABEL}(?:\.${LABEL})*|\[[\x21-\x5a\x5e-\x7e]+\]`;

const ROUTE = /^@[^\s@:<>]+(?:,@[^\s@:<>]+)*:/;
const MAILBOX = new RegExp(`^(?:${ATOM}|${QUOTED})@(${DOMAIN})$`, "u");
/** Behind a quoted local part, or one without. */
const BRACKETED = /^ *<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)>(?: +|$)/su;
/** Control characters of both kinds, white space but for the blank, and what has no width: RFC 6531 lets them in, and nobody needs them. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b\u2060]|[^\S ]/;
const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]{0,39})(?:=([\u0021-\u003c\u003e-\u007e\u0080-\u{10ffff}]+))?$/u;

/** What follows the verb, as bytes; `keyword` is FROM or TO. */
export function parsePath(args: Buffer, keyword: "FROM" | "TO"): Path {
  const text = utf8(args);
  if (text === undefined || UNSEEN.test(text)) throw syntax("An address or a parameter holds bytes that cannot be there");
  const colon = keyword.length;
  if (text.slice(0, colon).toUpperCase() !== keyword || text[colon] !== ":") throw syntax(`${keyword}:<address> is wanted`);
  const match = BRACKETED.exec(text.slice(colon + 1));
  if (match === null) throw syntax("The address stands in <>, and a space behind it");
  const [whole, path = ""] = match;
  if (Buffer.byteLength(path) + 2 > MAX_PATH) throw bad(keyword, "The address is too long");
  const address = path.replace(ROUTE, "");
  if (!isAddress(address, keyword)) throw bad(keyword, "This is no address");
  return { address, parameters: parametersIn(text.slice(colon + 1 + whole.length)) };
}

export const isAscii = (text: string): boolean => !/[^\u0000-\u007f]/.test(text);

function utf8(bytes: Buffer): string | undefined {
  const text = bytes.toString("utf8");
  return text.includes("\ufffd") ? undefined : text;
}

/** Mail to the postmaster is taken without a domain (RFC 5321 section 4.5.1); the null sender is empty. */
function isAddress(address: string, keyword: "FROM" | "TO"): boolean {
  if (keyword === "FROM" && address === "") return true;
  if (keyword === "TO" && address.toLowerCase() === "postmaster") return true;
  const domain = MAILBOX.exec(address)?.[1];
  if (domain === undefined) return false;
  return !domain.startsWith("[") || isLiteral(domain.slice(1, -1));
}

const isLiteral = (text: string): boolean => isIPv4(text) || (/^IPv6:/i.test(text) && isIPv6(text.slice(5)));

function parametersIn(text: string): Map<string, string | undefined> {
  const parameters = new Map<string, string | undefined>();
  for (const word of text.split(" ")) {
    if (word === "") continue;
    const match = PARAMETER.exec(word);
    const name = match?.[1]?.toUpperCase();
    if (name === undefined || (match?.[2]?.length ?? 0) > MAX_VALUE) throw syntax("A parameter is NAME or NAME=value");
    if (parameters.has(name)) throw syntax(`${name} is given twice`);
    if (parameters.size === MAX_PARAMETERS) throw syntax("Too many parameters");
    parameters.set(name, match?.[2]);
  }
  return parameters;
}

const syntax = (text: string): MailError => new MailError(501, "5.5.4", text);
const bad = (keyword: "FROM" | "TO", text: string): MailError => new MailError(501, keyword === "FROM" ? "5.1.7" : "5.1.3", text);
