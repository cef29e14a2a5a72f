// Tokens for tests, by node:crypto alone: keys, signed JWTs, and JWTs as a forger would make them.

import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

export type Claims = Readonly<Record<string, unknown>>;

export interface SigningKey {
  readonly kid: string;
  readonly alg: "RS256" | "ES256";
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function signingKey(kid: string, alg: SigningKey["alg"] = "ES256"): SigningKey {
  const pair =
    alg === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { kid, alg, ...pair };
}

/** As it stands in a key set (RFC 7517). */
export function publicJwk({ kid, alg, publicKey }: SigningKey): Claims {
  return { ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" };
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A JWT whose signature is whatever `signer` says: for forgeries. */
export function encodeToken(header: Claims, claims: Claims, signer: (input: Buffer) => Buffer): string {
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${signer(Buffer.from(input)).toString("base64url")}`;
}

/** A JWT that is signed with this key. `header` adds to its header, or replaces what is there. */
export function signToken(key: SigningKey, claims: Claims, header: Claims = {}): string {
  return encodeToken({ alg: key.alg, typ: "at+jwt", kid: key.kid, ...header }, claims, (input) =>
    sign("sha256", input, { key: key.privateKey, dsaEncoding: "ieee-p1363" }),
  );
}

/** A JWT with the MAC of a secret. */
export function macToken(secret: string | Buffer, claims: Claims, header: Claims = {}): string {
  return encodeToken({ alg: "HS256", typ: "at+jwt", ...header }, claims, (input) =>
    createHmac("sha256", secret).update(input).digest(),
  );
}
