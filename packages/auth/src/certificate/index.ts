// The verifier of kind certificate: takes the user from a client certificate that the TLS handshake has found valid. It
// asks nobody and never decides which authorities are believed. Throws, when built, an Error that says "map: …". Failure:
// wrong-credentials for a certificate that cannot be read or names more than one user.

import { X509Certificate } from "node:crypto";
import { Failure, type ClientCertificate, type Verifier } from "@postern/contracts";
import { namesIn } from "./names.ts";
import type { CertificateSettings } from "./settings.ts";

export { certificateSettings, type CertificateSettings } from "./settings.ts";

const folded = (name: string): string => name.normalize("NFC").toLowerCase();

/** The verifier. Throws an Error that begins with the key. */
export function createCertificateVerifier({ from, map }: CertificateSettings): Verifier {
  const users = usersByName(from, map);
  const userOf = (name: string): string | undefined => (users.size === 0 ? name : users.get(name));
  return {
    name: `certificate ${from}`,
    proves: ["certificate"],
    async certificate(certificate) {
      const found = new Set(readNames(certificate, from).map((name) => userOf(folded(name))));
      found.delete(undefined);
      if (found.size > 1) throw new Failure("wrong-credentials", `the certificate names ${found.size} users (${from})`);
      return [...found][0];
    },
    close() {},
  };
}

function usersByName(from: CertificateSettings["from"], map: CertificateSettings["map"]): ReadonlyMap<string, string> {
  const key = (name: string): string => folded(from === "fingerprint" ? name.replaceAll(":", "") : name);
  const entries = Object.entries(map).map(([name, user]) => [key(name), user] as const);
  const users = new Map(entries);
  if (users.size < entries.length) throw new Error("map: a name is there twice; capitals make no difference");
  if (from !== "fingerprint") return users;
  if (users.size === 0) throw new Error("map: from: fingerprint needs a map from fingerprints to users");
  const bad = [...users.keys()].some((name) => !/^[0-9a-f]{64}$/.test(name));
  if (bad) throw new Error("map: a fingerprint is 64 hex digits (SHA-256), as openssl x509 -fingerprint -sha256 shows it");
  return users;
}

function readNames({ verify, pem }: ClientCertificate, from: CertificateSettings["from"]): string[] {
  if (verify !== "SUCCESS") throw new Failure("wrong-credentials", "the client certificate is not valid");
  try {
    const certificate = new X509Certificate(pem);
    return from === "fingerprint" ? [certificate.fingerprint256.replaceAll(":", "")] : namesIn(certificate.raw, from);
  } catch (error) {
    throw new Failure("wrong-credentials", "the client certificate cannot be read", { cause: error });
  }
}
