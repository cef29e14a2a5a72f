// Names as the DNS may be asked for them, and domains out of addresses. Text of strangers comes in; what cannot be a name is
// undefined, never an error. RFC 1035 section 2.3.4, RFC 5890 (letters beyond ASCII), RFC 5321 section 4.1.2.

import { domainToASCII } from "node:url";

/** Labels of 1 to 63 characters; no control characters, spaces or backslashes, which the library reads as escapes. */
const NAME = /^(?=.{1,253}$)[!-\-/-[\]-~]{1,63}(?:\.[!-\-/-[\]-~]{1,63})*$/;

/** The name in small letters and ASCII, without the dot at its end; undefined: nothing of that name can be in the DNS. */
export function askableName(name: string): string | undefined {
  if (name.length > 1000) return undefined;
  const bare = name.endsWith(".") ? name.slice(0, -1) : name;
  // eslint-disable-next-line no-control-regex -- ASCII is what it looks for
  const ascii = /^[\x00-\x7f]*$/.test(bare) ? bare : domainToASCII(bare);
  return NAME.test(ascii) ? ascii.toLowerCase() : undefined;
}

/** A name that hosts may have: letters, digits, hyphens, and the underscores that are found in the wild. */
const HOST = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** The same for names of hosts: fit for header fields, replies and the log. */
export function hostName(name: string): string | undefined {
  const asked = askableName(name);
  return asked !== undefined && HOST.test(asked) ? asked : undefined;
}

/** The domain of an address in the envelope; undefined: it has none, or an address in brackets, or one that cannot be. */
export function domainOf(address: string): string | undefined {
  const at = address.lastIndexOf("@");
  return at === -1 ? undefined : hostName(address.slice(at + 1));
}
