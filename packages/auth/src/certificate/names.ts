// The names in an X.509 certificate (RFC 5280 sections 4.1.2.6 and 4.2.1.6), read from its DER: a printed form can be made
// to look as if one name were two. Whether the certificate is valid was decided before. Throws Error for what is
// malformed, with none of its bytes.

import { BerReader, OCTETS, SEQUENCE, SET } from "../ldap/ber.ts";

export type NameKind = "san-email" | "san-upn" | "san-dns" | "subject-cn" | "subject-email";

const SUBJECT = { "subject-cn": "550403", "subject-email": "2a864886f70d010901" } as const;
const SUBJECT_ALT_NAME = "551d11";
/** 1.3.6.1.4.1.311.20.2.3, an otherName. */
const USER_PRINCIPAL_NAME = "2b060104018237140203";

const TAG = { oid: 0x06, version: 0xa0, extensions: 0xa3, otherName: 0xa0, value: 0xa0, mail: 0x81, dns: 0x82 } as const;
/** Of GeneralName: [0] to [8]. */
const GENERAL_NAMES = 8;
const TEXT = { utf8: 0x0c, printable: 0x13, ia5: 0x16, bmp: 0x1e } as const;

/** Where the subject is behind the version: serial number, algorithm, issuer, validity. */
const SUBJECT_AT = 4;

interface Element {
  readonly tag: number;
  readonly contents: Buffer;
}

/** All names of this kind, as they are written. */
export function namesIn(der: Buffer, kind: NameKind): string[] {
  const parts = elements(new BerReader(der).inside(SEQUENCE).take(SEQUENCE));
  if (parts[0]?.tag === TAG.version) parts.shift();
  if (kind === "subject-cn" || kind === "subject-email") return subjectNames(parts[SUBJECT_AT], SUBJECT[kind]);
  const extensions = parts.find(({ tag }) => tag === TAG.extensions);
  return extensions === undefined ? [] : alternativeNames(extensions.contents).flatMap((name) => nameOf(name, kind));
}

function elements(contents: Buffer): Element[] {
  const reader = new BerReader(contents);
  const found: Element[] = [];
  while (!reader.atEnd) found.push(reader.next());
  return found;
}

/** The elements of a constructed one. */
function inside({ tag, contents }: Element, wanted: number): Element[] {
  if (tag !== wanted) throw new Error("the certificate has another structure than RFC 5280 says");
  return elements(contents);
}

function subjectNames(subject: Element | undefined, oid: string): string[] {
  if (subject === undefined) throw new Error("the certificate has no subject");
  return inside(subject, SEQUENCE)
    .flatMap((set) => inside(set, SET))
    .map((attribute) => inside(attribute, SEQUENCE))
    .filter(([type]) => isOid(type, oid))
    .map(([, value]) => textOf(value));
}

/** The GeneralNames of every subjectAltName. */
function alternativeNames(extensions: Buffer): Element[] {
  const names = new BerReader(extensions).take(SEQUENCE);
  return elements(names)
    .map((extension) => inside(extension, SEQUENCE))
    .filter(([type]) => isOid(type, SUBJECT_ALT_NAME))
    .flatMap((extension) => {
      const value = extension.at(-1);
      if (value?.tag !== OCTETS) throw new Error("the certificate's subjectAltName has no value");
      return elements(new BerReader(value.contents).take(SEQUENCE));
    });
}

function nameOf(name: Element, kind: NameKind): string[] {
  const { tag, contents } = name;
  if (tag < 0x80 || (tag & 0x1f) > GENERAL_NAMES)
    throw new Error("the certificate has a kind of name that RFC 5280 does not have");
  if ((kind === "san-email" && tag === TAG.mail) || (kind === "san-dns" && tag === TAG.dns)) return [ascii(contents)];
  return kind === "san-upn" && tag === TAG.otherName ? principalName(name) : [];
}

function principalName(otherName: Element): string[] {
  const [type, value] = inside(otherName, TAG.otherName);
  if (!isOid(type, USER_PRINCIPAL_NAME) || value === undefined) return [];
  return [textOf(inside(value, TAG.value)[0])];
}

const isOid = (element: Element | undefined, oid: string): boolean =>
  element?.tag === TAG.oid && element.contents.toString("hex") === oid;

function textOf(value: Element | undefined): string {
  switch (value?.tag) {
    case TEXT.utf8:
      return decode("utf-8", value.contents);
    case TEXT.printable:
    case TEXT.ia5:
      return ascii(value.contents);
    case TEXT.bmp:
      return decode("utf-16be", value.contents);
    case undefined:
    default:
      throw new Error("a name in the certificate is written in an alphabet that is not supported");
  }
}

function ascii(bytes: Buffer): string {
  if (bytes.some((byte) => byte >= 0x80)) throw new Error("a name in the certificate is not ASCII");
  return bytes.toString("latin1");
}

const decode = (encoding: "utf-8" | "utf-16be", bytes: Buffer): string =>
  new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
