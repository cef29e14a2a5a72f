// Reads from a keytab, version 5.2 of MIT's file format, whose keys it holds; never the keys themselves: its bytes are
// wiped. Throws Error when the file cannot be read or is no keytab.

import { readFileSync, statSync } from "node:fs";

/** Bytes. */
const LARGEST = 16 * 1024 * 1024;

/** The first parts of its principals, as they are spelled: "imap", "HTTP". */
export function servicesIn(path: string): Set<string> {
  const { size } = statSync(path);
  if (size > LARGEST) throw new Error("is too large for a keytab");
  const bytes = readFileSync(path);
  try {
    return parseKeytab(bytes);
  } finally {
    bytes.fill(0);
  }
}

/** As servicesIn, of the file's bytes. */
export function parseKeytab(bytes: Buffer): Set<string> {
  if (bytes.length < 2 || bytes.readUInt16BE(0) !== 0x0502)
    throw new Error("is not a keytab of version 5.2 (it must begin with 05 02)");
  const services = new Set<string>();
  let at = 2;
  while (at + 4 <= bytes.length) {
    const size = bytes.readInt32BE(at);
    at += 4;
    // The size of a removed entry is negative; zero is the end.
    if (size === 0) break;
    const end = at + Math.abs(size);
    if (end > bytes.length) throw new Error("is a keytab that was cut off");
    const service = size > 0 ? serviceOf(bytes.subarray(at, end)) : undefined;
    if (service !== undefined) services.add(service);
    at = end;
  }
  return services;
}

/** Count of parts, realm, parts; each text has two octets of length before it. */
function serviceOf(entry: Buffer): string | undefined {
  if (entry.length < 4 || entry.readUInt16BE(0) === 0) return undefined;
  const first = 4 + entry.readUInt16BE(2);
  if (first + 2 > entry.length) return undefined;
  const end = first + 2 + entry.readUInt16BE(first);
  return end > entry.length ? undefined : entry.toString("utf8", first + 2, end);
}
