// The names of a certificate: DNS names, IP addresses and mail addresses as subjectAltName entries (RFC 5280 section
// 4.2.1.6). Throws CertificateError for a name that is none of these.

import { isIP, isIPv4, SocketAddress } from "node:net";
import { domainToASCII } from "node:url";
import type { X509Certificate } from "node:crypto";
import { implicit } from "./der.ts";
import type { Der } from "./der.ts";
import { CertificateError } from "./problem.ts";

const TAG = { mail: 1, dns: 2, ip: 7 } as const;
const DNS_NAME = /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

function ipBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  // SocketAddress checks the text; a dotted tail becomes two groups, and :: becomes as many zeros as are missing.
  const text = new SocketAddress({ address, family: "ipv6" }).address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...d) => {
    const [a, b, c, e] = d.slice(0, 4).map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | e).toString(16)}`;
  });
  const [head = "", tail] = text.split("::");
  const groups = (part: string | undefined): string[] => (part ? part.split(":") : []);
  const left = groups(head);
  const right = groups(tail);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, "0")).join(""), "hex");
}

function dnsName(name: string): string {
  // domainToASCII, as in URLs, drops tabs and line ends without a word: what is left would be another name.
  const odd = /[\s\p{Cc}]/u.test(name);
  const ascii = name.startsWith("*.") ? `*.${domainToASCII(name.slice(2))}` : domainToASCII(name) || name.toLowerCase();
  if (odd || ascii.length > 253 || !DNS_NAME.test(ascii))
    throw new CertificateError(`Cannot put "${name}" into a certificate: give a DNS name, an IP address or a mail address`);
  return ascii;
}

function mailAddress(name: string): string {
  const at = name.lastIndexOf("@");
  const local = name.slice(0, at);
  if (!/^[!#-~]{1,64}$/.test(local)) throw new CertificateError(`Cannot put "${name}" into a certificate: not a mail address`);
  return `${local}@${dnsName(name.slice(at + 1))}`;
}

/** One GeneralName. */
export function generalName(name: string): Der {
  if (isIP(name) !== 0) return implicit(TAG.ip, ipBytes(name));
  const [tag, text] = name.includes("@") ? ([TAG.mail, mailAddress(name)] as const) : ([TAG.dns, dnsName(name)] as const);
  return implicit(tag, Buffer.from(text, "latin1"));
}

const ENTRY = /(?:^|, )(DNS|IP Address|email):("(?:[^"\\]|\\.)*"|[^,]*)/g;

/** The names a certificate is for: subjectAltName, or the common name where there is none. */
export function certificateNames(certificate: X509Certificate): string[] {
  const entries = [...(certificate.subjectAltName ?? "").matchAll(ENTRY)].map(([, , value = ""]) => unquote(value));
  if (entries.length > 0) return entries;
  const common = /^CN=(.+)$/m.exec(certificate.subject ?? "")?.[1];
  return common === undefined ? [] : [common];
}

// Node writes a value that holds a comma or quote as JSON text, so that it cannot pose as two names.
function unquote(value: string): string {
  return value.startsWith('"') ? String(JSON.parse(value)) : value;
}
