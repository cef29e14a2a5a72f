// Counts the logins that only a backend can tell: they go on, and its status says how they ended. 401 to a guess is a failed
// login. A good answer counts as a success only where the same folder has asked for a login before: what is open to everybody
// proves nothing, and would take a guesser's failures back. The same proof on the same connection, once it was not refused, is
// no guess: it costs a hash. Failure: too-many-failures.

import { hash, randomBytes } from "node:crypto";
import { legText, sleep, type Credentials, type Failure, type FailureKind, type Leg } from "@postern/contracts";
import { allOf, type Fields } from "@postern/http";
import type { ClientConnection, Exchange, HttpRequest, HttpsParts } from "../parts.ts";

export type TallyParts = Pick<HttpsParts, "clock" | "guard" | "claimedUser" | "logger">;

/** The proof that was not refused last on a connection. */
interface Known {
  readonly proof: string;
  /** It was counted as a success. */
  isCounted: boolean;
}

/** A login that is with the backend. */
export interface Try {
  readonly exchange: Exchange;
  /** Keyed hash of what was sent. */
  readonly proof: string;
  /** Whose secret it claims to have. */
  readonly claim: Credentials;
  readonly startedAt: number;
}

/** What somebody may have guessed at, as in mail. */
const GUESSES: ReadonlySet<FailureKind> = new Set([
  "wrong-credentials",
  "unknown-user",
  "not-authorized",
  "route-refused",
  "credentials-expired",
]);

export const isGuess = ({ kind }: Pick<Failure, "kind">): boolean => GUESSES.has(kind);

const MAX_FOLDERS = 10_000;

export class Tally {
  readonly #parts: TallyParts;
  readonly #key = randomBytes(32).toString("base64");
  readonly #known = new WeakMap<ClientConnection, Known>();
  /** Backend, method and path that have asked for a login, oldest first. */
  readonly #asking = new Set<string>();

  constructor(parts: TallyParts) {
    this.#parts = parts;
  }

  /** Was this proof not refused when it was sent last on this connection? */
  isKnown(client: ClientConnection, proof: string): boolean {
    return this.#known.get(client)?.proof === proof;
  }

  /** A name for a proof (an Authorization, a cookie), that tells nothing of it. */
  nameOf(proof: string): string {
    return hash("sha256", this.#key + proof, "base64");
  }

  /** Waits for as long as a guesser at this name has to; not for a proof that is known. */
  begin(exchange: Exchange, proof: string, claim: Credentials): Promise<Try> | Try {
    const { clock, guard, claimedUser } = this.#parts;
    const { client } = exchange;
    const attempt = { exchange, proof, claim, startedAt: clock.now() };
    if (this.isKnown(client, proof)) return attempt;
    const waitMs = guard.delayBefore(client.session.client.host, claimedUser(claim));
    return waitMs > 0 ? sleep(clock, waitMs).then(() => attempt) : attempt;
  }

  /** The gateway itself has found it good. */
  succeeded(client: ClientConnection, proof: string, claim: Credentials): void {
    const { guard, claimedUser } = this.#parts;
    if (this.#known.get(client)?.proof === proof && this.#known.get(client)?.isCounted === true) return;
    guard.succeeded(client.session.client.host, claimedUser(claim));
    this.#known.set(client, { proof, isCounted: true });
  }

  /** It was refused. Milliseconds to wait before the client hears of it. */
  failed({ exchange, proof, claim, startedAt }: Try): number {
    const { clock, guard, claimedUser } = this.#parts;
    const { client } = exchange;
    if (this.isKnown(client, proof)) this.#known.delete(client);
    const waitMs = guard.failed(client.session.client.host, claimedUser(claim), claim);
    return Math.max(0, waitMs - (clock.now() - startedAt));
  }

  /** The gateway itself has refused it: counts, logs, and waits as long as the client has to. */
  async refuse(attempt: Try, failure: Failure): Promise<void> {
    const { clock } = this.#parts;
    const slowed = isGuess(failure) ? this.failed(attempt) : 0;
    this.tell(attempt.exchange, attempt.claim, failure);
    await sleep(clock, Math.max(slowed, failure.waitMs - (clock.now() - attempt.startedAt)));
  }

  /** Writes a failed login down, as in mail. */
  tell({ client, request }: Exchange, claim: Credentials, failure: Failure): void {
    const { logger, claimedUser } = this.#parts;
    logger.info("login failed", {
      session: client.session.id,
      request: request.id,
      user: claimedUser(claim) || undefined,
      client: client.session.client.host,
      kind: failure.kind,
      reason: failure.message,
    });
  }

  /** A backend has said 401: from now on a good answer of this folder is worth something. */
  asked(request: HttpRequest, leg: Leg): void {
    const folder = folderOf(request, leg);
    if (this.#asking.has(folder)) return;
    this.#asking.add(folder);
    const [oldest] = this.#asking;
    if (this.#asking.size > MAX_FOLDERS && oldest !== undefined) this.#asking.delete(oldest);
  }

  /** The backend's status to this login. Milliseconds to wait before the client hears it. */
  answered(attempt: Try, status: number, fields: Fields, leg: Leg): number {
    const { client, request } = attempt.exchange;
    if (status === 401) {
      // Digest: the login is to be made anew, and nobody knows yet whether it was right.
      return isStale(fields) ? 0 : this.failed(attempt);
    }
    const isGood = status >= 200 && status < 300;
    const known = this.#known.get(client);
    if (known?.proof === attempt.proof && (known.isCounted || !isGood)) return 0;
    if (isGood && this.#asking.has(folderOf(request, leg))) this.succeeded(client, attempt.proof, attempt.claim);
    else if (isGood) this.#known.set(client, { proof: attempt.proof, isCounted: false });
    return 0;
  }
}

const isStale = (fields: Fields): boolean => allOf(fields, "www-authenticate").some((value) => /\bstale="?true/i.test(value));

function folderOf({ method, target }: HttpRequest, leg: Leg): string {
  const query = target.indexOf("?");
  return `${legText(leg)} ${method} ${query === -1 ? target : target.slice(0, query)}`;
}
