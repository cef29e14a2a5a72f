// What a client presented, what the gateway presents at a backend in its place, and how it comes from one to the other.
// Secrets live in Secret objects and are wiped when the login at the backend is over.

import type { Failure } from "./failures.ts";
import type { Secret } from "./secret.ts";

interface Named {
  /** The SASL name of the mechanism, or the name of the protocol's own login command. */
  readonly mechanism: string;
  /** Who proves (RFC 4422): the name as the client sent it. */
  readonly authcid: string;
  /** As whom to act; empty when the client asked for nobody else. */
  readonly authzid: string;
  /** Empty where nothing secret was sent. */
  readonly secret: Secret;
}

/** A user name and a password: a mechanism of passwords, or the protocol's own login command. */
export interface PasswordCredentials extends Named {
  readonly kind: "password";
}

/** A bearer token: XOAUTH2, OAUTHBEARER. The secret is the bare token. */
export interface TokenCredentials extends Named {
  readonly kind: "token";
}

/**
 * A keyed digest over a challenge of ours: CRAM-MD5. It cannot be replayed, so it works only where a route source checks
 * it and gives the secret for the backend. The secret here is the digest, hex.
 */
export interface DigestCredentials extends Named {
  readonly kind: "digest";
  /** The challenge that we sent. */
  readonly salt: string;
}

/**
 * An exchange that the backend itself checks, passed through end to end (SCRAM): the gateway knows the name in the first
 * message and never what proves it. The secret is the client's first message.
 */
export interface LiveCredentials extends Named {
  readonly kind: "live";
  /** Shows the client the backend's challenge; its response, decoded. Failure: exchange-cancelled, exchange-malformed. */
  readonly answer: (challenge: Buffer) => Promise<Buffer>;
}

/** An exchange that the gateway has checked itself (SCRAM, NTLM, GSSAPI, EXTERNAL). Nothing in it can be used again. */
export interface ProvenCredentials extends Named {
  readonly kind: "proven";
  /** Whom the verifier says it is, before normalisation. */
  readonly user: string;
}

/** An exchange that the gateway has checked itself, with a no: told like any failed login, with its delay and its log line. */
export interface RejectedCredentials extends Named {
  readonly kind: "rejected";
  readonly failure: Failure;
}

/**
 * None: a rule of the listener lets an application in without a login, to one backend. The authcid is the application's
 * name, and nothing is secret.
 */
export interface AdmittedCredentials extends Named {
  readonly kind: "admitted";
  /** The backend's name. */
  readonly backend: string;
  /** What the rule saw, for the log: "address 10.0.5.7". */
  readonly why: string;
  /** What the client has said already that is the backend's to answer: goes there, as it is, before all that follows. */
  readonly opening: string;
}

/** Credentials of a client. */
export type Credentials =
  | PasswordCredentials
  | TokenCredentials
  | DigestCredentials
  | LiveCredentials
  | ProvenCredentials
  | RejectedCredentials
  | AdmittedCredentials;

/**
 * The gateway says who it is about; the backend believes it because of where it comes from. By EXTERNAL, or with the
 * secret (often empty) as the password where the backend does not offer that.
 */
export interface TrustedCredentials extends Named {
  readonly kind: "trusted";
}

/** What the gateway may present at a backend; `admitted`: nothing, the backend takes who is let in. */
export type BackendCredentials =
  | PasswordCredentials
  | TokenCredentials
  | LiveCredentials
  | TrustedCredentials
  | AdmittedCredentials;

/** Overwrites the secret. Safe to call more than once. */
export function wipe(credentials: { readonly secret: Secret }): void {
  credentials.secret.wipe();
}
