// What a verifier can be asked: each kind of proof has a name. Mechanisms need one, verifiers give some, and what a listener
// offers follows from both.

import type { ClientCertificate } from "./session.ts";

/** `digest` is proven by a route source only. */
export const PROOFS = ["password", "token", "digest", "scram-sha-1", "scram-sha-256", "ntlm", "kerberos", "certificate"] as const;
export type Proof = (typeof PROOFS)[number];

export type ScramHash = "sha1" | "sha256";

/** RFC 5802 section 3. */
export interface ScramKeys {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** The keys of a user, or, for a user who is not known, keys that fit nobody but look the same each time. */
export interface ScramAccount {
  readonly keys: ScramKeys;
  /** Whom the keys belong to, before normalisation; undefined: nobody. */
  readonly user: string | undefined;
}

/** What a client sent in an NTLM AUTHENTICATE message ([MS-NLMP] section 2.2.1.3), and the challenge that it answers. */
export interface NtlmResponse {
  /** As sent; may be user@dns.domain with an empty domain. */
  readonly user: string;
  readonly domain: string;
  readonly workstation: string;
  /** Eight bytes. */
  readonly serverChallenge: Buffer;
  readonly ntResponse: Buffer;
  readonly lmResponse: Buffer;
}

export interface NtlmAccount {
  /** Before normalisation. */
  readonly user: string;
  /** 16 bytes, for the MIC ([MS-NLMP] section 3.3.2). */
  readonly sessionBaseKey: Buffer;
}

/** One GSS-API context on the accepting side (RFC 2743), Kerberos or SPNEGO around it. Wiped and freed by close(). */
export interface GssAcceptor {
  /** Takes the client's token. Failure: wrong-credentials, verifier-down, exchange-malformed. */
  step(token: Buffer): { readonly token: Buffer | undefined; readonly done: boolean };
  /** Once done: the client's principal, "alice@EXAMPLE.COM". */
  readonly principal: string;
  /** GSS_Wrap without confidentiality. */
  wrap(data: Buffer): Buffer;
  /** Failure: exchange-malformed. */
  unwrap(data: Buffer): Buffer;
  close(): void;
}

/** TLS channel bindings (RFC 5929, RFC 9266). */
export type ChannelBindingType = "tls-exporter" | "tls-server-end-point";
export type ChannelBindings = (type: ChannelBindingType) => Buffer | undefined;

/**
 * What mechanisms may ask while an exchange runs. A method is there when a verifier gives that proof. All reject with
 * Failure: wrong-credentials, not-authorized, credentials-expired, verifier-down.
 */
export interface Proofs {
  scram?(hash: ScramHash, user: string): Promise<ScramAccount>;
  ntlm?(response: NtlmResponse): Promise<NtlmAccount>;
  /** `service` is what stands before the host in the service's principal. `binding` as in the TLS channel. */
  gss?(service: string, binding: Buffer | undefined): GssAcceptor;
  /** The user of a principal, before normalisation. */
  principal?(principal: string): Promise<string>;
  /** The user of a verified client certificate, before normalisation. */
  certificate?(certificate: ClientCertificate): Promise<string>;
}
