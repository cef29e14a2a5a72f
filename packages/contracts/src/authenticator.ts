// Who says yes: verifiers, each of which knows some users and some kinds of proof, and the authenticator that asks them in
// order and applies the policy.

import type { DigestCredentials, Credentials, PasswordCredentials, TokenCredentials } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import type { GssAcceptor, NtlmAccount, NtlmResponse, Proof, Proofs, ScramHash, ScramKeys } from "./proofs.ts";
import type { ClientCertificate, Session } from "./session.ts";

export interface Authenticator {
  readonly name: string;
  /** What its verifiers can prove; nothing when only the backend can tell. */
  readonly proves: ReadonlySet<Proof>;
  /** Credentials that no verifier checks are passed on: the backend has the last word. */
  readonly believes: boolean;
  readonly proofs: Proofs;
  /**
   * Who this is. `proven: false` when only the backend can tell. Failure: wrong-credentials, not-authorized,
   * credentials-expired, verifier-down (never a yes, and never wrong-credentials, when the verifier cannot be asked).
   */
  check(credentials: Credentials, session: Session): Promise<Identity>;
  close(): void;
}

/** Whom a verifier found, before normalisation. */
export interface Verdict {
  readonly user: string;
  /** Milliseconds of the wall clock: from then on the yes is worth nothing (a token runs out). */
  readonly until?: number;
}

/**
 * One source of truth about users. Each method yields undefined for a user whom it does not know: the next verifier is
 * asked. Failure: wrong-credentials, not-authorized, credentials-expired; verifier-down when it cannot be asked. It must
 * take about as long for an unknown user as for a wrong password. Reasons never hold a secret.
 */
export interface Verifier {
  /** Its kind and what it reads or asks, for logs: "file /etc/postern/users". */
  readonly name: string;
  readonly proves: readonly Proof[];
  /** A password or a token. */
  check?(credentials: PasswordCredentials | TokenCredentials | DigestCredentials, session: Session): Promise<Verdict | undefined>;
  /** `user` is normalised. */
  scram?(hash: ScramHash, user: string): Promise<{ readonly keys: ScramKeys; readonly user: string } | undefined>;
  /** How many most of its users' SCRAM keys have: made-up keys of unknown users must look alike. */
  readonly scramIterations?: number;
  ntlm?(response: NtlmResponse): Promise<NtlmAccount | undefined>;
  gss?(service: string, binding: Buffer | undefined): GssAcceptor;
  principal?(principal: string): Promise<string | undefined>;
  certificate?(certificate: ClientCertificate): Promise<string | undefined>;
  close(): void;
}
