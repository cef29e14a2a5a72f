// Which client certificates a rule means: one certificate, by the SHA-256 of its DER, or those whose whole subject (as
// RFC 2253 writes it) fits a pattern. A * stands for any characters of one value, never for a comma, a plus or a backslash, so
// that no value can pass for two. Whether a certificate is genuine is not asked here. Never throws.

import { X509Certificate } from "node:crypto";
import type { ClientCertificate } from "./session.ts";
import { custom, list, type Parsed } from "./settings.ts";

const FINGERPRINT = /^(?:[0-9a-f]{2}:?){31}[0-9a-f]{2}$/i;

/** "CN=crm,OU=*,O=Example", or 32 bytes in hex with or without colons, which come back as "sha256:" and small letters. */
export function parseCertificatePattern(raw: unknown): Parsed<string> {
  const text = String(raw);
  if (FINGERPRINT.test(text)) return { value: `sha256:${text.replaceAll(":", "").toLowerCase()}` };
  if (/^[A-Za-z0-9.]+=[^\p{C}]+$/u.test(text)) return { value: text };
  return { problem: `must be a subject such as CN=crm,O=Example, or the SHA-256 of a certificate in hex, not "${text}"` };
}

/** A setting that holds patterns; one may be written without the brackets. */
export function certificatePatterns(doc: string) {
  const one = custom(
    "subject or SHA-256",
    "A subject, in which * stands for any characters of one value, or a SHA-256 in hex.",
    parseCertificatePattern,
  );
  return list(doc, one, { single: true });
}

/** A test whether a certificate fits one of the parsed patterns. */
export function certificateMatcher(patterns: readonly string[]): (certificate: ClientCertificate) => boolean {
  const sums = new Set(patterns.filter((pattern) => pattern.startsWith("sha256:")));
  const subjects = patterns.filter((pattern) => !sums.has(pattern)).map(subjectTest);
  return ({ subject, pem }) => subjects.some((test) => test.test(subject)) || (sums.size > 0 && sums.has(sumOf(pem)));
}

const subjectTest = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split(/\*+/)
      .map((part) => RegExp.escape(part))
      .join("[^,+\\\\]*")}$`,
    "u",
  );

const sumOf = (pem: string): string => `sha256:${new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase()}`;
