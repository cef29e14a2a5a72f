// The LDAP messages that checking a password takes (RFC 4511 section 4): bind, search, compare, StartTLS, unbind. Values
// are bytes, so that a password may be any. Throws Error for an answer that is malformed: a missing result is never a
// success.

import { BerReader, ENUMERATED, OCTETS, SEQUENCE, SET, boolean, element, integer, octets } from "./ber.ts";

const BIND_REQUEST = 0x60;
const BIND_RESPONSE = 0x61;
const UNBIND_REQUEST = 0x42;
const SEARCH_REQUEST = 0x63;
const SEARCH_ENTRY = 0x64;
const SEARCH_DONE = 0x65;
const SEARCH_REFERENCE = 0x73;
const COMPARE_REQUEST = 0x6e;
const COMPARE_RESPONSE = 0x6f;
const EXTENDED_REQUEST = 0x77;
const EXTENDED_RESPONSE = 0x78;

const START_TLS = "1.3.6.1.4.1.1466.20037";

export const SCOPES = ["base", "one", "sub"] as const;
export type Scope = (typeof SCOPES)[number];

export interface Search {
  readonly base: string;
  readonly scope: Scope;
  /** Encoded (filter.ts). */
  readonly filter: Buffer;
  /** "1.1" asks for none. */
  readonly attributes: readonly string[];
  /** The server stops after so many entries. */
  readonly sizeLimit: number;
  /** Seconds that the server may take. */
  readonly timeLimit: number;
}

/** Encoded requests, by what they ask; each goes into a message with an id. */
export const request = {
  /** Simple authentication (RFC 4513 section 5.1). */
  bind: (dn: string, password: Buffer): Buffer => element(BIND_REQUEST, integer(3), octets(dn), octets(password, 0x80)),
  unbind: (): Buffer => element(UNBIND_REQUEST),
  /** Never dereferences aliases. */
  search: ({ base, scope, filter, attributes, sizeLimit, timeLimit }: Search): Buffer =>
    element(
      SEARCH_REQUEST,
      octets(base),
      integer(SCOPES.indexOf(scope), ENUMERATED),
      integer(0, ENUMERATED),
      integer(sizeLimit),
      integer(timeLimit),
      boolean(false),
      filter,
      element(SEQUENCE, ...attributes.map((name) => octets(name))),
    ),
  compare: (dn: string, attribute: string, value: Buffer): Buffer =>
    element(COMPARE_REQUEST, octets(dn), element(SEQUENCE, octets(attribute), octets(value))),
  startTls: (): Buffer => element(EXTENDED_REQUEST, octets(START_TLS, 0x80)),
};

/** A whole message on the wire. */
export function message(id: number, operation: Buffer): Buffer {
  return element(SEQUENCE, integer(id), operation);
}

export interface LdapResult {
  /** RFC 4511 section 4.1.9. */
  readonly code: number;
  /** The server's words, for people; Active Directory puts its own codes there. */
  readonly text: string;
}

export interface LdapEntry {
  readonly dn: string;
  /** By attribute description in lower case. */
  readonly attributes: ReadonlyMap<string, readonly Buffer[]>;
}

const RESPONSES = new Map([
  [BIND_RESPONSE, "bind"],
  [SEARCH_DONE, "search"],
  [COMPARE_RESPONSE, "compare"],
  [EXTENDED_RESPONSE, "extended"],
] as const);
export type Operation = "bind" | "search" | "compare" | "extended";

export type Response =
  | { readonly id: number; readonly kind: Operation; readonly result: LdapResult }
  | { readonly id: number; readonly kind: "entry"; readonly entry: LdapEntry }
  | { readonly id: number; readonly kind: "reference" };

function resultOf(reader: BerReader): LdapResult {
  const code = reader.takeInteger(ENUMERATED);
  reader.take(OCTETS);
  return { code, text: reader.take(OCTETS).toString("utf8") };
}

function entryOf(reader: BerReader): LdapEntry {
  const dn = reader.take(OCTETS).toString("utf8");
  const attributes = new Map<string, Buffer[]>();
  const list = reader.inside(SEQUENCE);
  while (!list.atEnd) {
    const attribute = list.inside(SEQUENCE);
    const name = attribute.take(OCTETS).toString("latin1").toLowerCase();
    const values: Buffer[] = [];
    const set = attribute.inside(SET);
    while (!set.atEnd) values.push(set.take(OCTETS));
    attributes.set(name, values);
  }
  return { dn, attributes };
}

/** One whole message, as the server sent it. */
export function parseResponse(bytes: Buffer): Response {
  const reader = new BerReader(bytes).inside(SEQUENCE);
  const id = reader.takeInteger();
  const { tag, contents } = reader.next();
  const inner = new BerReader(contents);
  if (tag === SEARCH_ENTRY) return { id, kind: "entry", entry: entryOf(inner) };
  if (tag === SEARCH_REFERENCE) return { id, kind: "reference" };
  const kind = (RESPONSES as ReadonlyMap<number, Operation>).get(tag);
  if (kind === undefined) throw new Error(`LDAP: an answer 0x${tag.toString(16)} that nobody asked for`);
  return { id, kind, result: resultOf(inner) };
}
