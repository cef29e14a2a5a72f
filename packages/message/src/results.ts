// Authentication-Results (RFC 8601): writes ours, and removes what came in our name, which is how a stranger would lie to the
// mailbox server about SPF and DKIM. ARC-Authentication-Results stay: they are signed. Never throws for foreign text.

import { domainToASCII } from "node:url";
import type { HeaderEdit, MailHeader } from "@postern/contracts";
import { withoutComments } from "./comments.ts";
import { cleanText } from "./field-text.ts";

const FIELD = "Authentication-Results";
const LONGEST_ID = 255;
const QUOTED = /^"((?:[^"\\]|\\.)*)"/;
/** A token of RFC 2045, or the name of a domain beyond US-ASCII. */
const TOKEN = /^[^\p{Cc}\s()<>@,;:\\"/[\]?=]+$/u;

/**
 * Removes the fields that claim to be written by `authservId`, in any case, quoted, with comments, a version or a last dot; and
 * those that name nobody, or not clearly, since some reader would take them for ours (RFC 8601 section 5). Exchange is such a
 * reader: its own fields begin with the first result.
 */
export function removeForgedResults(header: MailHeader, authservId: string): HeaderEdit[] {
  const ours = sameName(authservId);
  return header.all(FIELD).flatMap((value, index): HeaderEdit[] => {
    const writer = writerOf(value);
    return writer === undefined || sameName(writer) === ours ? [{ do: "remove", name: FIELD, nth: index + 1 }] : [];
  });
}

/** One field with all results; "none" when there are none. A result with a ";" of its own cannot pass for two. */
export function authenticationResults(authservId: string, results: readonly string[]): { name: string; value: string } {
  const writer = TOKEN.test(authservId) ? authservId : `"${cleanText(authservId).replace(/["\\]/g, "\\$&")}"`;
  return { name: FIELD, value: [writer, ...(results.length === 0 ? ["none"] : results.map(oneResult))].join("; ") };
}

/** Who claims to have written it; undefined: that cannot be told. */
function writerOf(value: string): string | undefined {
  const text = withoutComments(value)?.trim() ?? "";
  if (!text.startsWith('"')) return TOKEN.exec(text.split(/[\s;]/, 1)[0] ?? "")?.[0];
  const quoted = QUOTED.exec(text.slice(0, 4 * LONGEST_ID))?.[1];
  return quoted?.replace(/\\(.)/g, "$1").trim();
}

/** A name as it is compared: A-labels, small letters, no dot at its end. */
function sameName(name: string): string {
  const plain = name.toLowerCase().replace(/\.$/, "");
  return plain.length > LONGEST_ID ? plain : domainToASCII(plain) || plain;
}

/** As it is when its quotes and comments are closed and no ";" stands outside of them; otherwise those characters go. */
function oneResult(result: string): string {
  const text = cleanText(result);
  const bare = withoutComments(text)?.replace(/"(?:[^"\\]|\\.)*"/g, "");
  return bare === undefined || /[;()\\]/.test(bare) ? text.replace(/[;"()\\]/g, "_") : text;
}
