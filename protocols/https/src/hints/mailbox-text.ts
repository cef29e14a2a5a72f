// Names of users and mailboxes as clients write them, made fit to be looked up. They come from strangers: what has control
// characters or line ends in it, or is longer than any name, is none. Normalisation (case, default domain) comes later, in
// contracts' normaliseUser. Never throws.

/** Line ends of Unicode too: names get into logs. */
const FORBIDDEN = /[\p{Cc}\u2028\u2029]/u;
const LONGEST = 512;

/** Trimmed; undefined: nobody can be named so. */
export function mailboxText(text: string | undefined): string | undefined {
  if (text === undefined || text.length > LONGEST || FORBIDDEN.test(text)) return undefined;
  const trimmed = text.trim();
  return trimmed === "" ? undefined : trimmed;
}

/** As a mailbox, or undefined when it is no address: one "@" at least, with something on both sides of the last. */
export function addressText(text: string | undefined): string | undefined {
  const address = mailboxText(text);
  const at = address?.lastIndexOf("@") ?? -1;
  return address !== undefined && at > 0 && at < address.length - 1 ? address : undefined;
}

/**
 * The user of a login in one of Windows' forms: DOMAIN\alice is alice, of the default domain, as NetBIOS names of domains
 * say nothing here; example.com\alice is alice@example.com.
 */
export function loginText(text: string | undefined): string | undefined {
  const name = mailboxText(text);
  if (name === undefined) return undefined;
  const backslash = name.indexOf("\\");
  return backslash === -1 ? name : accountText(name.slice(0, backslash), name.slice(backslash + 1));
}

/** The user of a domain and a name. */
export function accountText(domain: string, name: string): string | undefined {
  const user = mailboxText(name);
  if (user === undefined || user.includes("@") || !domain.includes(".")) return user;
  return mailboxText(`${user}@${domain}`);
}
