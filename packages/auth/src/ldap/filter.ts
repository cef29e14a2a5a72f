// A search filter (RFC 4515) with places for the user's name, read once when the verifier is built. The name is put into
// the encoded filter as bytes of a value: whatever characters it has, it stays inside that value. Throws Error for a filter
// that is malformed.

import { SEQUENCE, boolean, element, octets } from "./ber.ts";
import { fill, piecesOf, type Names, type Piece } from "./template.ts";

/** Encodes the filter for a user; undefined when it needs a part of the name that is not there. */
export type FilterTemplate = (names: Names) => Buffer | undefined;

const MAX_DEPTH = 20;
const GROUPS = { "&": 0xa0, "|": 0xa1 } as const;
const NOT = 0xa2;
const SUBSTRINGS = 0xa4;
const PRESENT = 0x87;
const EXTENSIBLE = 0xa9;
const COMPARISONS = new Map([
  ["=", 0xa3],
  [">=", 0xa5],
  ["<=", 0xa6],
  ["~=", 0xa8],
]);

const ITEM = /^([A-Za-z0-9][A-Za-z0-9.;-]*)(=|>=|<=|~=)([^()]*)$/;
const EXTENSIBLE_ITEM = /^([A-Za-z0-9][A-Za-z0-9.;-]*)?(:dn)?(?::([A-Za-z0-9][A-Za-z0-9.-]*))?:=([^()*]*)$/i;

/** RFC 4515 section 3: a backslash and two hex digits are a byte. */
function unescaped(text: string): Buffer {
  const parts = text.split(/\\([0-9a-f]{2})/i);
  return Buffer.concat(parts.map((part, at) => (at % 2 === 0 ? Buffer.from(part, "utf8") : Buffer.from(part, "hex"))));
}

function valueTemplate(text: string): FilterTemplate {
  if (/\\(?![0-9a-f]{2})/i.test(text)) throw new Error(`a backslash without two hex digits in "${text}"`);
  const pieces: readonly Piece[] = piecesOf(text);
  return (names) => fill(pieces, names, unescaped, (value) => Buffer.from(value, "utf8"));
}

/** An element around parts, all of which must be there. */
function around(tag: number, parts: readonly FilterTemplate[]): FilterTemplate {
  return (names) => {
    const encoded = parts.map((part) => part(names));
    return encoded.every((each) => each !== undefined) ? element(tag, ...encoded) : undefined;
  };
}

const fixed =
  (bytes: Buffer): FilterTemplate =>
  () =>
    bytes;

function tagged(tag: number, value: FilterTemplate): FilterTemplate {
  return around(tag, [value]);
}

/** initial*any*any*final: what is empty at an end is left out. */
function substrings(attribute: string, value: string): FilterTemplate {
  const parts = value.split("*");
  const last = parts.length - 1;
  const tagOf = (at: number): number => (at === 0 ? 0x80 : at === last ? 0x82 : 0x81);
  const items = parts.flatMap((part, at) => (part === "" ? [] : [tagged(tagOf(at), valueTemplate(part))]));
  if (items.length === 0) throw new Error(`only stars in "${attribute}=${value}": one is enough`);
  return around(SUBSTRINGS, [fixed(octets(attribute)), around(SEQUENCE, items)]);
}

function extensible([, type, dn, rule, value = ""]: readonly (string | undefined)[]): FilterTemplate {
  if (type === undefined && rule === undefined) throw new Error('an extensible match without attribute and rule before ":="');
  return around(EXTENSIBLE, [
    ...(rule === undefined ? [] : [fixed(octets(rule, 0x81))]),
    ...(type === undefined ? [] : [fixed(octets(type, 0x82))]),
    tagged(0x83, valueTemplate(value)),
    ...(dn === undefined ? [] : [fixed(boolean(true, 0x84))]),
  ]);
}

function item(text: string): FilterTemplate {
  const match = ITEM.exec(text);
  if (match === null) {
    const extended = EXTENSIBLE_ITEM.exec(text);
    if (extended === null) throw new Error(`"${text}" is no comparison such as mail={user}`);
    return extensible(extended);
  }
  const [, attribute = "", comparison = "", value = ""] = match;
  if (comparison === "=" && value === "*") return fixed(octets(attribute, PRESENT));
  if (comparison === "=" && value.includes("*")) return substrings(attribute, value);
  if (value.includes("*")) throw new Error(`a star in "${text}": write \\2a`);
  return around(COMPARISONS.get(comparison) ?? 0, [fixed(octets(attribute)), tagged(0x04, valueTemplate(value))]);
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): FilterTemplate {
    const filter = this.#filter(0);
    if (this.#at !== this.#text.length)
      throw new Error(`something follows the last parenthesis: "${this.#text.slice(this.#at)}"`);
    return filter;
  }

  #filter(depth: number): FilterTemplate {
    if (depth > MAX_DEPTH) throw new Error(`nested more than ${MAX_DEPTH} times`);
    this.#expect("(");
    const sign = this.#text[this.#at] ?? "";
    const filter = "&|!".includes(sign) && sign !== "" ? this.#group(sign, depth) : this.#item();
    this.#expect(")");
    return filter;
  }

  #group(sign: string, depth: number): FilterTemplate {
    this.#at += 1;
    const inner: FilterTemplate[] = [];
    while (this.#text[this.#at] === "(") inner.push(this.#filter(depth + 1));
    if (sign === "!" ? inner.length !== 1 : inner.length === 0) throw new Error(`(${sign}…) needs a filter in parentheses`);
    return around(sign === "!" ? NOT : GROUPS[sign as keyof typeof GROUPS], inner);
  }

  #item(): FilterTemplate {
    const end = this.#text.indexOf(")", this.#at);
    const text = this.#text.slice(this.#at, end === -1 ? this.#text.length : end);
    this.#at += text.length;
    return item(text);
  }

  #expect(sign: string): void {
    if (this.#text[this.#at] !== sign) throw new Error(`a "${sign}" is missing at character ${this.#at + 1}`);
    this.#at += 1;
  }
}

/** "(&(objectClass=person)(mail={user}))". */
export function parseFilter(text: string): FilterTemplate {
  return new Parser(text.startsWith("(") ? text : `(${text})`).whole();
}
