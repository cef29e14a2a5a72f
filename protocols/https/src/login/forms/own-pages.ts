// /postern/login and /postern/logout: the pages, and what their forms do. A login is held back, counted, delayed and logged as
// in mail; the words are the same for a wrong password and for a user whom nobody knows. Failure: client-gone.

import {
  carries,
  Failure,
  LOGIN_STRATEGIES,
  toFailure,
  wipe,
  type FailureKind,
  type Identity,
  type PasswordCredentials,
} from "@postern/contracts";
import { tellTooLarge } from "../../answers/refusals.ts";
import { pathOf, say, sayMethods, sayText } from "../../answers/local.ts";
import type { Holds } from "../../bodies.ts";
import { parameterOf, queryOf } from "../../hints/query.ts";
import type { Exchange } from "../../exchange.ts";
import type { HttpsParts } from "../../parts.ts";
import { requireSafeClient } from "../plaintext.ts";
import type { Tally } from "../tally.ts";
import { originOf, safeTarget } from "./browser.ts";
import { cookieOf, dropCookie, SESSION_COOKIE, setCookie, TICKET_COOKIE } from "./cookies.ts";
import { readForm } from "./form.ts";
import { loginRequest, type LoginRequest } from "./login-request.ts";
import { loginPage, logoutPage, NOTES, pageFields } from "./page.ts";
import type { FormSessions } from "./session.ts";
import { Tickets } from "./tickets.ts";

const LOGIN = "/postern/login";
const LOGOUT = "/postern/logout";

export const isOwnPage = (target: string): boolean => {
  if (!target.startsWith("/postern/")) return false;
  const path = pathOf(target);
  return path === LOGIN || path === LOGOUT;
};

export type Note = keyof typeof NOTES;

/** Where a browser is sent to log in, and back from there. */
export const loginTarget = (to: string, note?: Note): string =>
  `${LOGIN}?to=${encodeURIComponent(safeTarget(to))}${note === undefined ? "" : `&note=${note}`}`;

interface Shown {
  readonly status: number;
  readonly note: string | undefined;
  readonly isError: boolean;
  readonly typed?: LoginRequest;
}

export class OwnPages {
  readonly #parts: HttpsParts;
  readonly #sessions: FormSessions;
  readonly #tally: Tally;
  readonly #tickets: Tickets;
  readonly #holds: Holds;

  constructor(parts: HttpsParts, sessions: FormSessions, tally: Tally, holds: Holds) {
    this.#parts = parts;
    this.#holds = holds;
    this.#sessions = sessions;
    this.#tally = tally;
    this.#tickets = new Tickets(parts.secret, parts.clock);
  }

  async answer(exchange: Exchange): Promise<void> {
    const { method, target } = exchange.request;
    const isLogin = pathOf(target) === LOGIN;
    if (method === "GET" || method === "HEAD") return isLogin ? this.#invite(exchange) : this.#offerLogout(exchange);
    if (method !== "POST") return sayMethods(exchange, "GET, HEAD, POST");
    const origin = originOf(exchange.request, exchange.client.session.tls !== undefined);
    if (origin === "elsewhere") return sayText(exchange, 403, "The form of another site cannot be used here.");
    const form = await readForm(exchange.request, this.#holds);
    if (form === "too-large") return tellTooLarge(exchange);
    if (form === "none") return sayText(exchange, 415, "Send a form.");
    const isTicketGood = this.#tickets.isGood(form.get("ticket") ?? "", cookieOf(exchange.request.fields, TICKET_COOKIE));
    if (isLogin) return this.#logIn(exchange, loginRequest(form), isTicketGood);
    return origin === "here" || isTicketGood ? this.#logOut(exchange) : this.#offerLogout(exchange);
  }

  #invite(exchange: Exchange): void {
    const note = parameterOf(queryOf(exchange.request.target), "note") ?? "";
    const known = Object.hasOwn(NOTES, note) ? NOTES[note as Note] : undefined;
    this.#show(exchange, { status: 200, note: known, isError: known !== undefined && note !== "out" });
  }

