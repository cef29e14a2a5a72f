// Who says to log in, read out of Authorization: the name before the password of Basic (RFC 7617), a claim of a Bearer token
// that is a JWT (RFC 7519). Nothing here is checked, and nothing secret is kept: a wrong name only leads to a backend that says
// no. Never throws.

import { allOf } from "@postern/http";
import type { HttpRequest } from "../exchange.ts";
import { addressText, loginText, mailboxText } from "./mailbox-text.ts";

const LONGEST_TOKEN = 16 * 1024;
const COLON = 0x3a;

/** In small letters. */
type SchemeName = "basic" | "bearer" | "ntlm" | "negotiate";

/** What stands behind the scheme; undefined: another scheme, none, or more than one Authorization. */
export function tokenOf({ fields }: HttpRequest, scheme: SchemeName): string | undefined {
  const values = allOf(fields, "authorization");
  const value = values[0];
  if (value === undefined || values.length > 1 || value.length <= scheme.length) return undefined;
  if (value.charCodeAt(scheme.length) !== 0x20 || value.slice(0, scheme.length).toLowerCase() !== scheme) return undefined;
  return value.length > LONGEST_TOKEN ? undefined : value.slice(scheme.length + 1).trim();
}

export function basicUser(request: HttpRequest): string | undefined {
  const token = tokenOf(request, "basic");
  if (token === undefined) return undefined;
  const bytes = Buffer.from(token, "base64");
  const colon = bytes.indexOf(COLON);
  const name = colon < 1 ? undefined : nameText(bytes.subarray(0, colon));
  bytes.fill(0);
  return loginText(name);
}

/** UTF-8, as RFC 7617 wishes; old clients write latin1. */
function nameText(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return text.includes("\uFFFD") ? bytes.toString("latin1") : text;
}

/** The most telling one first: whose mailbox, then which account. */
const CLAIMS = ["smtp", "upn", "preferred_username", "email"] as const;

export function bearerUser(request: HttpRequest): string | undefined {
  const claims = claimsOf(tokenOf(request, "bearer"));
  if (claims === undefined) return undefined;
  for (const name of CLAIMS) {
    const user = mailboxText(textClaim(claims, name));
    if (user !== undefined) return user;
  }
  return addressText(textClaim(claims, "sub"));
}

function textClaim(claims: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof value === "string" ? value : undefined;
}

/** Of a JWT in its compact form (RFC 7515 section 3.1), unverified. */
function claimsOf(token: string | undefined): Readonly<Record<string, unknown>> | undefined {
  const parts = token?.split(".", 4) ?? [];
  if (parts.length !== 3) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>) : undefined;
  } catch {
    // An opaque token with two dots in it.
    return undefined;
  }
}
