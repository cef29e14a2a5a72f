// Reads a PFX file (PKCS#12, RFC 7292), as Exchange, Windows and openssl export it, with node-forge: PBES2 with AES, the
// older 3DES and RC2. Keys of any type: forge decrypts, node:crypto understands. Throws CertificateError; the message
// never holds the passphrase or key bytes.

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import forge from "node-forge";
import { keyPem } from "./build.ts";
import { isIssuedBy } from "./inspect.ts";
import { CertificateError, reasonOf } from "./problem.ts";

const MAX_BYTES = 1024 * 1024;

export interface PfxContents {
  /** The chain to send, PEM, leaf first, without a root. */
  readonly cert: string;
  /** PKCS#8 PEM. */
  readonly key: string;
  /** The other certificates of the file (a root, strangers), PEM. */
  readonly ca: readonly string[];
}

type Pfx = forge.pkcs12.Pkcs12Pfx;
type Bag = forge.pkcs12.Bag;

function open(bytes: Buffer, passphrase: string): Pfx {
  if (bytes.length > MAX_BYTES) throw new CertificateError("it is larger than 1 MB: not a PFX file");
  let content: forge.asn1.Asn1;
  try {
    content = forge.asn1.fromDer(forge.util.createBuffer(bytes.toString("latin1")));
  } catch (error) {
    throw new CertificateError("it is not a PFX file (PKCS#12): use the .pfx or .p12 export", error);
  }
  try {
    return forge.pkcs12.pkcs12FromAsn1(content, false, passphrase);
  } catch (error) {
    const pfx = /[^ -~]/.test(passphrase) ? openWithUtf8(content, passphrase) : undefined;
    if (pfx !== undefined) return pfx;
    throw openProblem(error, hasChecksum(content));
  }
}

/** Its third part, which forge looks at before all else. */
const hasChecksum = ({ value }: forge.asn1.Asn1): boolean => Array.isArray(value) && value.length > 2;

// PKCS#12's own key derivation takes a passphrase as UTF-16, PBES2 takes it as UTF-8; forge gives both the same string.
// So a passphrase beyond ASCII opens an AES file only as UTF-8 and without its checksum, which is UTF-16: whether it was
// right then shows in what is decrypted.
function openWithUtf8(content: forge.asn1.Asn1, passphrase: string): Pfx | undefined {
  const [version, safe] = Array.isArray(content.value) ? content.value : [];
  if (version === undefined || safe === undefined) return undefined;
  try {
    const withoutChecksum = { ...content, value: [version, safe] };
    return forge.pkcs12.pkcs12FromAsn1(withoutChecksum, false, Buffer.from(passphrase, "utf8").toString("latin1"));
  } catch {
    // The first error tells more: it comes from the checksum.
    return undefined;
  }
}

/** Without a checksum a wrong passphrase shows only in what is decrypted: any nonsense, which forge stumbles over anywhere. */
function openProblem(error: unknown, isChecked: boolean): CertificateError {
  const reason = reasonOf(error);
  if (/password|MAC could not be verified|decrypt|DER/i.test(reason) || (!isChecked && !/unsupported/i.test(reason)))
    return new CertificateError("the passphrase is wrong: check the passphrase file", error);
  return new CertificateError(
    `it cannot be read as a PFX file: ${reason}; export it again, with AES-256 if there is a choice`,
    error,
  );
}

const bagsOf = (pfx: Pfx, type: string | undefined): Bag[] => {
  const id = type ?? "";
  return pfx.getBags({ bagType: id })[id] ?? [];
};

const der = (value: forge.asn1.Asn1): Buffer => Buffer.from(forge.asn1.toDer(value).getBytes(), "latin1");

// forge parses RSA keys; of any other it leaves the decrypted PKCS#8 in `asn1`.
function keyOf(bag: Bag): KeyObject[] {
  if (bag.key) return [createPrivateKey(forge.pki.privateKeyToPem(bag.key))];
  if (!bag.asn1) return [];
  return [createPrivateKey({ key: der(bag.asn1), format: "der", type: "pkcs8" })];
}

// forge parses RSA certificates and keeps their signed part as it was; of any other it leaves the whole in `asn1`.
function certificateOf(bag: Bag): X509Certificate[] {
  if (bag.cert) return [new X509Certificate(der(forge.pki.certificateToAsn1(bag.cert)))];
  return bag.asn1 ? [new X509Certificate(der(bag.asn1))] : [];
}

function contents(pfx: Pfx): { keys: KeyObject[]; certificates: X509Certificate[] } {
  const { oids } = forge.pki;
  try {
    return {
      keys: [...bagsOf(pfx, oids["pkcs8ShroudedKeyBag"]), ...bagsOf(pfx, oids["keyBag"])].flatMap(keyOf),
      certificates: bagsOf(pfx, oids["certBag"]).flatMap(certificateOf),
    };
  } catch (error) {
    throw new CertificateError("it holds a key or certificate of an unknown kind: export it again", error);
  }
}

/** The certificates above `leaf`, nearest first, as far as the file has them. */
function issuersOf(leaf: X509Certificate, pool: readonly X509Certificate[]): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let last = leaf;
  while (!isIssuedBy(last, last)) {
    const current = last;
    const issuer = pool.find((candidate) => !chain.includes(candidate) && candidate !== leaf && isIssuedBy(current, candidate));
    if (issuer === undefined) break;
    chain.push(issuer);
    last = issuer;
  }
  return chain;
}

/** The key, its certificate and the chain. A `passphrase` of "" is for a file without one. */
export function readPfx(bytes: Buffer, passphrase: string): PfxContents {
  const { keys, certificates } = contents(open(bytes, passphrase));
  if (keys.length === 0) throw new CertificateError("it holds no private key: export the certificate together with its key");
  if (certificates.length === 0) throw new CertificateError("it holds no certificate: export the key together with it");
  for (const key of keys) {
    const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key));
    if (leaf === undefined) continue;
    const chain = [leaf, ...issuersOf(leaf, certificates).filter((issuer) => !isIssuedBy(issuer, issuer))];
    const others = certificates.filter((certificate) => !chain.includes(certificate));
    return { cert: chain.map(String).join(""), key: keyPem(key), ca: others.map(String) };
  }
  throw new CertificateError("none of its certificates belongs to its private key: export it again");
}
