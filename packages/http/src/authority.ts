// Where a request goes (RFC 9112 sections 3.2 and 3.3; RFC 9110 section 7.2): its target in origin-form, and whom it asks for. A host is
// a name of letters, digits, "-", "_" and dots, or an IPv6 address in brackets; no user, no percent-encoding. Two places that name
// a host must agree. Throws HttpProblem: 400, and 501 for CONNECT.

import { isIPv6 } from "node:net";
import type { RequestHead } from "./message.ts";
import { lowerName } from "./names.ts";
import { ownText } from "./own-text.ts";
import { HttpProblem } from "./problem.ts";

export interface Authority {
  /** In small letters, without a dot at its end; an IPv6 address keeps its brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

export interface OriginForm {
  /** Path and query, with their slash; or "*". */
  readonly target: string;
  /** As sent, with its port; "" where HTTP/1.0 gave none. */
  readonly authority: string;
  /** Its host, as parseAuthority gives it; "" where there is none. */
  readonly host: string;
}

const MAX_AUTHORITY = 300;
const NAMED = /^([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\.?(?::(\d{1,5}))?$/;
const BRACKETED = /^(\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;
const ABSOLUTE = /^(https?):\/\/([^/?#]*)(.*)$/i;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** Few hosts are asked for, again and again. The map starts afresh when it is full: what peers invent can neither grow it nor stay. */
const known = new Map<string, Authority>();
const MAX_KNOWN = 1000;

/** HOST or HOST:PORT; undefined when it is neither. */
export function parseAuthority(text: string): Authority | undefined {
  const before = known.get(text);
  if (before !== undefined) return before;
  if (text.length > MAX_AUTHORITY) return undefined;
  const copy = ownText(text);
  const authority = copy === text ? parse(copy) : undefined;
  if (authority === undefined) return undefined;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(copy, authority);
  return authority;
}

function parse(text: string): Authority | undefined {
  const found = NAMED.exec(text) ?? BRACKETED.exec(text);
  const host = found?.[1]?.toLowerCase();
  if (host === undefined || (host.startsWith("[") && !isIPv6(host.slice(1, -1)))) return undefined;
  const port = found?.[2] === undefined ? undefined : Number(found[2]);
  return port === undefined || (port > 0 && port < 65_536) ? { host, port } : undefined;
}

/** In absolute-form the target's authority counts, and Host must be the same. */
export function originForm(head: RequestHead): OriginForm {
  if (head.method === "CONNECT") throw new HttpProblem(501, "CONNECT");
  if (head.target.includes("#")) throw new HttpProblem(400, "a fragment in the target");
  const named = hostField(head);
  if (head.target.startsWith("/")) return { target: head.target, ...asked(named) };
  if (head.target === "*") {
    if (head.method !== "OPTIONS") throw new HttpProblem(400, "* is a target of OPTIONS only");
    return { target: "*", ...asked(named) };
  }
  return fromAbsolute(head, named);
}

/** Exactly one Host; HTTP/1.0 may have none. */
function hostField({ minor, fields }: RequestHead): string | undefined {
  let value: string | undefined;
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at]?.length !== 4 || lowerName(fields[at] ?? "") !== "host") continue;
    if (value !== undefined) throw new HttpProblem(400, "more than one Host");
    value = fields[at + 1] ?? "";
  }
  if (value === undefined && minor === 1) throw new HttpProblem(400, "no Host");
  return value;
}

function asked(authority: string | undefined): { readonly authority: string; readonly host: string } {
  if (authority === undefined) return { authority: "", host: "" };
  return { authority, host: parsed(authority).host };
}

function parsed(authority: string): Authority {
  const found = parseAuthority(authority);
  if (found === undefined) throw new HttpProblem(400, "a host that is none");
  return found;
}

function fromAbsolute({ method, target }: RequestHead, named: string | undefined): OriginForm {
  const [, scheme = "", authority = "", rest = ""] = ABSOLUTE.exec(target) ?? [];
  if (scheme === "") throw new HttpProblem(400, "a target that is none");
  const { host, port } = parsed(authority);
  if (named !== undefined) {
    const other = parsed(named);
    const usual = DEFAULT_PORTS[scheme.toLowerCase()];
    if (other.host !== host || (other.port ?? usual) !== (port ?? usual)) throw new HttpProblem(400, "target and Host differ");
  }
  return { target: pathOf(method, rest), authority, host };
}

function pathOf(method: string, rest: string): string {
  if (rest === "") return method === "OPTIONS" ? "*" : "/";
  return rest.startsWith("/") ? rest : `/${rest}`;
}
