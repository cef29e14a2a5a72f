// The address of a backend leg: SCHEME://HOST[:PORT], where the scheme says the protocol and how TLS is used. A user name
// or password in it is refused, and never quoted.

import { orList, setting } from "@postern/contracts";
import type { LegTls, Protocol, Parsed } from "@postern/contracts";
import { parseHost } from "./address.ts";

export interface BackendUrl {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly tls: LegTls;
}

type Schemes = Protocol["schemes"];

/** The scheme of a URL, in small letters; undefined when it has none. */
export function schemeOf(text: string): string | undefined {
  return /^([a-z][a-z0-9+._-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
}

/** What to say of a scheme that is not among the known ones. */
export function unknownScheme(scheme: string, known: readonly string[]): string {
  return `unknown scheme "${scheme}"; use ${orList(known)}`;
}

/** A URL that would be right: one with TLS when the protocol has any. */
export function exampleUrl(schemes: Schemes): string {
  const names = Object.keys(schemes);
  const secure = names.findLast((name) => schemes[name]?.tls !== "none");
  return `${secure ?? names[0] ?? "scheme"}://10.0.0.11`;
}

/** Reads a backend's URL by a protocol's table of schemes. */
export function parseBackendUrl(raw: unknown, schemes: Schemes): Parsed<BackendUrl> {
  const names = Object.keys(schemes);
  const scheme = typeof raw === "string" ? schemeOf(raw) : undefined;
  if (typeof raw !== "string" || scheme === undefined) return { problem: `must be a URL such as ${exampleUrl(schemes)}` };
  if (/[\p{Cc}\s]/u.test(raw)) return { problem: "must not hold spaces or control characters" };
  const row = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
  if (row === undefined) return { problem: unknownScheme(scheme, names) };
  const rest = raw.slice(scheme.length + "://".length).replace(/\/$/, "");
  if (rest.includes("@")) return { problem: "must not hold a user name or password; users log in as themselves" };
  const match = /^(\[[^\]]*\]|[^:/?#]+)(?::(\d+))?$/.exec(rest);
  if (match === null) return { problem: `must be ${scheme}://HOST[:PORT] and nothing more, IPv6 in brackets` };
  const host = parseHost(match[1] ?? "");
  if ("problem" in host) return host;
  const port = match[2] === undefined ? row.port : Number(match[2]);
  if (port < 1 || port > 65_535) return { problem: `the port must be 1 to 65535, not ${match[2]}` };
  return { value: { scheme, host: host.value, port, tls: row.tls } };
}

/** The setting of one protocol's URL. */
export function backendUrl(protocol: Pick<Protocol, "name" | "schemes">) {
  const names = Object.keys(protocol.schemes);
  const pattern = `^(${names.map((name) => name.replace(/[+.]/g, "\\$&")).join("|")})://`;
  const doc = `SCHEME://HOST[:PORT]; the scheme is ${orList(names)}`;
  return setting.custom<BackendUrl>("URL", doc, (raw) => parseBackendUrl(raw, protocol.schemes), {
    schema: { type: "string", pattern },
  });
}
