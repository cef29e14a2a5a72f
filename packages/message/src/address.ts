// Mail addresses, and telephone numbers in them. Never throws, never lets anybody in: it only takes addresses apart.

import type { MessageKind } from "@postern/contracts";

export interface AddressParts {
  /** As written; a quoted local part keeps its quotes. */
  readonly local: string;
  /** In small letters, A-labels as they are; "" when there is none. */
  readonly domain: string;
}

/** An address of the envelope, without brackets, divided at the "@" behind the local part (RFC 5321 section 4.1.2). */
export function addressParts(address: string): AddressParts {
  const quoted = quotedEnd(address);
  const at = quoted !== -1 && (address[quoted] === "@" || quoted === address.length) ? quoted : address.lastIndexOf("@");
  if (at === -1 || at === address.length) return { local: address, domain: "" };
  return { local: address.slice(0, at), domain: address.slice(at + 1).toLowerCase() };
}

export interface Phone {
  readonly kind: Extract<MessageKind, "voice" | "fax">;
  /** Digits, "*" and "#", with "+" before a global number; without the marks that are written between digits. */
  readonly number: string;
}

/** Services of RFC 3191 addresses, as they are registered. */
const SERVICES: Readonly<Record<string, Phone["kind"]>> = {
  fax: "fax", // RFC 3192
  voice: "voice", // RFC 3804
  vpim: "voice", // RFC 3804
  amis: "voice", // RFC 3804
};

/** A service, a number, and qualifiers as in "/T33S=1387", with a slash around it all or not. */
const PHONE = /^\/?([a-z]+)=(\+?[\d*#.()-]+)(?:\/[a-z\d-]+=[^/]*)*\/?$/i;

/** The number of an address like `FAX=+15551234567@gateway`, `"/FAX=+1-555-123/T33S=7/"@gateway` or `VOICE=…`, or undefined. */
export function phoneOf(address: string): Phone | undefined {
  const { local } = addressParts(address);
  if (local.length > LONGEST_LOCAL) return undefined;
  const [, service = "", written = ""] = PHONE.exec(local.replace(/^"(.*)"$/, "$1")) ?? [];
  const kind = Object.hasOwn(SERVICES, service.toLowerCase()) ? SERVICES[service.toLowerCase()] : undefined;
  const number = written.replace(/[.()-]/g, "");
  return kind === undefined || !/\d/.test(number) ? undefined : { kind, number };
}

const LONGEST_LOCAL = 256;

/** Just behind a quoted string at the start; -1: there is none. */
function quotedEnd(address: string): number {
  if (!address.startsWith('"')) return -1;
  for (let at = 1; at < address.length; at++) {
    if (address[at] === "\\") at++;
    else if (address[at] === '"') return at + 1;
  }
  return -1;
}
