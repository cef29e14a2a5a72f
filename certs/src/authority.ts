// A certificate authority for development, and the server and client certificates that it issues. Not for production:
// it keeps no list of what it issued and revokes nothing. Throws CertificateError.

import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { buildCertificate, commonName, extensions, keyIdentifier, keyPem, newKey } from "./build.ts";
import type { KeyType, Signer } from "./build.ts";
import { decode, parts } from "./der.ts";
import { generalName } from "./names.ts";
import { CertificateError } from "./problem.ts";

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Below the 398 days that browsers accept. */
const LEAF_DAYS = 397;
// Clocks of test machines differ: what is made now is valid since an hour.
const BACKDATE_MS = 3_600_000;

/** A certificate and its private key, both PEM. */
export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

export interface IssueOptions {
  /** DNS names (also wildcards), IP addresses, mail addresses. The first is the common name as well. */
  readonly names: readonly string[];
  /** For a client that proves itself, not for a server. */
  readonly client?: boolean;
  readonly keyType?: KeyType;
  /** 397 by default. */
  readonly days?: number;
}

const window = (days: number): { notBefore: Date; notAfter: Date } => {
  const from = Date.now() - BACKDATE_MS;
  return { notBefore: new Date(from), notAfter: new Date(from + days * DAY_MS) };
};

/** A new authority, valid for ten years, that may issue leaf certificates only. `name` is its common name. */
export function createAuthority(name: string, keyType: KeyType = "ec"): CertificateAndKey {
  const key = newKey(keyType);
  const publicKey = createPublicKey(key);
  const signer = { name: commonName(name), keyId: keyIdentifier(publicKey), key };
  const own = [
    extensions.authority(),
    extensions.signCertificates(),
    extensions.subjectKey(publicKey),
    extensions.authorityKey(signer.keyId),
  ];
  return {
    cert: buildCertificate({ subject: signer.name, publicKey, extensions: own, ...window(AUTHORITY_DAYS) }, signer),
    key: keyPem(key),
  };
}

/** A new key and a certificate for it, signed by `authority` (made by createAuthority). `cert` holds the leaf alone. */
export function issue(authority: CertificateAndKey, options: IssueOptions): CertificateAndKey {
  return leaf(options, () => signerOf(authority));
}

/** A certificate for a server that nobody vouches for: every client must be told to trust it, or not to check. */
export function selfSigned(names: readonly string[]): CertificateAndKey {
  return leaf({ names }, (own) => own);
}

function leaf(options: IssueOptions, signedBy: (own: Signer) => Signer): CertificateAndKey {
  const [first] = options.names;
  if (first === undefined) throw new CertificateError("Cannot make a certificate without a name: give at least one");
  const type = options.keyType ?? "ec";
  const key = newKey(type);
  const publicKey = createPublicKey(key);
  const own = { name: commonName(first), keyId: keyIdentifier(publicKey), key };
  const signer = signedBy(own);
  const about = [
    extensions.leaf(),
    extensions.signHandshakes(type),
    extensions.purpose(options.client === true ? "client" : "server"),
    extensions.names(options.names.map(generalName)),
    extensions.subjectKey(publicKey),
    extensions.authorityKey(signer.keyId),
  ];
  const plan = { subject: own.name, publicKey, extensions: about, ...window(options.days ?? LEAF_DAYS) };
  return { cert: buildCertificate(plan, signer), key: keyPem(key) };
}

// The issuer's Name must be the authority's subject byte for byte, so it is cut out of its certificate.
function signerOf(authority: CertificateAndKey): Signer {
  const certificate = new X509Certificate(authority.cert);
  const key = createPrivateKey(authority.key);
  if (!certificate.ca) throw new CertificateError("Cannot issue: the certificate is not an authority's");
  if (!certificate.checkPrivateKey(key)) throw new CertificateError("Cannot issue: the key does not fit the authority");
  const subject = parts(parts(decode(certificate.raw))[0])[5];
  if (subject === undefined) throw new CertificateError("Cannot issue: the authority's certificate has no subject");
  return { name: subject, keyId: keyIdentifier(certificate.publicKey), key };
}
