// Somebody whom the gateway has let in, by whatever door: what each backend sees of the login, and what becomes of one that a
// backend does not take. Failure: as present.ts.

import { Failure, wipe, type Leg, type Route } from "@postern/contracts";
import { isGuess } from "@postern/core";
import type { Fields } from "@postern/http";
import type { Admission, HttpsParts } from "../parts.ts";
import { isOurLogin, notLetIn, presented, type Checked } from "./present.ts";
import type { Tally, Try } from "./tally.ts";

export interface Seat {
  readonly checked: Checked;
  /** undefined: a login that holds for the connection, or for a session, and that nobody can have guessed. */
  readonly attempt: Try | undefined;
  readonly answerFields: Fields;
  /** Who it is that asks. */
  readonly exchange: Try["exchange"];
  /** Tells the client that its login is not taken. */
  readonly turnAway: (failure: Failure) => void;
}

export class Seated implements Admission {
  readonly #parts: HttpsParts;
  readonly #tally: Tally;
  readonly #seat: Seat;
  #leg: Leg | undefined;

  constructor(parts: HttpsParts, tally: Tally, seat: Seat) {
    this.#parts = parts;
    this.#tally = tally;
    this.#seat = seat;
  }

  get identity(): Checked["identity"] {
    return this.#seat.checked.identity;
  }

  get credentials(): Checked["credentials"] {
    return this.#seat.checked.credentials;
  }

  get answerFields(): Fields {
    return this.#seat.answerFields;
  }

  present(leg: Leg, fields: Fields, login?: Route["login"]): Promise<Fields> {
    this.#leg = leg;
    return presented(this.#parts, leg, fields, this.#seat.checked, this.#seat.exchange.client.session, login);
  }

  answered(status: number, fields: Fields = []): number {
    const { attempt, exchange } = this.#seat;
    // What the gateway has checked itself was counted then.
    if (this.#leg === undefined || attempt === undefined || this.identity.proven) return 0;
    if (status === 401) this.#tally.asked(exchange.request, this.#leg);
    return this.#tally.answered(attempt, status, fields, this.#leg);
  }

  refused(leg: Leg): "answered" | Failure {
    const { checked, exchange, turnAway } = this.#seat;
    if (isOurLogin(this.#parts, leg, checked)) return notLetIn(leg, checked.identity);
    const failure = new Failure("wrong-credentials", `${leg.backend} does not take this login`);
    this.#tally.tell(exchange, checked.credentials, failure);
    turnAway(failure);
    return "answered";
  }

  async unrouted(failure: Failure): Promise<"answered" | Failure> {
    const { attempt, turnAway } = this.#seat;
    if (this.identity.proven || attempt === undefined || !isGuess(failure)) return failure;
    await this.#tally.refuse(attempt, failure);
    turnAway(failure);
    return "answered";
  }

  release(): void {
    wipe(this.credentials);
    this.#seat.attempt?.turn.over();
    if (this.#seat.attempt !== undefined) wipe(this.#seat.attempt.claim);
  }
}
