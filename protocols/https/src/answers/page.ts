// The pages that a person sees in a browser: a title, a sentence, and perhaps a link. Plain HTML without a script, readable by a
// screen reader, at 320 pixels, in light and dark. Nothing of a client's stands in it unescaped, and nothing of the inside at all.

import { hash } from "node:crypto";
import { listOf, type Fields } from "@postern/http";
import type { HttpRequest } from "../exchange.ts";
import { markup } from "./markup.ts";

export interface Page {
  readonly title: string;
  readonly sentences: readonly string[];
  readonly link?: { readonly url: string; readonly text: string };
  /** What to tell the administrator: the request's id. */
  readonly id?: string;
}

const STYLE = `:root{color-scheme:light dark}
body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff}
main{max-width:34rem;margin:0 auto;padding:3rem 1.25rem;overflow-wrap:anywhere}
h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}
a{color:#0b57d0}
.id{margin-top:2rem;font-size:.875rem;color:#595959}
@media(prefers-color-scheme:dark){body{color:#ececec;background:#181818}a{color:#a8c7fa}.id{color:#b0b0b0}}`;

/** A page has this style and nothing else: no script, no form, and it stands in no frame. */
export const PAGE_FIELDS: Fields = [
  "Content-Type",
  "text/html; charset=utf-8",
  "Content-Security-Policy",
  `default-src 'none'; style-src 'sha256-${hash("sha256", STYLE, "base64")}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "Referrer-Policy",
  "no-referrer",
];

export function pageText({ title, sentences, link, id }: Page): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${sentences.map((sentence) => markup`<p>${sentence}</p>\n`)}${link && markup`<p><a href="${link.url}">${link.text}</a></p>\n`}${id && markup`<p class="id">Request: <code>${id}</code></p>\n`}</main>
</body>
</html>
`.markup;
}

const PAGE_TYPES: ReadonlySet<string> = new Set(["text/html", "application/xhtml+xml"]);

/** A browser asks for a page to show: it accepts HTML by name. Programs, and scripts in a page, do not. */
export function wantsPage({ fields }: Pick<HttpRequest, "fields">): boolean {
  return listOf(fields, "accept").some((member) => PAGE_TYPES.has((member.split(";", 1)[0] ?? "").trim()));
}
