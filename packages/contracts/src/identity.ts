// Who a session belongs to, and the one normalisation that look-ups, limits and logs share.

export interface Identity {
  /** The name that routes and counts: normalised, with the default domain. */
  readonly user: string;
  /** False while only the backend can tell whether the password is right. */
  readonly proven: boolean;
}

/**
 * A user name as look-ups use it: trimmed, lower-cased, NFC, with `@defaultDomain` when it has no domain.
 * Returns undefined for a name that no look-up may see: empty, longer than 512 characters, or with control characters
 * or line ends (they would be injected into headers, XCLIENT and logs).
 */
export function normaliseUser(name: string, defaultDomain: string | undefined): string | undefined {
  const user = name.trim().normalize("NFC").toLowerCase();
  if (user === "" || user.length > 512 || /[\p{Cc}\u2028\u2029]/u.test(user)) return undefined;
  if (defaultDomain === undefined || user.includes("@")) return user;
  return `${user}@${defaultDomain.toLowerCase()}`;
}
