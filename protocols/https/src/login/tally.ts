// Counts the logins that only a backend can tell: they go on, and its status says how they ended. 401 to a guess is a failed
// login. A good answer counts as a success only where the same folder has asked for a login before: what is open to everybody
// proves nothing, and would take a guesser's failures back; so does what a cookie or another login of the connection may have
// opened. The same proof on the same connection, once it was not refused, is no guess: it costs a hash.
// Failure: too-many-failures; client-gone for a client that did not wait.

import { hash, randomBytes } from "node:crypto";
import { Failure, legText, wipe, type Credentials, type Leg } from "@postern/contracts";
import { isGuess } from "@postern/core";
import { allOf, type Fields } from "@postern/http";
import { loginText } from "../hints/mailbox-text.ts";
import { remember } from "../hints/remember.ts";
import type { ClientConnection, Exchange, HttpRequest } from "../exchange.ts";
import type { HttpsParts } from "../parts.ts";
import { pathOf } from "../answers/local.ts";
import { hasForeignCookie } from "./forms/cookies.ts";
import { ALONE, Turns, waitFor, type Turn } from "./turns.ts";

export type TallyParts = Pick<HttpsParts, "clock" | "guard" | "claimedUser" | "logger" | "settings">;

/** Proofs that were not refused on a connection, and whether they were counted as a success. Several only where users share it. */
type Known = Map<string, boolean>;

const MOST_KNOWN = 32;

/** A login that is with the backend. */
export interface Try {
  readonly exchange: Exchange;
  /** Keyed hash of what was sent. */
  readonly proof: string;
  /** Whose secret it claims to have. */
  readonly claim: Credentials;
  readonly startedAt: number;
  readonly turn: Turn;
}

const MAX_FOLDERS = 10_000;

export class Tally {
  readonly #parts: TallyParts;
  readonly #key = randomBytes(32).toString("base64");
  readonly #known = new WeakMap<ClientConnection, Known>();
  readonly #turns = new WeakMap<ClientConnection, Turns>();
  /** Backend, method and path that have asked for a login, by a name that tells nothing of them; oldest first. */
  readonly #asking = new Set<string>();

  constructor(parts: TallyParts) {
    this.#parts = parts;
  }

  /** Was this proof not refused when it was sent last on this connection? */
  isKnown(client: ClientConnection, proof: string): boolean {
    return this.#known.get(client)?.has(proof) === true;
  }

  /** A name for a proof (an Authorization, a cookie), that tells nothing of it. */
  nameOf(proof: string): string {
    return hash("sha256", this.#key + proof, "base64");
  }

  /** Waits for as long as a guesser at this name has to; not for a proof that is known. When it throws, the claim is wiped. */
  begin(exchange: Exchange, proof: string, claim: Credentials): Promise<Try> | Try {
    const { client } = exchange;
    const attempt: Try = { exchange, proof, claim, startedAt: this.#parts.clock.now(), turn: ALONE };
    return this.isKnown(client, proof) ? attempt : this.#held(attempt);
  }

  /** What was guessed meanwhile counts for those who wait. */
  async #held(attempt: Try): Promise<Try> {
    const { clock, guard } = this.#parts;
    const { exchange, claim, proof, startedAt } = attempt;
    const { client, answer } = exchange;
    const turn = client.isShared ? await this.#turnsOf(client).take(proof, answer) : ALONE;
    try {
      const left = (): number =>
        this.isKnown(client, proof)
          ? 0
          : guard.delayBefore(client.session.client.host, this.#userOf(claim)) - (clock.now() - startedAt);
      for (let waitMs = left(); waitMs > 0 && !answer.isOver; waitMs = left()) await waitFor(clock, waitMs, answer);
      if (answer.isOver) throw new Failure("client-gone", "The client left before its login was looked at");
    } catch (error) {
      turn.over();
      wipe(claim);
      throw error;
    }
    turn.isLookedAt();
    return { ...attempt, turn };
  }

  #turnsOf(client: ClientConnection): Turns {
    const turns = this.#turns.get(client) ?? new Turns(this.#parts.clock);
    this.#turns.set(client, turns);
    return turns;
  }

  /** DOMAIN\alice is alice: nobody has as many tries as there are spellings. */
  #userOf({ authcid }: Credentials): string {
    return this.#parts.claimedUser({ authcid: loginText(authcid) ?? authcid });
  }

