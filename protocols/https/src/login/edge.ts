// Logins that the gateway checks itself, before any backend is asked: Basic, Bearer, NTLM and Negotiate over HTTP/1.1, Basic and
// Bearer over HTTP/2. A no is delayed, counted and logged as in mail, and answered with 401 and what could be used instead.
// Failure: what is no matter of a login (too-many-failures, verifier-down …); serve.ts tells it.

import { Failure, sleep, toFailure, wipe, type FailureKind, type Leg, type Route } from "@postern/contracts";
import { allOf, parseAuthorization, type AuthHeaders, type ConnectionAuth, type Fields, type HttpAuthStep } from "@postern/http";
import { sayText } from "../answers/local.ts";
import { refuse } from "../answers/refusals.ts";
import type { Admission, ClientConnection, Exchange, HttpsParts, Service } from "../parts.ts";
import { claimOf } from "./claim.ts";
import { authOf } from "./connection-state.ts";
import { needsOwnConnection } from "./connection-bound.ts";
import { isOurLogin, notLetIn, presented, type Checked } from "./present.ts";
import type { Tally, Try } from "./tally.ts";

/** Another login may be tried; the answer says which. */
const AT_THE_DOOR: ReadonlySet<FailureKind> = new Set([
  "wrong-credentials",
  "credentials-expired",
  "not-authorized",
  "unknown-mechanism",
  "exchange-malformed",
  "exchange-cancelled",
]);

/** Of those, the ones that somebody may have guessed at. */
const GUESSES: ReadonlySet<FailureKind> = new Set(["wrong-credentials", "credentials-expired", "not-authorized"]);

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
    const step = await auth.next(authorization);
    if (step.kind === "challenge") {
      if (step.isUnderWay) sayText(exchange, 401, "Log in to continue.", asFields(step.headers));
      else this.challenge(exchange, service);
      return undefined;
    }
    if (step.kind === "kept") {
      const kept = this.#kept.get(client);
      if (kept === undefined) throw new Failure("internal", "a login is kept, and nobody knows whose");
      return new Checking(exchange, service, kept, undefined, [], this, this.#parts, this.#tally);
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
      if (identity.proven) this.#tally.succeeded(client, attempt.proof, attempt.claim);
      const checked = { credentials, identity };
      auth.keep(credentials);
      if (credentials.kind === "proven") this.#kept.set(client, checked);
      return new Checking(exchange, service, checked, attempt, asFields(headers), this, this.#parts, this.#tally);
    } catch (error) {
      const failure = toFailure(error);
      await this.hold(attempt, failure);
      wipe(credentials);
      wipe(attempt.claim);
      throw failure;
    }
  }

  /** Counts, logs and delays a login that was not taken. */
  async hold(attempt: Try, failure: Failure): Promise<void> {
    const { clock } = this.#parts;
    const slowed = GUESSES.has(failure.kind) ? this.#tally.failed(attempt) : 0;
    this.tell(attempt, failure);
    await sleep(clock, Math.max(slowed, failure.waitMs - (clock.now() - attempt.startedAt)));
  }

  tell({ exchange, claim }: Try, failure: Failure): void {
    const { logger, claimedUser } = this.#parts;
    const { session } = exchange.client;
    logger.info("login failed", {
      session: session.id,
      request: exchange.request.id,
      user: claimedUser(claim) || undefined,
      client: session.client.host,
      kind: failure.kind,
      reason: failure.message,
    });
  }
}

/** Somebody whom the gateway has let in. */
class Checking implements Admission {
  readonly answerFields: Fields;
  readonly #exchange: Exchange;
  readonly #service: Service;
  readonly #checked: Checked;
  /** undefined: NTLM or Negotiate holds for the connection. */
  readonly #attempt: Try | undefined;
  readonly #edge: Edge;
  readonly #parts: HttpsParts;
  readonly #tally: Tally;
  #leg: Leg | undefined;

  constructor(
    exchange: Exchange,
    service: Service,
    checked: Checked,
    attempt: Try | undefined,
    answerFields: Fields,
    edge: Edge,
    parts: HttpsParts,
    tally: Tally,
  ) {
    this.#exchange = exchange;
    this.#service = service;
    this.#checked = checked;
    this.#attempt = attempt;
    this.answerFields = answerFields;
    this.#edge = edge;
    this.#parts = parts;
    this.#tally = tally;
  }

  get identity(): Checked["identity"] {
    return this.#checked.identity;
  }

  get credentials(): Checked["credentials"] {
    return this.#checked.credentials;
  }

  present(leg: Leg, fields: Fields, login?: Route["login"]): Promise<Fields> {
    this.#leg = leg;
    return presented(this.#parts, leg, fields, this.#checked, this.#exchange.client.session, login);
  }

  answered(status: number, fields: Fields = []): number {
    if (this.#leg === undefined || this.#attempt === undefined || this.identity.proven) return 0;
    if (status === 401) this.#tally.asked(this.#exchange.request, this.#leg);
    return this.#tally.answered(this.#attempt, status, fields, this.#leg);
  }

  refused(leg: Leg): "answered" | Failure {
    if (isOurLogin(this.#parts, leg, this.#checked)) return notLetIn(leg, this.identity);
    const failure = new Failure("wrong-credentials", `${leg.backend} does not take this login`);
    if (this.#attempt !== undefined) this.#edge.tell(this.#attempt, failure);
    this.#edge.challenge(this.#exchange, this.#service, failure);
    return "answered";
  }

  release(): void {
    wipe(this.credentials);
    if (this.#attempt !== undefined) wipe(this.#attempt.claim);
  }
}

const asFields = (headers: AuthHeaders): Fields =>
  (headers["WWW-Authenticate"] ?? []).flatMap((value) => ["WWW-Authenticate", value]);
