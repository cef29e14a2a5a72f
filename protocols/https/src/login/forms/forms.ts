// Logins by a page, for browsers: who has no session is sent to /postern/login and back from there; a script in a page hears 401
// or 440 without a dialogue; a program logs in as at the edge (edge.ts). Each request of a session is checked as a login is: a
// user who may not log in any more is out at once. Failure: what is no matter of a login.

import { sleep, toFailure, wipe } from "@postern/contracts";
import { hasField } from "@postern/http";
import { say, sayText } from "../../answers/local.ts";
import type { Holds } from "../../bodies.ts";
import type { Exchange, HttpRequest } from "../../exchange.ts";
import type { Admission, HttpsParts, Service } from "../../parts.ts";
import { AT_THE_DOOR, type Edge } from "../edge.ts";
import { Seated } from "../seated.ts";
import type { Tally } from "../tally.ts";
import { isNavigation, isScript } from "./browser.ts";
import { cookieOf, dropCookie, SESSION_COOKIE, setCookie, TICKET_COOKIE } from "./cookies.ts";
import { isOwnPage, loginTarget, OwnPages, type Note } from "./own-pages.ts";
import { credentialsOf, FormSessions, type FormSession } from "./session.ts";

export class Forms {
  readonly cookieNames: readonly string[] = [SESSION_COOKIE, TICKET_COOKIE];
  readonly #parts: HttpsParts;
  readonly #tally: Tally;
  readonly #edge: Edge;
  readonly #sessions: FormSessions;
  readonly #pages: OwnPages;

  constructor(parts: HttpsParts, tally: Tally, edge: Edge, holds: Holds) {
    this.#parts = parts;
    this.#tally = tally;
    this.#edge = edge;
    this.#sessions = new FormSessions(parts.secret, parts.settings.forms, parts.clock);
    this.#pages = new OwnPages(parts, this.#sessions, tally, holds);
  }

  /** Whether it is a request for a page of ours. */
  isOwn({ request }: Exchange): boolean {
    return isOwnPage(request.target);
  }

  /** Answers it. */
  async answerOwn(exchange: Exchange): Promise<undefined> {
    await this.#pages.answer(exchange);
  }

  /** undefined: it was answered. */
  async admit(exchange: Exchange, service: Service): Promise<Admission | undefined> {
    const { fields } = exchange.request;
    const cookie = cookieOf(fields, SESSION_COOKIE);
    const session = cookie === undefined ? undefined : this.#sessions.open(cookie);
    if (cookie !== undefined && session !== undefined) return this.#resume(exchange, cookie, session);
    if (hasField(fields, "authorization")) return this.#edge.admit(exchange, service);
    if (cookie === undefined && !isNavigation(exchange.request) && !isScript(exchange.request))
      this.#edge.challenge(exchange, service);
    else this.#turnAway(exchange, cookie === undefined ? undefined : "expired");
    return undefined;
  }

  /** A browser is to log in; `note`: its session is over, and why. */
  #turnAway(exchange: Exchange, note: Note | undefined): void {
    const { request } = exchange;
    const drop = note === undefined ? [] : dropCookie(SESSION_COOKIE);
    if (isNavigation(request)) {
      const canGoBack = request.method === "GET" || request.method === "HEAD";
      say(exchange, canGoBack ? 302 : 303, ["Location", loginTarget(canGoBack ? request.target : "/", note), ...drop]);
      // No browser knows the scheme, so none shows a dialogue of its own. 440 is how web mail is told that its session is over.
    } else if (note === undefined) sayText(exchange, 401, "Log in to continue.", ["WWW-Authenticate", "Form"]);
    else sayText(exchange, 440, "The session is over.", drop);
  }

  async #resume(exchange: Exchange, cookie: string, session: FormSession): Promise<Admission | undefined> {
    const { client, request } = exchange;
    const credentials = credentialsOf(session);
    try {
      const identity = await this.#parts.authenticator.check(credentials, client.session);
      if (!client.isShared) client.session.mechanism = credentials.mechanism;
      const attempt = identity.proven ? undefined : await this.#tally.begin(exchange, this.#tally.nameOf(cookie), credentials);
      const renewed = isBackground(request) ? undefined : this.#sessions.renewed(session);
      return new Seated(this.#parts, this.#tally, {
        checked: { credentials, identity },
        attempt,
        answerFields: renewed === undefined ? [] : setCookie(SESSION_COOKIE, renewed),
        exchange,
        turnAway: () => this.#turnAway(exchange, "refused"),
      });
    } catch (error) {
      wipe(credentials);
      const failure = toFailure(error);
      if (!AT_THE_DOOR.has(failure.kind)) throw failure;
      // It was good once: nobody has guessed.
      await sleep(this.#parts.clock, failure.waitMs);
      this.#turnAway(exchange, "refused");
      return undefined;
    }
  }
}

/** Web mail asks for news by itself; that keeps nobody logged in who has left. */
const isBackground = ({ target }: HttpRequest): boolean => /[?&]UA=0(?:&|$)/.test(target);
