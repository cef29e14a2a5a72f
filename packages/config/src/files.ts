// Reads the small files that a configuration names, once each. Refuses what is no regular file (a pipe would block the
// start) and what is larger than any certificate. Never throws.

import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { getSystemErrorMessage } from "node:util";

const MAX_BYTES = 1024 * 1024;

export type FileRead = { readonly bytes: Buffer } | { readonly problem: string };

export class Files {
  readonly #read = new Map<string, FileRead>();

  /** The bytes, or the sentence that says why not. */
  read(path: string): FileRead {
    const known = this.#read.get(path);
    if (known !== undefined) return known;
    const result = readSmall(path, MAX_BYTES);
    this.#read.set(path, result);
    return result;
  }

  /** The text of a PEM file that holds certificates, each of which can be read: TLS would pass over those that cannot. */
  certificates(path: string): { readonly pem: string } | { readonly problem: string } {
    const result = this.read(path);
    if ("problem" in result) return result;
    const pem = result.bytes.toString("utf8");
    const blocks = pem.match(CERTIFICATE) ?? [];
    if (blocks.length === 0) return { problem: `there is no PEM certificate in ${path}` };
    const damaged = blocks.findIndex((block) => !isCertificate(block));
    return damaged === -1 ? { pem } : { problem: `certificate ${damaged + 1} in ${path} is damaged` };
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^]*?(?:-----END CERTIFICATE-----|$)/g;

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** Reads a regular file of at most `max` bytes. */
export function readSmall(path: string, max: number): FileRead {
  try {
    const facts = statSync(path);
    if (!facts.isFile()) return { problem: `cannot read ${path}: it is not a regular file` };
    if (facts.size > max) return { problem: `cannot read ${path}: it is larger than ${max / (1024 * 1024)} MB` };
    return { bytes: readFileSync(path) };
  } catch (error) {
    return { problem: `cannot read ${path}: ${systemReason(error)}` };
  }
}

function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno } = error as NodeJS.ErrnoException;
  return errno === undefined ? error.message : getSystemErrorMessage(errno);
}
