// What a client presented, and how the gateway logs in behind it. Secrets live in Secret objects and are wiped when the
// login at the backend is over.

import type { Secret } from "./secret.ts";

interface Named {
  /** The SASL name of the mechanism, or the name of the protocol's own login command. */
  readonly mechanism: string;
  /** Who proves (RFC 4422): the name as the client sent it. */
  readonly authcid: string;
  /** As whom to act; empty when the client asked for nobody else. */
  readonly authzid: string;
}

/** A user name and a password: a mechanism of passwords, or the protocol's own login command. */
export interface PasswordCredentials extends Named {
  readonly kind: "password";
  readonly secret: Secret;
}

/** A bearer token: XOAUTH2, OAUTHBEARER. The secret is the bare token. */
export interface TokenCredentials extends Named {
  readonly kind: "token";
  readonly secret: Secret;
}

/**
 * A keyed digest over a challenge of ours: CRAM-MD5. It cannot be replayed, so it works only where a route source checks
 * it and gives the secret for the backend. The secret here is the digest, hex.
 */
export interface DigestCredentials extends Named {
  readonly kind: "digest";
  /** The challenge that we sent. */
  readonly salt: string;
  readonly secret: Secret;
}

export type Credentials = PasswordCredentials | TokenCredentials | DigestCredentials;

/** How the gateway logs in at a backend leg. `relay`: with what the client presented. */
export const LOGIN_STRATEGIES = ["relay"] as const;
export type LoginStrategy = (typeof LOGIN_STRATEGIES)[number];

/** Overwrites the secret. Safe to call more than once. */
export function wipe(credentials: Credentials): void {
  credentials.secret.wipe();
}
