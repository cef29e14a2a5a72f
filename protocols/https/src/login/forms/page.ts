// The login page and the page to log out: plain HTML without a script, for screen readers, keyboards and password managers, at
// 320 pixels, in light and dark. Nothing that a client sent stands in it unescaped. It stands in no frame, and its form goes
// nowhere but to this host, or on to where users of a backend are sent.

import { hash } from "node:crypto";
import type { Fields } from "@postern/http";
import { escapeXml } from "../../xml.ts";

/** Why somebody sees the page. */
export const NOTES = {
  wrong: "The user name or the password is not right. Try again.",
  empty: "Type your user name and your password.",
  old: "This page was open for too long. Try again.",
  expired: "You were logged out, because nothing was done for a while. Log in again.",
  refused: "The mail server does not take this login. Check the user name and the password, and try again.",
  out: "You are logged out.",
} as const;

export interface LoginPage {
  readonly title: string;
  readonly ticket: string;
  /** A safe one. */
  readonly to: string;
  /** What was typed before. */
  readonly user: string;
  readonly isPrivate: boolean;
  readonly note: string | undefined;
  /** The note tells of something that went wrong. */
  readonly isError: boolean;
  /** Milliseconds. */
  readonly publicIdle: number;
  readonly privateIdle: number;
}

const STYLE = `:root{color-scheme:light dark}
*{box-sizing:border-box}
body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#f3f4f6}
main{max-width:26rem;margin:0 auto;padding:2.5rem 1rem}
form{background:#fff;border:1px solid #c9ccd1;border-radius:.5rem;padding:1.5rem}
h1{margin:0 0 1.25rem;font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}
label{display:block;font-weight:600}
input:not([type=radio]){width:100%;margin:.25rem 0 1rem;padding:.6rem .7rem;font:inherit;color:inherit;background:#fff;border:1px solid #6b7280;border-radius:.25rem}
fieldset{margin:0 0 1.25rem;padding:0;border:0}
legend{padding:0;font-weight:600}
fieldset label{display:flex;gap:.6rem;align-items:flex-start;padding:.35rem 0;font-weight:400}
fieldset input{flex:none;width:1.15rem;height:1.15rem;margin:.18rem 0 0}
small{display:block;font-size:.875rem;color:#595959}
button{width:100%;padding:.7rem;font:inherit;font-weight:600;color:#fff;background:#0b57d0;border:1px solid transparent;border-radius:.25rem;cursor:pointer}
:focus-visible{outline:3px solid #0b57d0;outline-offset:2px}
.note{margin:0 0 1.25rem;padding:.75rem 1rem;background:#e8f0fe;border-left:.3rem solid #0b57d0;border-radius:.25rem}
.error{background:#fdecea;border-color:#b3261e}
@media(prefers-color-scheme:dark){body{color:#ececec;background:#121212}form{background:#1e1f20;border-color:#4a4d51}
input:not([type=radio]){background:#121212;border-color:#9aa0a6}small{color:#b8bcc2}button{color:#062e6f;background:#a8c7fa}
:focus-visible{outline-color:#a8c7fa}.note{background:#1b2b45;border-color:#a8c7fa}.error{background:#3b1a18;border-color:#f2b8b5}}`;

/** `origins`: where a form's answer may lead in the end, besides this host: browsers count redirects. */
export function pageFields(origins: readonly string[]): Fields {
  const style = `'sha256-${hash("sha256", STYLE, "base64")}'`;
  const targets = ["'self'", ...new Set(origins)].join(" ");
  return [
    "Content-Type",
    "text/html; charset=utf-8",
    "Content-Security-Policy",
    `default-src 'none'; style-src ${style}; base-uri 'none'; form-action ${targets}; frame-ancestors 'none'`,
    "X-Frame-Options",
    "DENY",
    // With less than that the browser would not say where the form comes from.
    "Referrer-Policy",
    "same-origin",
  ];
}

export function loginPage(page: LoginPage): string {
  const { title, user, note, isError } = page;
  const described = note === undefined ? "" : ' aria-describedby="note"';
  const first = user === "" ? " autofocus" : "";
  const second = user === "" ? "" : " autofocus";
  return document(
    isError ? `Error: ${title}` : title,
    `<form method="post" action="/postern/login">
<h1>${escapeXml(title)}</h1>
${noteText(note, isError)}<input type="hidden" name="ticket" value="${escapeXml(page.ticket)}">
<input type="hidden" name="to" value="${escapeXml(page.to)}">
<label for="user">User name</label>
<input id="user" name="user" type="text" value="${escapeXml(user)}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="512" required${first}${described}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required${second}${described}>
<fieldset>
<legend>This computer is</legend>
${choice("public", "Public or shared", page.publicIdle, !page.isPrivate)}
${choice("private", "My own", page.privateIdle, page.isPrivate)}
</fieldset>
<button type="submit">Log in</button>
</form>`,
  );
}

export function logoutPage(title: string, ticket: string): string {
  return document(
    title,
    `<form method="post" action="/postern/logout">
<h1>${escapeXml(title)}</h1>
<input type="hidden" name="ticket" value="${escapeXml(ticket)}">
<button type="submit" autofocus>Log out</button>
</form>`,
  );
}

function noteText(note: string | undefined, isError: boolean): string {
  if (note === undefined) return "";
  return `<p id="note" class="note${isError ? " error" : ""}" role="${isError ? "alert" : "status"}">${escapeXml(note)}</p>\n`;
}

function choice(value: string, text: string, idleMs: number, isChosen: boolean): string {
  const input = `<input type="radio" name="computer" value="${value}"${isChosen ? " checked" : ""}>`;
  return `<label>${input}<span>${text}<small>Logged out after ${spanText(idleMs)} without use</small></span></label>`;
}

/** In the largest unit that it is a whole number of. */
function spanText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  const [count, unit] =
    minutes % 1440 === 0 ? [minutes / 1440, "day"] : minutes % 60 === 0 ? [minutes / 60, "hour"] : [minutes, "minute"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function document(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${content}
</main>
</body>
</html>
`;
}
