// Who a session belongs to, and the one normalisation that look-ups, limits and logs share.

export interface Identity {
  /** The name that routes and counts: normalised, with the default domain. */
  readonly user: string;
  /** False while only the backend can tell whether the password is right. */
  readonly proven: boolean;
}

/** Control characters, line and paragraph ends: they would be injected into headers, XCLIENT and logs. */
const FORBIDDEN = /[\p{Cc}\u2028\u2029]/u;
const LONGEST = 512;

/**
 * A user name as look-ups use it: trimmed, lower-cased, NFC, with `@defaultDomain` when it has no domain.
 * Returns undefined for a name that no look-up may see: empty, longer than 512 characters with its domain, or with
 * control characters or line ends anywhere, at its ends too.
 */
export function normaliseUser(name: string, defaultDomain: string | undefined): string | undefined {
  if (FORBIDDEN.test(name)) return undefined;
  const user = name.trim().normalize("NFC").toLowerCase();
  if (user === "") return undefined;
  const whole = defaultDomain === undefined || user.includes("@") ? user : `${user}@${defaultDomain.toLowerCase()}`;
  return whole.length > LONGEST ? undefined : whole;
}
