// DER building blocks over forge.asn1 (X.690): just enough to assemble certificates (RFC 5280).
// forge knows no elliptic curves, so keys and signatures pass through as ready DER.

import forge from "node-forge";

const { asn1 } = forge;
const { Class, Type } = asn1;

export type Der = forge.asn1.Asn1;

const universal = (type: forge.asn1.Type, value: string): Der => asn1.create(Class.UNIVERSAL, type, false, value);

export const sequence = (...items: Der[]): Der => asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, items);
export const set = (...items: Der[]): Der => asn1.create(Class.UNIVERSAL, Type.SET, true, items);
export const oid = (dotted: string): Der => universal(Type.OID, asn1.oidToDer(dotted).getBytes());
export const boolean = (value: boolean): Der => universal(Type.BOOLEAN, value ? "\xff" : "\x00");
/** Two's complement, most significant byte first. */
export const integer = (bytes: Buffer): Der => universal(Type.INTEGER, bytes.toString("latin1"));
export const nothing = (): Der => universal(Type.NULL, "");
export const utf8 = (text: string): Der => universal(Type.UTF8, Buffer.from(text, "utf8").toString("latin1"));
export const octets = (bytes: Buffer): Der => universal(Type.OCTETSTRING, bytes.toString("latin1"));
export const bits = (bytes: Buffer, unused = 0): Der =>
  universal(Type.BITSTRING, String.fromCharCode(unused) + bytes.toString("latin1"));
// The types know universal tags only; a context tag is any small number.
type CreateTagged = (tagClass: forge.asn1.Class, tag: number, constructed: boolean, value: Der[] | string) => Der;
const createTagged: CreateTagged = asn1.create;
const context = (tag: number, value: Der[] | string): Der =>
  createTagged(Class.CONTEXT_SPECIFIC, tag, typeof value !== "string", value);

/** A context tag around other values. */
export const explicit = (tag: number, ...items: Der[]): Der => context(tag, items);
/** A context tag in place of the value's own tag. */
export const implicit = (tag: number, bytes: Buffer): Der => context(tag, bytes.toString("latin1"));

/** UTCTime up to 2049, GeneralizedTime after it (RFC 5280 section 4.1.2.5). */
export function time(date: Date): Der {
  return date.getUTCFullYear() < 2050
    ? universal(Type.UTCTIME, asn1.dateToUtcTime(date))
    : universal(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date));
}

export function encode(value: Der): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), "latin1");
}

// Bit strings stay bytes instead of being parsed as DER themselves. The types know only the older boolean argument.
const OPTIONS = { strict: true, decodeBitStrings: false } as unknown as boolean;

/** Throws forge's Error when the bytes are not DER. */
export function decode(bytes: Buffer): Der {
  return asn1.fromDer(forge.util.createBuffer(bytes.toString("latin1")), OPTIONS);
}

/** The parts of a constructed value; empty for a primitive one. */
export function parts(value: Der | undefined): Der[] {
  return Array.isArray(value?.value) ? value.value : [];
}

/** The content bytes of a primitive value; empty for a constructed one. */
export function content(value: Der | undefined): Buffer {
  return typeof value?.value === "string" ? Buffer.from(value.value, "latin1") : Buffer.alloc(0);
}

export function toPem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
