// The mail address that a program asks about, checked before it is used or written: name@domain, nothing else. It is judged by its
// form and its domain alone; whether there is such a user never matters, so that nobody learns it here.

export interface MailAddress {
  /** As it was sent, the domain in small letters. */
  readonly text: string;
  /** Before the "@". */
  readonly name: string;
  readonly domain: string;
}

const LONGEST = 320;
/** RFC 5322's atoms with dots, and what RFC 6531 adds: letters of all scripts, but no spaces, controls, quotes or brackets. */
const FORM = /^([^\p{C}\p{Z}"()<>[\]\\,;:@]{1,64})@([\p{L}\p{M}\p{N}-]{1,63}(?:\.[\p{L}\p{M}\p{N}-]{1,63})*)$/u;

/** `domains`: those that are answered for, "*.example.com" for any name below; any domain when there is none. */
export function mailAddress(text: string | undefined, domains: readonly string[]): MailAddress | undefined {
  if (text === undefined || text.length > LONGEST) return undefined;
  const [, name, sent] = FORM.exec(text) ?? [];
  if (name === undefined || sent === undefined) return undefined;
  const domain = sent.toLowerCase();
  return isServed(domain, domains) ? { text: `${name}@${domain}`, name, domain } : undefined;
}

/** A domain by itself, as a host name has it. */
export function mailDomain(text: string, domains: readonly string[]): string | undefined {
  return mailAddress(`x@${text}`, domains)?.domain;
}

function isServed(domain: string, domains: readonly string[]): boolean {
  if (domains.length === 0) return true;
  return domains.some((each) => (each.startsWith("*.") ? domain.endsWith(each.slice(1)) : domain === each));
}
