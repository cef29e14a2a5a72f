// Loads a certificate and its key for TLS, from PEM files or a PFX file, and checks them: the key fits, the chain is in
// order, the dates. Errors name the file and the cure; they never hold key bytes or the passphrase. Throws
// CertificateError. Files are read once; whoever watches them calls again.

import { createPrivateKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { keyPem } from "./build.ts";
import { inspectCertificate, parseCertificates } from "./inspect.ts";
import { readPfx } from "./pfx.ts";
import { CertificateError, codeOf, reasonOf } from "./problem.ts";

/** Paths. A PFX file without passphraseFile is opened with an empty passphrase. */
export type CertificateSource =
  | { readonly cert: string; readonly key: string }
  | { readonly pfx: string; readonly passphraseFile?: string | undefined };

export interface LoadedCertificate {
  /** PEM, leaf first. */
  readonly cert: string;
  /** PEM, not encrypted. */
  readonly key: string;
  /** DNS names and addresses of the leaf. */
  readonly names: readonly string[];
  readonly notAfter: Date;
  /** What works but should be looked at: expired, not yet valid, a key that everybody can read. One sentence each. */
  readonly warnings: readonly string[];
}

const MAX_BYTES = 1024 * 1024;

interface Raw {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: KeyObject;
}

/** Reads and checks. Throws CertificateError: "Cannot use tls/mail.key: …". */
export async function loadCertificate(source: CertificateSource): Promise<LoadedCertificate> {
  const raw = "pfx" in source ? await fromPfx(source) : await fromPem(source);
  const { certificates, orderProblems, dateProblems, keyFits } = about(raw.certFile, () => inspectCertificate(raw.cert, raw.key));
  if (keyFits === false) throw misfit(raw);
  const [leaf] = certificates;
  const [disorder] = orderProblems;
  if (leaf === undefined || disorder !== undefined) throw cannotUse(raw.certFile, disorder ?? "it holds no certificate");
  const key = keyPem(raw.key);
  about(raw.certFile, () => createSecureContext({ cert: raw.cert, key }));
  const warnings = [...dateProblems.map((problem) => `${raw.certFile}: ${problem}`), ...(await modeProblems(source))];
  return { cert: raw.cert, key, names: leaf.names, notAfter: leaf.notAfter, warnings };
}

async function fromPem(source: { cert: string; key: string }): Promise<Raw> {
  const [cert, keyText] = await Promise.all([read(source.cert), read(source.key)]);
  const key = about(source.key, () => parseKey(keyText.toString("utf8")));
  return { certFile: source.cert, keyFile: source.key, cert: cert.toString("utf8"), key };
}

async function fromPfx(source: { pfx: string; passphraseFile?: string | undefined }): Promise<Raw> {
  const [bytes, passphrase] = await Promise.all([read(source.pfx), readPassphrase(source.passphraseFile)]);
  const { cert, key } = about(source.pfx, () => readPfx(bytes, passphrase));
  return { certFile: source.pfx, keyFile: source.pfx, cert, key: createPrivateKey(key) };
}

/** The first line of the file; "" without a file. Throws CertificateError. */
export async function readPassphrase(file: string | undefined): Promise<string> {
  if (file === undefined) return "";
  return (await read(file)).toString("utf8").split(/\r?\n/, 1)[0] ?? "";
}

function parseKey(pem: string): KeyObject {
  if (pem.includes("ENCRYPTED"))
    throw new CertificateError("the key is encrypted: take the passphrase off with `openssl pkey`, or use a PFX file");
  if (!pem.includes("PRIVATE KEY-----")) throw new CertificateError("there is no PEM private key in it");
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new CertificateError("the private key in it is damaged or of an unknown kind", error);
  }
}

async function read(file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw new CertificateError("it is larger than 1 MB");
    return await readFile(file);
  } catch (error) {
    throw cannotUse(file, READ_PROBLEMS[codeOf(error)] ?? reasonOf(error), error);
  }
}

const READ_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "the gateway may not read it: give its user the right to",
  EISDIR: "it is a folder: name a file",
};

function misfit({ certFile, keyFile, cert, key }: Raw): CertificateError {
  const owner = parseCertificates(cert).findIndex((certificate) => certificate.checkPrivateKey(key));
  const cure =
    owner === -1
      ? `the key does not belong to the certificate in ${certFile}: name the key that it was requested with`
      : `the key belongs to certificate ${owner + 1} in ${certFile}: put that one first, then the one that issued it`;
  return cannotUse(keyFile, cure);
}

function cannotUse(file: string, reason: string, cause?: unknown): CertificateError {
  return new CertificateError(`Cannot use ${file}: ${reason}`, cause);
}

function about<T>(file: string, task: () => T): T {
  try {
    return task();
  } catch (error) {
    throw cannotUse(file, reasonOf(error), error);
  }
}

// Debian's ssl-cert group may read keys, so only what everybody may read is worth a word.
async function modeProblems(source: CertificateSource): Promise<string[]> {
  const file = "pfx" in source ? source.passphraseFile : source.key;
  if (file === undefined) return [];
  const { mode } = await stat(file);
  return (mode & 0o004) === 0 ? [] : [`${file}: everybody on this machine can read it: chmod 640`];
}
