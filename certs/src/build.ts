// Builds and signs X.509 v3 certificates (RFC 5280) with ECDSA P-256 or RSA 2048 keys. Knows no files.

import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import * as der from "./der.ts";
import type { Der } from "./der.ts";

export const KEY_TYPES = ["ec", "rsa"] as const;
/** "ec" is ECDSA P-256, "rsa" is RSA with 2048 bits. */
export type KeyType = (typeof KEY_TYPES)[number];

const OID = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  rsaWithSha256: "1.2.840.113549.1.1.11",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** What signs: a Name, a key identifier and a private key. */
export interface Signer {
  readonly name: Der;
  readonly keyId: Buffer;
  readonly key: KeyObject;
}

export interface Plan {
  readonly subject: Der;
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Der[];
}

export function newKey(type: KeyType): KeyObject {
  return type === "ec"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
    : generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
}

export function keyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" });
}

/** A Name of one common name, cut to the 64 characters that the standard allows. */
export function commonName(text: string): Der {
  return der.sequence(der.set(der.sequence(der.oid(OID.commonName), der.utf8(text.slice(0, 64)))));
}

const spki = (publicKey: KeyObject): Der => der.decode(publicKey.export({ type: "spki", format: "der" }));

/** SHA-1 over the public key's bits: RFC 5280 section 4.2.1.2, method 1. */
export function keyIdentifier(publicKey: KeyObject): Buffer {
  const bits = der.content(der.parts(spki(publicKey))[1]).subarray(1);
  return createHash("sha1").update(bits).digest();
}

function extension(id: string, critical: boolean, value: Der): Der {
  const flag = critical ? [der.boolean(true)] : [];
  return der.sequence(der.oid(id), ...flag, der.octets(der.encode(value)));
}

export const extensions = {
  authority: (): Der => extension(OID.basicConstraints, true, der.sequence(der.boolean(true), der.integer(Buffer.from([0])))),
  leaf: (): Der => extension(OID.basicConstraints, true, der.sequence()),
  signCertificates: (): Der => extension(OID.keyUsage, true, der.bits(Buffer.from([0b0000_0110]), 1)),
  // RSA keys may also carry the key exchange of TLS 1.2 without ephemeral keys.
  signHandshakes: (type: KeyType): Der =>
    extension(
      OID.keyUsage,
      true,
      type === "rsa" ? der.bits(Buffer.from([0b1010_0000]), 5) : der.bits(Buffer.from([0b1000_0000]), 7),
    ),
  purpose: (purpose: "server" | "client"): Der =>
    extension(OID.extendedKeyUsage, false, der.sequence(der.oid(purpose === "server" ? OID.serverAuth : OID.clientAuth))),
  names: (names: readonly Der[]): Der => extension(OID.subjectAltName, false, der.sequence(...names)),
  subjectKey: (publicKey: KeyObject): Der => extension(OID.subjectKeyIdentifier, false, der.octets(keyIdentifier(publicKey))),
  authorityKey: (keyId: Buffer): Der => extension(OID.authorityKeyIdentifier, false, der.sequence(der.implicit(0, keyId))),
};

// 127 random bits with the second highest set: positive, never zero, at most 20 octets (RFC 5280 section 4.1.2.2).
function serial(): Der {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return der.integer(bytes);
}

/** The certificate as PEM, signed with SHA-256. */
export function buildCertificate(plan: Plan, signer: Signer): string {
  const algorithm =
    signer.key.asymmetricKeyType === "ec"
      ? der.sequence(der.oid(OID.ecdsaWithSha256))
      : der.sequence(der.oid(OID.rsaWithSha256), der.nothing());
  const body = der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))),
    serial(),
    algorithm,
    signer.name,
    der.sequence(der.time(plan.notBefore), der.time(plan.notAfter)),
    plan.subject,
    spki(plan.publicKey),
    der.explicit(3, der.sequence(...plan.extensions)),
  );
  const signature = sign("sha256", der.encode(body), signer.key);
  return der.toPem("CERTIFICATE", der.encode(der.sequence(body, algorithm, der.bits(signature))));
}