  async #logIn(exchange: Exchange, typed: LoginRequest, isTicketGood: boolean): Promise<void> {
    const { credentials } = typed;
    try {
      requireSafeClient(exchange.client.session, "the login page");
      if (!isTicketGood) return this.#show(exchange, { status: 403, note: NOTES.old, isError: true, typed });
      if (credentials === undefined) return this.#show(exchange, { status: 400, note: NOTES.empty, isError: true, typed });
      const identity = await this.#check(exchange, credentials, typed.isImpossible);
      this.#welcome(exchange, typed, credentials, identity);
    } catch (error) {
      const failure = toFailure(error);
      if (failure.kind === "client-gone") throw failure;
      this.#show(exchange, { ...shownFor(failure), isError: true, typed });
    } finally {
      if (credentials !== undefined) wipe(credentials);
    }
  }

  async #check(exchange: Exchange, credentials: PasswordCredentials, isImpossible: boolean): Promise<Identity> {
    const { authenticator } = this.#parts;
    const { client } = exchange;
    const proof = this.#tally.nameOf(`${credentials.authcid}\n${credentials.secret.reveal().toString("latin1")}`);
    const attempt = await this.#tally.begin(exchange, proof, credentials);
    if (!client.isShared) client.session.attempts++;
    try {
      if (isImpossible) throw new Failure("wrong-credentials", "nobody can have such a name or password");
      const identity = await authenticator.check(credentials, client.session);
      if (identity.proven) this.#tally.succeeded(attempt);
      return identity;
    } catch (error) {
      const failure = toFailure(error);
      await this.#tally.refuse(attempt, failure);
      throw failure;
    } finally {
      attempt.turn.over();
    }
  }

  #welcome(
    exchange: Exchange,
    { isPrivate, to }: LoginRequest,
    { authcid, secret }: PasswordCredentials,
    identity: Identity,
  ): void {
    const isNeeded = this.#needsPassword(identity);
    const user = isNeeded ? authcid : identity.user;
    const cookie = this.#sessions.begin({ user, password: isNeeded ? secret.reveal() : undefined, isPrivate });
    say(exchange, 303, ["Location", to, ...setCookie(SESSION_COOKIE, cookie), ...dropCookie(TICKET_COOKIE)]);
  }

  /** Where each backend is logged in to in the gateway's own way, nobody needs the password again. */
  #needsPassword({ proven }: Identity): boolean {
    const legs = [...this.#parts.legs.values()];
    return !proven || !legs.every(({ login }) => LOGIN_STRATEGIES[login.strategy].needsProof && carries(login, "proven"));
  }

  /** Going back shows no page of the session any more: the browser forgets what it has kept of this host. */
  #logOut(exchange: Exchange): void {
    const forget = ["Clear-Site-Data", '"cache"'];
    say(exchange, 303, ["Location", loginTarget("/", "out"), ...dropCookie(SESSION_COOKIE), ...forget]);
  }

  #offerLogout(exchange: Exchange): void {
    const { cookie, ticket } = this.#tickets.make(cookieOf(exchange.request.fields, TICKET_COOKIE));
    const fields = [...this.#pageFields(), ...setCookie(TICKET_COOKIE, cookie)];
    say(exchange, 200, fields, logoutPage(this.#parts.settings.forms.title, ticket));
  }

  #show(exchange: Exchange, { status, note, isError, typed }: Shown): void {
    const { request } = exchange;
    const { title, publicIdle, privateIdle } = this.#parts.settings.forms;
    const { cookie, ticket } = this.#tickets.make(cookieOf(request.fields, TICKET_COOKIE));
    const to = typed?.to ?? safeTarget(parameterOf(queryOf(request.target), "to"));
    const { user = "", isPrivate = false } = typed ?? {};
    const page = loginPage({ title, ticket, to, user, isPrivate, note, isError, publicIdle, privateIdle });
    say(exchange, status, [...this.#pageFields(), ...setCookie(TICKET_COOKIE, cookie)], page);
  }

  #pageFields(): readonly string[] {
    return pageFields(Object.values(this.#parts.settings.redirects).map(({ url }) => url));
  }
}

/** 401 would need a scheme that browsers know; the page is for a person anyhow. */
const STATUS: { readonly [K in FailureKind]?: number } = {
  "wrong-credentials": 403,
  "unknown-user": 403,
  "not-authorized": 403,
  "credentials-expired": 403,
  "plaintext-refused": 403,
  "too-many-failures": 429,
};

/** They are told alike: the rest is nobody's business. */
const WRONG: ReadonlySet<FailureKind> = new Set(["wrong-credentials", "unknown-user", "not-authorized"]);

function shownFor({ kind, row }: Failure): Pick<Shown, "status" | "note"> {
  return { status: STATUS[kind] ?? 503, note: WRONG.has(kind) ? NOTES.wrong : `${row.public}.` };
}
