// Where a listener listens: [host:]port, [v6]:port, unix:/path or systemd:NAME (socket activation). Only reads text; it
// opens nothing and asks no name server.

import { isIP, isIPv6 } from "node:net";
import { addressText, setting } from "@postern/contracts";
import type { Parsed } from "@postern/contracts";

export type ListenAddress =
  /** `host` is undefined for every address of the machine; port 0 is any free port. */
  | { readonly kind: "tcp"; readonly host: string | undefined; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  /** The name of the passed socket (FileDescriptorName=). */
  | { readonly kind: "systemd"; readonly name: string };

const FORMS = "[host:]port, [v6]:port, unix:/path or systemd:NAME";
/** sun_path holds 108 bytes with its ending NUL. */
const LONGEST_UNIX_PATH = 107;

/** Reads an address; a number is a port. */
export function parseListenAddress(raw: unknown): Parsed<ListenAddress> {
  if (typeof raw !== "string" && typeof raw !== "number") return { problem: `must be ${FORMS}, not "${String(raw)}"` };
  const text = String(raw);
  if (text.startsWith("unix:")) return unixAddress(text.slice("unix:".length));
  if (text.startsWith("systemd:")) return systemdAddress(text.slice("systemd:".length));
  return tcpAddress(text);
}

/** An address as it would be written; addresses that are the same give the same text. */
export function listenAddressText(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  if (address.kind === "systemd") return `systemd:${address.name}`;
  const { host, port } = address;
  if (host === undefined) return `*:${port}`;
  return addressText({ host: host.toLowerCase(), port });
}

/** The setting of one address. */
export const listenAddress = (doc: string) =>
  setting.custom("address", doc, parseListenAddress, { schema: { type: ["string", "integer"] } });

function unixAddress(path: string): Parsed<ListenAddress> {
  if (!path.startsWith("/")) return { problem: `the path after unix: must start with /, as in unix:/run/postern/imap.sock` };
  if (/\p{Cc}/u.test(path)) return { problem: "the path after unix: holds a control character" };
  if (Buffer.byteLength(path) > LONGEST_UNIX_PATH)
    return { problem: `the path after unix: is longer than ${LONGEST_UNIX_PATH} bytes, the most that a socket can have` };
  return { value: { kind: "unix", path } };
}

function systemdAddress(name: string): Parsed<ListenAddress> {
  if (/^[\w.@-]{1,255}$/.test(name)) return { value: { kind: "systemd", name } };
  return { problem: `the name after systemd: must be letters, digits and ._@-, as FileDescriptorName= has it, not "${name}"` };
}

function tcpAddress(text: string): Parsed<ListenAddress> {
  if (isIPv6(text) || /^[0-9a-f]*:[0-9a-f:.]*:\d+$/i.test(text))
    return { problem: `put the IPv6 address in brackets, as in [2001:db8::1]:143, not "${text}"` };
  const match = /^(?:(.+):)?(\d{1,6})$/.exec(text);
  if (match === null) return { problem: `must be ${FORMS}, not "${text}"` };
  const port = Number(match[2]);
  if (port > 65_535) return { problem: `the port must be 0 to 65535, not ${port}` };
  if (match[1] === undefined || match[1] === "*") return { value: { kind: "tcp", host: undefined, port } };
  const host = parseHost(match[1]);
  return "problem" in host ? host : { value: { kind: "tcp", host: host.value, port } };
}

/** A host name, an IPv4 address, or an IPv6 address in brackets; yields it without brackets. */
export function parseHost(text: string): Parsed<string> {
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  if (bracketed !== undefined) {
    return isIPv6(bracketed) ? { value: bracketed } : { problem: `"${bracketed}" in brackets is not an IPv6 address` };
  }
  if (isIP(text) === 4) return { value: text };
  if (/^[\d.]+$/.test(text)) return { problem: `"${text}" is not an IPv4 address` };
  const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
  const isName =
    text.length <= 253 &&
    text
      .replace(/\.$/, "")
      .split(".")
      .every((part) => label.test(part));
  return isName ? { value: text } : { problem: `"${text}" is not a host name or IP address` };
}
