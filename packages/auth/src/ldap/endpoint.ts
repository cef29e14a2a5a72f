// The address of a directory server: ldap://host:port, ldaps://host:port, or ldapi://%2Fpath%2Fto%2Fsocket. Throws nothing:
// what is wrong is said in `problem`.

import { isIPv6 } from "node:net";
import type { Parsed } from "@postern/contracts";

export interface LdapEndpoint {
  readonly label: string;
  /** TLS from the start. */
  readonly secure: boolean;
  /** Empty for a unix socket. */
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
}

const bad = { problem: "must be ldap://host, ldaps://host or ldapi://%2Fpath%2Fto%2Fsocket, perhaps with a port, and no more" };

function socketEndpoint(encoded: string, label: string): Parsed<LdapEndpoint> {
  try {
    const socketPath = decodeURIComponent(encoded);
    if (!socketPath.startsWith("/") || socketPath.includes("\0")) return bad;
    return { value: { label, secure: false, host: "", port: 0, socketPath } };
  } catch {
    return bad;
  }
}

export function parseLdapUrl(raw: unknown): Parsed<LdapEndpoint> {
  const label = String(raw).replace(/\/$/, "");
  const socket = /^ldapi:\/\/([^/?#@\s]+)$/i.exec(label)?.[1];
  if (socket !== undefined) return socketEndpoint(socket, label);
  const [, scheme, bracketed, bare, digits] =
    /^(ldaps?):\/\/(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i.exec(label) ?? [];
  const host = bracketed ?? bare;
  if (scheme === undefined || host === undefined || (bracketed !== undefined && !isIPv6(bracketed))) return bad;
  const secure = scheme.toLowerCase() === "ldaps";
  const port = digits === undefined ? (secure ? 636 : 389) : Number(digits);
  if (port < 1 || port > 65_535) return bad;
  return { value: { label, secure, host, port, socketPath: undefined } };
}
