// The cookies of the login page. __Host- (RFC 6265bis section 4.1.3.2): only this host, only over https, and no neighbour under
// the same domain can set them. Lax: a link in a mail finds its reader logged in; a form on another site does not. They end with
// the browser. Never throws.

import { allOf, type Fields } from "@postern/http";

export const SESSION_COOKIE = "__Host-postern-session";
export const TICKET_COOKIE = "__Host-postern-login";

/** Browsers keep no longer ones. */
const LONGEST = 4096;

/** The first of this name; undefined: none. */
export function cookieOf(fields: Fields, name: string): string | undefined {
  for (const line of allOf(fields, "cookie")) {
    if (!line.includes(name)) continue;
    for (const pair of line.split(";")) {
      const cookie = pair.trim();
      if (cookie.startsWith(name) && cookie[name.length] === "=" && cookie.length <= LONGEST)
        return cookie.slice(name.length + 1);
    }
  }
  return undefined;
}

/** A cookie that is not the gateway's; `affinity`: the name of its other one. */
export function hasForeignCookie(fields: Fields, affinity: string): boolean {
  const isOurs = (name: string): boolean => name === affinity || name === SESSION_COOKIE || name === TICKET_COOKIE;
  return allOf(fields, "cookie").some((line) =>
    line.split(";").some((pair) => pair.trim() !== "" && !isOurs((pair.split("=", 1)[0] ?? "").trim())),
  );
}

const FLAGS = "Path=/; Secure; HttpOnly; SameSite=Lax";

export const setCookie = (name: string, value: string): Fields => ["Set-Cookie", `${name}=${value}; ${FLAGS}`];

export const dropCookie = (name: string): Fields => ["Set-Cookie", `${name}=; Max-Age=0; ${FLAGS}`];