  /** The gateway itself has found it good. */
  succeeded({ exchange, proof, claim, turn }: Try): void {
    const { client } = exchange;
    turn.over();
    if (this.#known.get(client)?.get(proof) === true) return;
    this.#parts.guard.succeeded(client.session.client.host, this.#userOf(claim));
    this.#know(client, proof, true);
  }

  #know(client: ClientConnection, proof: string, isCounted: boolean): void {
    const known: Known = this.#known.get(client) ?? new Map();
    this.#known.set(client, known);
    remember(known, proof, isCounted, client.isShared ? MOST_KNOWN : 1);
  }

  /** It was refused. Milliseconds to wait before the client hears of it. */
  failed({ exchange, proof, claim, startedAt, turn }: Try): number {
    const { clock, guard } = this.#parts;
    const { client } = exchange;
    this.#known.get(client)?.delete(proof);
    const waitMs = guard.failed(client.session.client.host, this.#userOf(claim), claim);
    turn.over();
    return Math.max(0, waitMs - (clock.now() - startedAt));
  }

  /** The gateway itself has refused it: counts, logs, and waits as long as the client has to. */
  async refuse(attempt: Try, failure: Failure): Promise<void> {
    const { clock } = this.#parts;
    const slowed = isGuess(failure) ? this.failed(attempt) : 0;
    this.tell(attempt.exchange, attempt.claim, failure);
    const waitMs = Math.max(slowed, failure.waitMs - (clock.now() - attempt.startedAt));
    await waitFor(clock, waitMs, attempt.exchange.answer);
  }

  /** Writes a failed login down, as in mail. */
  tell({ client, request }: Exchange, claim: Credentials, failure: Failure): void {
    this.#parts.logger.info("login failed", {
      session: client.session.id,
      request: request.id,
      user: this.#userOf(claim) || undefined,
      client: client.session.client.host,
      kind: failure.kind,
      reason: failure.message,
    });
  }

  /** A backend has said 401: from now on a good answer of this folder is worth something. */
  asked(request: HttpRequest, leg: Leg): void {
    const folder = this.#folderOf(request, leg);
    if (this.#asking.has(folder)) return;
    this.#asking.add(folder);
    const [oldest] = this.#asking;
    if (this.#asking.size > MAX_FOLDERS && oldest !== undefined) this.#asking.delete(oldest);
  }

  #folderOf({ method, target }: HttpRequest, leg: Leg): string {
    return this.nameOf(`${legText(leg)} ${method} ${pathOf(target)}`);
  }

  /** The backend's status to this login. Milliseconds to wait before the client hears it. */
  answered(attempt: Try, status: number, fields: Fields, leg: Leg): number {
    const { exchange, proof, turn } = attempt;
    const { client, request } = exchange;
    // Digest: the login is to be made anew, and nobody knows yet whether it was right.
    if (status === 401 && !isStale(fields)) return this.failed(attempt);
    turn.over();
    if (status < 200 || status > 299 || this.#known.get(client)?.get(proof) === true) return 0;
    const isWorth = !this.#mayBeAnothers(attempt) && this.#asking.has(this.#folderOf(request, leg));
    if (isWorth) this.succeeded(attempt);
    else this.#know(client, proof, false);
    return 0;
  }

  /** What opened the folder may be a session of a cookie's, or the connection's own login: the proof may be a guess at another. */
  #mayBeAnothers({ exchange: { client, request }, claim }: Try): boolean {
    if (claim.mechanism === "NTLM") return false;
    return client.pinned.size > 0 || hasForeignCookie(request.fields, this.#parts.settings.cookie.name);
  }
}

const isStale = (fields: Fields): boolean => allOf(fields, "www-authenticate").some((value) => /\bstale="?true/i.test(value));
