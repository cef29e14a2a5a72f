// Logins that the gateway checks itself, before any backend is asked: Basic, Bearer, NTLM and Negotiate over HTTP/1.1, Basic and
// Bearer over HTTP/2. A no is delayed, counted and logged as in mail, and answered with 401 and what could be used instead.
// Failure: what is no matter of a login (too-many-failures, verifier-down …); serve.ts tells it.

import { Failure, toFailure, wipe, type FailureKind } from "@postern/contracts";
import {
  allOf,
  parseAuthorization,
  type AuthHeaders,
  type Authorization,
  type ConnectionAuth,
  type Fields,
  type HttpAuthStep,
} from "@postern/http";
import { sayText } from "../answers/local.ts";
import { refuse } from "../answers/refusals.ts";
import type { ClientConnection, Exchange } from "../exchange.ts";
import type { Admission, HttpsParts, Service } from "../parts.ts";
import { claimOf } from "./claim.ts";
import { authOf } from "./connection-state.ts";
import { needsOwnConnection } from "./connection-bound.ts";
import type { Checked } from "./present.ts";
import { Seated } from "./seated.ts";
import type { Tally, Try } from "./tally.ts";

/** Another login may be tried; the answer says which. */
export const AT_THE_DOOR: ReadonlySet<FailureKind> = new Set([
  "wrong-credentials",
  "credentials-expired",
  "not-authorized",
  "unknown-mechanism",
  "exchange-malformed",
  "exchange-cancelled",
]);

export class Edge {
  readonly #parts: HttpsParts;
  readonly #tally: Tally;
  /** Whom NTLM or Negotiate has shown on a connection. */
  readonly #kept = new WeakMap<ClientConnection, Checked>();

  constructor(parts: HttpsParts, tally: Tally) {
    this.#parts = parts;
    this.#tally = tally;
  }

  /** undefined: it was answered. */
  async admit(exchange: Exchange, service: Service): Promise<Admission | undefined> {
    const { client, request, answer } = exchange;
    if (needsOwnConnection(client.isShared, request.fields)) {
      answer.requireHttp11();
      return undefined;
    }
    const auth = authOf(client, this.#parts);
    try {
      return await this.#admit(exchange, service, auth);
    } catch (error) {
      const failure = toFailure(error);
      if (!AT_THE_DOOR.has(failure.kind)) throw failure;
      this.challenge(exchange, service, failure);
      return undefined;
    }
  }

  /** 401, and what can be used; `failure`: why the login of this request was not taken. */
  challenge(exchange: Exchange, service: Service, failure?: Failure): void {
    const { client, answer } = exchange;
    const isBearer = failure !== undefined && /^bearer /i.test(allOf(exchange.request.fields, "authorization")[0] ?? "");
    const fields = asFields(authOf(client, this.#parts).challenge(isBearer ? failure : undefined).headers);
    if (fields.length > 0) {
      if (failure === undefined) sayText(exchange, 401, "Log in to continue.", fields);
      else refuse(exchange, failure, service, fields);
    } else if (client.isShared && this.#parts.schemes.length > 0 && client.session.tls !== undefined) answer.requireHttp11();
    else refuse(exchange, new Failure("plaintext-refused", "there is no way to log in without TLS"), service);
  }

  async #admit(exchange: Exchange, service: Service, auth: ConnectionAuth): Promise<Admission | undefined> {
    const { client, request } = exchange;
    const values = allOf(request.fields, "authorization");
    const authorization = parseAuthorization(values);
    const proof = this.#tally.nameOf(values[0] ?? "");
    // NTLM is checked inside the exchange: a guesser is held back before it.
    const claim = values[0] === undefined ? undefined : claimOf(values[0]);
    const attempt = claim && (await this.#tally.begin(exchange, proof, claim));
    const step = await stepOf(auth, authorization, attempt);
    if (step.kind === "challenge") {
      if (step.isUnderWay) sayText(exchange, 401, "Log in to continue.", asFields(step.headers));
      else this.challenge(exchange, service);
      return undefined;
    }
    if (step.kind === "kept") {
      const kept = this.#kept.get(client);
      if (kept === undefined) throw new Failure("internal", "a login is kept, and nobody knows whose");
      return this.#seat(exchange, service, kept, undefined, []);
    }
    return this.#check(exchange, service, step, auth, attempt ?? (await this.#tally.begin(exchange, proof, step.credentials)));
  }

  async #check(
    exchange: Exchange,
    service: Service,
    { credentials, headers }: Extract<HttpAuthStep, { kind: "credentials" }>,
    auth: ConnectionAuth,
    attempt: Try,
  ): Promise<Admission> {
    const { client } = exchange;
    const { session } = client;
    const isNew = !this.#tally.isKnown(client, attempt.proof);
    if (isNew && !client.isShared) session.attempts++;
    if (isNew && !client.isShared) session.mechanism = credentials.mechanism;
    try {
      const identity = await this.#parts.authenticator.check(credentials, session);
      if (identity.proven) this.#tally.succeeded(attempt);
      const checked = { credentials, identity };
      auth.keep(credentials);
      if (credentials.kind === "proven") this.#kept.set(client, checked);
      return this.#seat(exchange, service, checked, attempt, asFields(headers));
    } catch (error) {
      const failure = toFailure(error);
      await this.#tally.refuse(attempt, failure);
      wipe(credentials);
      drop(attempt);
      throw failure;
    }
  }

  #seat(exchange: Exchange, service: Service, checked: Checked, attempt: Try | undefined, answerFields: Fields): Admission {
    const turnAway = (failure: Failure): void => this.challenge(exchange, service, failure);
    return new Seated(this.#parts, this.#tally, { checked, attempt, answerFields, exchange, turnAway });
  }
}

/** A claim that does not go on to be checked is wiped here. */
async function stepOf(
  auth: ConnectionAuth,
  authorization: Authorization | undefined,
  attempt: Try | undefined,
): Promise<HttpAuthStep> {
  let step: HttpAuthStep | undefined;
  try {
    step = await auth.next(authorization);
    return step;
  } finally {
    if (step?.kind !== "credentials" && attempt !== undefined) drop(attempt);
  }
}

function drop({ claim, turn }: Try): void {
  wipe(claim);
  turn.over();
}

const asFields = (headers: AuthHeaders): Fields =>
  (headers["WWW-Authenticate"] ?? []).flatMap((value) => ["WWW-Authenticate", value]);
