// What a certificate file holds: subject, names, dates, key, order of the chain, and whether a key fits. Reads PEM text
// only. Throws CertificateError when the text holds no certificate.

import { X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { certificateNames } from "./names.ts";
import { CertificateError } from "./problem.ts";

const DAY_MS = 86_400_000;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

export interface CertificateFacts {
  /** Distinguished names on one line, as in the certificate: "CN=mail.example.com, O=Example". */
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whole days until notAfter; negative when it is over. */
  readonly daysLeft: number;
  /** "EC P-256", "RSA 2048", "Ed25519" … */
  readonly keyType: string;
  /** SHA-256 over the DER, hex in pairs with colons. */
  readonly fingerprint: string;
  readonly selfSigned: boolean;
}

export interface Inspection {
  /** In the order of the file. */
  readonly certificates: readonly CertificateFacts[];
  /** Where the chain breaks, one sentence each; a client would not follow it. */
  readonly orderProblems: readonly string[];
  /** Certificates that are over or not valid yet, one sentence each. */
  readonly dateProblems: readonly string[];
  /** undefined when no key was given. */
  readonly keyFits: boolean | undefined;
}

/** All certificates of a PEM text in file order; text around them is ignored. */
export function parseCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0) throw new CertificateError("there is no PEM certificate in it (-----BEGIN CERTIFICATE-----)");
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new CertificateError(`certificate ${index + 1} in it is damaged`, error);
    }
  });
}

const oneLine = (name: string | undefined): string => (name ?? "").split("\n").join(", ");

const CURVES: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };

function keyTypeText(key: KeyObject): string {
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === "ec") return `EC ${CURVES[details?.namedCurve ?? ""] ?? details?.namedCurve ?? "unknown"}`;
  if (details?.modulusLength !== undefined) return `RSA ${details.modulusLength}`;
  return key.asymmetricKeyType ?? "unknown";
}

function factsOf(certificate: X509Certificate, now: number): CertificateFacts {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: certificateNames(certificate),
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    daysLeft: Math.floor((certificate.validToDate.getTime() - now) / DAY_MS),
    keyType: keyTypeText(certificate.publicKey),
    fingerprint: certificate.fingerprint256,
    selfSigned: isIssuedBy(certificate, certificate),
  };
}

/** Names, key identifiers and signature all say that `issuer` issued `certificate`. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  // A self-signed leaf may not sign certificates, so checkIssued refuses it although it did sign itself.
  const named = certificate === issuer ? certificate.subject === certificate.issuer : certificate.checkIssued(issuer);
  return named && certificate.verify(issuer.publicKey);
}

function orderProblems(chain: readonly X509Certificate[]): string[] {
  return chain.slice(1).flatMap((issuer, index) => {
    const subject = chain[index];
    if (subject === undefined || isIssuedBy(subject, issuer)) return [];
    return [
      `certificate ${index + 2} (${oneLine(issuer.subject)}) did not issue certificate ${index + 1} (${oneLine(subject.subject)}): ` +
        "put the server's own certificate first, then the one that issued it, and so on",
    ];
  });
}

function dateProblems(chain: readonly CertificateFacts[], now: number): string[] {
  return chain.flatMap((facts, index) => {
    const which = `certificate ${index + 1} (${facts.subject})`;
    if (facts.notAfter.getTime() < now) return [`${which} expired on ${facts.notAfter.toISOString()}`];
    if (facts.notBefore.getTime() > now) return [`${which} is not valid before ${facts.notBefore.toISOString()}`];
    return [];
  });
}

/** Facts and problems of a PEM chain, and of the key if given. `now` is in milliseconds. */
export function inspectCertificate(pem: string, key?: KeyObject, now: number = Date.now()): Inspection {
  const chain = parseCertificates(pem);
  const certificates = chain.map((certificate) => factsOf(certificate, now));
  const keyFits = key === undefined ? undefined : (chain[0]?.checkPrivateKey(key) ?? false);
  return { certificates, orderProblems: orderProblems(chain), dateProblems: dateProblems(certificates, now), keyFits };
}
