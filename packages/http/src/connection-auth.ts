// The authentication state of one HTTP connection. NTLM and Negotiate take several requests of it and then hold for all
// that follow (RFC 4559 section 6); Basic and Bearer come with each request. Knows no sockets and no server.
// next() throws Failure exchange-malformed, exchange-cancelled, unknown-mechanism, plaintext-refused. A no of a verifier is
// not thrown: it becomes rejected credentials, so that it is delayed, counted and told like every failed login.

import { Failure, type Credentials, type MechanismContext } from "@postern/contracts";
import { stepOf, type SpnegoMechanism } from "@postern/sasl";
import type { Authorization, Scheme } from "./authorization.ts";
import { challenges } from "./challenges.ts";
import { HTTP_MECHANISMS } from "./schemes.ts";

/** Kerberos inside SPNEGO takes five; nothing takes more. */
const MAX_ROUNDS = 10;

export interface AuthHeaders {
  readonly "WWW-Authenticate"?: readonly string[];
}

export interface HttpChallenge {
  readonly kind: "challenge";
  readonly status: 401;
  readonly headers: AuthHeaders;
  /** An exchange is under way: the connection must stay open, or the client has to begin again. */
  readonly isUnderWay: boolean;
}

export type HttpAuthStep =
  | HttpChallenge
  /** To be checked; wiped by who checks them. The headers go into the answer, whatever its status. */
  | { readonly kind: "credentials"; readonly credentials: Credentials; readonly headers: AuthHeaders }
  /** No Authorization, and the login that keep() was called for still holds. */
  | { readonly kind: "kept" };

export interface ConnectionAuthOptions {
  readonly offered: readonly Scheme[];
  /** Its service is "HTTP". */
  readonly context: MechanismContext;
  /** Printable ASCII; an Error otherwise. */
  readonly realm: string;
  /** Basic and Bearer are taken: inside TLS, on loopback, or where the listener says so. */
  readonly allowPlaintext: boolean;
}

/** For one connection, from its first request to its end. */
export class ConnectionAuth {
  readonly #options: ConnectionAuthOptions;
  readonly #usable: readonly Scheme[];
  #exchange: { readonly scheme: Scheme; readonly mechanism: SpnegoMechanism } | undefined;
  /** Since a login was tried last: a client that begins again and again has no more of them than others. */
  #rounds = 0;
  /** What NTLM or Negotiate came to last, and whether it holds for the connection. */
  #proven: { readonly credentials: Credentials; isKept: boolean } | undefined;
  #isBusy = false;
  #isClosed = false;

  constructor(options: ConnectionAuthOptions) {
    this.#options = options;
    this.#usable = options.offered.filter((scheme) => options.allowPlaintext || !HTTP_MECHANISMS[scheme].plaintext);
    this.challenge();
  }

  /** Takes a request's Authorization; undefined: it has none. Not while an exchange is being answered. */
  async next(authorization: Authorization | undefined): Promise<HttpAuthStep> {
    if (this.#isBusy) throw new Failure("exchange-malformed", "HTTP: a request before the exchange of the last one is answered");
    if (authorization === undefined) {
      this.#drop();
      return this.#proven?.isKept === true ? { kind: "kept" } : this.challenge();
    }
    const { scheme, data } = authorization;
    const { begins } = HTTP_MECHANISMS[scheme];
    this.#proven = undefined;
    if (this.#exchange?.scheme !== scheme || begins?.(data) === true) this.#drop();
    this.#mustBeUsable(scheme);
    return begins === undefined ? this.#inOneRequest(scheme, data) : this.#inSeveral(scheme, data);
  }

  /**
   * These credentials were found good: where they came by NTLM or Negotiate they hold for the requests that follow, until
   * one brings an Authorization.
   */
  keep(credentials: Credentials): void {
    if (this.#proven?.credentials === credentials) this.#proven.isKept = true;
  }

  /** What to answer a request that needs a login; `refused`: why its Bearer token was not taken. */
  challenge(refused?: Failure): HttpChallenge {
    const values = challenges(this.#usable, { realm: this.#options.realm, refused });
    return { kind: "challenge", status: 401, headers: { "WWW-Authenticate": values }, isUnderWay: false };
  }

  /** The connection is over. Frees what an exchange holds. Safe to call more than once. */
  close(): void {
    this.#isClosed = true;
    this.#proven = undefined;
    if (!this.#isBusy) this.#drop();
  }

  #mustBeUsable(scheme: Scheme): void {
    if (!this.#options.offered.includes(scheme)) throw new Failure("unknown-mechanism", `${scheme} is not offered here`);
    if (!this.#usable.includes(scheme)) throw new Failure("plaintext-refused", `${scheme} without TLS`);
  }

  async #inOneRequest(scheme: Scheme, data: Buffer): Promise<HttpAuthStep> {
    const step = await stepOf(HTTP_MECHANISMS[scheme].create(this.#options.context), data);
    if (step.kind !== "done") throw new Failure("internal", `${scheme} takes one request, and asks for more`);
    return { kind: "credentials", credentials: step.credentials, headers: {} };
  }

  async #inSeveral(scheme: Scheme, data: Buffer): Promise<HttpAuthStep> {
    this.#exchange ??= { scheme, mechanism: HTTP_MECHANISMS[scheme].create(this.#options.context) };
    const { mechanism } = this.#exchange;
    this.#isBusy = true;
    let isUnderWay = false;
    try {
      this.#countRound(scheme);
      const step = await stepOf(mechanism, data);
      if (this.#isClosed) throw new Failure("client-gone", "HTTP: the connection was closed in the exchange");
      if (step.kind === "live") throw new Failure("internal", `${scheme} cannot be left to a backend`);
      if (step.kind === "done") return this.#done(scheme, step.credentials, mechanism.last);
      isUnderWay = true;
      return { kind: "challenge", status: 401, headers: tokenHeaders(scheme, step.data), isUnderWay };
    } finally {
      this.#isBusy = false;
      if (!isUnderWay) this.#drop();
    }
  }

  #countRound(scheme: Scheme): void {
    this.#rounds += 1;
    if (this.#rounds <= MAX_ROUNDS) return;
    this.#rounds = 0;
    throw new Failure("exchange-malformed", `${scheme}: more than ${MAX_ROUNDS} rounds`);
  }

  #done(scheme: Scheme, credentials: Credentials, last: Buffer | undefined): HttpAuthStep {
    this.#rounds = 0;
    if (credentials.kind === "proven") this.#proven = { credentials, isKept: false };
    return { kind: "credentials", credentials, headers: last === undefined ? {} : tokenHeaders(scheme, last) };
  }

  #drop(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.mechanism.close?.();
  }
}

const tokenHeaders = (scheme: Scheme, token: Buffer): AuthHeaders => ({
  "WWW-Authenticate": [`${scheme} ${token.toString("base64")}`.trimEnd()],
});
