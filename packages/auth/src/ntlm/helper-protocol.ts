// Samba's helper protocol ntlm-server-1 (manual page ntlm_auth(1)): a question and an answer are lines "Key: value", or
// "Key:: base64", ended by a lone dot. Only our own side decides what a line is: names travel in base64.
// Throws Failure wrong-credentials, not-authorized, credentials-expired, verifier-down.

import { Failure, type FailureKind, type NtlmResponse } from "@postern/contracts";
import { quoted } from "../quoted.ts";

/** The question about one response. Without a domain the helper takes that of winbind. */
export function question({ user, domain, serverChallenge, ntResponse }: NtlmResponse): string {
  const base64 = (name: string): string => Buffer.from(name).toString("base64");
  return [
    `LANMAN-Challenge: ${serverChallenge.toString("hex")}`,
    `NT-Response: ${ntResponse.toString("hex")}`,
    `Username:: ${base64(user)}`,
    ...(domain === "" ? [] : [`NT-Domain:: ${base64(domain)}`]),
    "Request-User-Session-Key: Yes",
    ".",
    "",
  ].join("\n");
}

/** True for an answer to a question; anything else means that the helper and we are out of step. */
export const isAnswer = (lines: readonly string[]): boolean => /^Authenticated: (Yes|No)$/.test(lines[0] ?? "");

/**
 * The session base key; undefined for a user whom the domain does not know. What the helper says that is no known
 * refusal is taken for trouble on its side: never a yes, and never a wrong password.
 */
export function sessionBaseKey(lines: readonly string[]): Buffer | undefined {
  const values = new Map(lines.map((line) => splitLine(line)));
  if (values.get("Authenticated") !== "Yes") return refusal(values.get("Authentication-Error") ?? "");
  const key = values.get("User-Session-Key");
  if (key === undefined) throw new Failure("wrong-credentials", "the helper says yes but gives no session key: a guest");
  if (!/^[0-9A-Fa-f]{32}$/.test(key)) throw new Failure("verifier-down", "the helper's session key is not 32 hex digits");
  return Buffer.from(key, "hex");
}

function splitLine(line: string): readonly [key: string, value: string] {
  const colon = line.indexOf(": ");
  return colon === -1 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 2)];
}

interface Refusal {
  /** As Samba writes the status in words. */
  readonly text: string;
  readonly kind: FailureKind | "unknown";
}

/**
 * Statuses that are the domain's no ([MS-ERREF] section 2.3.1). What can be had without the right password is a wrong
 * password to the client, so that nobody learns which accounts exist.
 */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  NT_STATUS_NO_SUCH_USER: { text: "The specified account does not exist.", kind: "unknown" },
  NT_STATUS_INVALID_ACCOUNT_NAME: { text: "The name provided is not a properly formed account name.", kind: "unknown" },
  NT_STATUS_LOGON_FAILURE: {
    text: "The attempted logon is invalid. This is either due to a bad username or authentication information.",
    kind: "wrong-credentials",
  },
  NT_STATUS_WRONG_PASSWORD: {
    text: "When trying to update a password, this return status indicates that the value provided as the current password is not correct.",
    kind: "wrong-credentials",
  },
  NT_STATUS_ACCOUNT_LOCKED_OUT: {
    text: "The user account has been automatically locked because too many invalid logon attempts or password change attempts have been requested.",
    kind: "wrong-credentials",
  },
  NT_STATUS_ACCOUNT_DISABLED: {
    text: "The referenced account is currently disabled and cannot be logged on to.",
    kind: "wrong-credentials",
  },
  NT_STATUS_ACCOUNT_EXPIRED: { text: "The user account has expired.", kind: "wrong-credentials" },
  NT_STATUS_NTLM_BLOCKED: { text: "The authentication failed because NTLM was blocked.", kind: "wrong-credentials" },
  NT_STATUS_PASSWORD_EXPIRED: { text: "The user account password has expired.", kind: "credentials-expired" },
  NT_STATUS_PASSWORD_MUST_CHANGE: {
    text: "The user password must be changed before logging on the first time.",
    kind: "credentials-expired",
  },
  NT_STATUS_ACCOUNT_RESTRICTION: {
    text: "Indicates a referenced user name and authentication information are valid, but some user account restriction has prevented successful authentication (such as time-of-day restrictions).",
    kind: "not-authorized",
  },
  NT_STATUS_INVALID_LOGON_HOURS: {
    text: "The user account has time restrictions and cannot be logged onto at this time.",
    kind: "not-authorized",
  },
  NT_STATUS_INVALID_WORKSTATION: {
    text: "The user account is restricted so that it cannot be used to log on from the source workstation.",
    kind: "not-authorized",
  },
  NT_STATUS_LOGON_TYPE_NOT_GRANTED: {
    text: "A user has requested a type of logon (for example, interactive or network) that has not been granted. An administrator has control over who can logon interactively and through the network.",
    kind: "not-authorized",
  },
  NT_STATUS_AUTHENTICATION_FIREWALL_FAILED: {
    text: "Logon Failure: The machine you are logging onto is protected by an authentication firewall. The specified account is not allowed to authenticate to the machine.",
    kind: "not-authorized",
  },
};

function refusal(error: string): undefined {
  const found = Object.entries(REFUSALS).find(([name, { text }]) => error === name || error === text);
  if (found === undefined) throw new Failure("verifier-down", `the helper cannot ask the domain: ${quoted(error)}`);
  const [name, { kind }] = found;
  if (kind !== "unknown") throw new Failure(kind, `the domain says ${name}`);
  return undefined;
}
