// Rules of the tls section: pairs that belong together, files that can be read. Whether key and certificate fit is
// checked by whoever loads them.

import { createSecureContext } from "node:tls";
import type { CertificateDraft } from "./draft.ts";
import { itemPath } from "./place.ts";
import type { Rule, RuleContext } from "./rules.ts";

/** AES-256 and HMAC keys with their name (Node's ticketKeys). */
const TICKET_KEY_BYTES = 48;

function certificates(context: RuleContext): void {
  const { tls } = context.draft;
  for (const [index, certificate] of (tls?.certificates ?? []).entries()) {
    if (certificate !== undefined) checkCertificate(context, itemPath("tls.certificates", index), certificate);
  }
  if (tls?.selfSigned === true && tls.certificates.length > 0)
    context.refuse("tls.selfSigned", "there are certificates too; keep them or selfSigned, not both");
  if (tls?.selfSigned === true) context.warn("tls.selfSigned", "clients will not trust the certificate; only for trying out");
}

function checkCertificate({ refuse, files, warn }: RuleContext, path: string, certificate: CertificateDraft): void {
  const { cert, key, pfx, passphraseFile } = certificate;
  if (pfx !== undefined && (cert !== undefined || key !== undefined))
    refuse(`${path}.pfx`, "a PFX file holds certificate and key; give pfx, or cert and key, not both");
  else if (pfx === undefined && cert === undefined && key === undefined) refuse(path, "names no file; give cert and key, or pfx");
  else if (pfx === undefined && key === undefined) refuse(`${path}.cert`, "the certificate has no key; give key too");
  else if (pfx === undefined && cert === undefined) refuse(`${path}.key`, "the key has no certificate; give cert too");
  if (pfx === undefined && passphraseFile !== undefined)
    refuse(`${path}.passphraseFile`, "only a PFX file is opened by a passphrase; give pfx, or take it out");
  if (pfx !== undefined && passphraseFile === undefined)
    warn(`${path}.pfx`, "has no passphraseFile; it is opened with an empty one");
  for (const [name, file] of Object.entries({ cert, key, pfx, passphraseFile })) {
    const read = file === undefined ? undefined : files.read(file);
    if (read !== undefined && "problem" in read) refuse(`${path}.${name}`, read.problem);
  }
}

function clientAuthority({ draft, files, refuse }: RuleContext): void {
  const path = draft.tls?.clientCa;
  if (path === undefined) return;
  const read = files.certificates(path);
  if ("problem" in read) refuse("tls.clientCa", read.problem);
}

function ticketKey({ draft, files, refuse }: RuleContext): void {
  const path = draft.tls?.ticketKeyFile;
  if (path === undefined) return;
  const read = files.read(path);
  if ("problem" in read) refuse("tls.ticketKeyFile", read.problem);
  else if (read.bytes.length < TICKET_KEY_BYTES)
    refuse("tls.ticketKeyFile", `has ${read.bytes.length} bytes; it needs ${TICKET_KEY_BYTES} or more random ones`);
}

function ciphers({ draft, refuse }: RuleContext): void {
  const list = draft.tls?.ciphers;
  if (list === undefined) return;
  try {
    createSecureContext({ ciphers: list });
  } catch {
    refuse("tls.ciphers", "OpenSSL knows none of these ciphers, or cannot read the list; see `openssl ciphers -v`");
  }
}

export const tlsRules: readonly Rule[] = [certificates, clientAuthority, ticketKey, ciphers];
