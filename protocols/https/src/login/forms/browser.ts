// What a request tells of the browser behind it: whether a person waits for a page, whether a script asks, and whether it comes
// from a page of this host (Fetch Metadata; Origin, RFC 6454). Pure functions; they never throw.

import { firstOf, hasField } from "@postern/http";
import { wantsPage } from "../../answers/page.ts";
import type { HttpRequest } from "../../exchange.ts";

/** A person waits for a page, in a browser. */
export function isNavigation(request: HttpRequest): boolean {
  return wantsPage(request) && !isScript(request);
}

/** A script, a picture, a style sheet of a page: whoever asks would not see a page, or would show a login dialogue. */
export function isScript({ fields }: HttpRequest): boolean {
  return (firstOf(fields, "sec-fetch-mode") ?? "navigate") !== "navigate" || hasField(fields, "x-requested-with");
}

export type Origin = "here" | "elsewhere" | "unknown";

/** Where the form was that sent this. Old browsers do not tell. */
export function originOf({ fields, authority }: HttpRequest, isSecure: boolean): Origin {
  const site = firstOf(fields, "sec-fetch-site");
  if (site !== undefined && site !== "same-origin") return "elsewhere";
  const origin = firstOf(fields, "origin");
  if (origin === undefined) return site === undefined ? "unknown" : "here";
  const schemes = isSecure ? ["https"] : ["https", "http"];
  return schemes.some((scheme) => origin.toLowerCase() === `${scheme}://${withoutDefault(authority, scheme)}`)
    ? "here"
    : "elsewhere";
}

/** Browsers leave the usual port out. */
function withoutDefault(authority: string, scheme: string): string {
  return authority.toLowerCase().replace(scheme === "https" ? /:443$/ : /:80$/, "");
}

const LONGEST_TARGET = 2000;

/** A place on this host to go to; "/" for anything that could lead elsewhere, or that a browser reads in its own way. */
export function safeTarget(to: string | undefined): string {
  if (to === undefined || to.length > LONGEST_TARGET || !/^\/[!-~]*$/.test(to)) return "/";
  return to.includes("\\") || to.startsWith("//") ? "/" : to;
}
