// Logins that pass through: the backend asks, and the client's Authorization goes on as it is. The guard is asked before, and
// told afterwards. Over HTTP/2, where users share a connection, a login that belongs to a connection is sent back to HTTP/1.1.
// Failure: too-many-failures, plaintext-refused, backend-plaintext; syntax for two logins in one request.

import { Failure, wipe, type Leg } from "@postern/contracts";
import { allOf, firstOf, type Fields } from "@postern/http";
import type { Soon } from "../backends.ts";
import type { Exchange } from "../exchange.ts";
import type { Admission, HttpsParts } from "../parts.ts";
import { claimOf } from "./claim.ts";
import { needsOwnConnection, schemeOf } from "./connection-bound.ts";
import { ExtendedProtection } from "./extended-protection.ts";
import { requireSafeClient, requireSafeLeg } from "./plaintext.ts";
import type { Tally, Try } from "./tally.ts";

export interface Pass {
  /** undefined: it was answered. */
  admit(exchange: Exchange): Soon<Admission | undefined>;
}

/** The proof in them is made for one challenge: it may be seen. */
const SAFE_IN_CLEAR: ReadonlySet<string> = new Set(["ntlm", "negotiate", "digest"]);

export function createPass(parts: Pick<HttpsParts, "clock" | "logger">, tally: Tally): Pass {
  const protection = new ExtendedProtection(parts.clock, parts.logger, (user) => tally.nameOf(user));

  return {
    admit(exchange) {
      const { client, request, answer } = exchange;
      const authorization = firstOf(request.fields, "authorization");
      if (authorization === undefined) return new Passing(exchange, false, undefined, tally, protection);
      if (needsOwnConnection(client.isShared, request.fields)) {
        answer.requireHttp11();
        return undefined;
      }
      // A backend that reads the other one would let guesses by that the guard does not see.
      if (allOf(request.fields, "authorization").length > 1) throw new Failure("syntax", "Authorization: more than one");
      const isSecret = !SAFE_IN_CLEAR.has(schemeOf(authorization));
      if (isSecret) requireSafeClient(client.session, "a login");
      const claim = claimOf(authorization);
      const passing = (attempt?: Try): Admission => new Passing(exchange, isSecret, attempt, tally, protection);
      if (claim === undefined) return passing();
      const attempt = tally.begin(exchange, tally.nameOf(authorization), claim);
      return attempt instanceof Promise ? attempt.then(passing) : passing(attempt);
    },
  };
}

class Passing implements Admission {
  readonly identity = undefined;
  readonly credentials = undefined;
  readonly answerFields: Fields = [];
  readonly #exchange: Exchange;
  readonly #isSecret: boolean;
  readonly #attempt: Try | undefined;
  readonly #tally: Tally;
  readonly #protection: ExtendedProtection;
  #leg: Leg | undefined;

  constructor(exchange: Exchange, isSecret: boolean, attempt: Try | undefined, tally: Tally, protection: ExtendedProtection) {
    this.#exchange = exchange;
    this.#isSecret = isSecret;
    this.#attempt = attempt;
    this.#tally = tally;
    this.#protection = protection;
  }

  present(leg: Leg, fields: Fields): Fields {
    if (this.#isSecret) requireSafeLeg(leg);
    this.#leg = leg;
    return fields;
  }

  answered(status: number, fields: Fields = []): number {
    const leg = this.#leg;
    if (leg === undefined) return 0;
    const attempt = this.#attempt;
    if (status === 401) this.#tally.asked(this.#exchange.request, leg);
    if (attempt === undefined) return 0;
    if (attempt.claim.mechanism === "NTLM") this.#protection.answered(leg, attempt.claim.authcid, status === 401);
    return this.#tally.answered(attempt, status, fields, leg);
  }

  refused(): undefined {
    return undefined;
  }

  /** No source has seen the login: the backend asks for it. */
  async unrouted(failure: Failure): Promise<Failure> {
    return failure;
  }

  release(): void {
    this.#attempt?.turn.over();
    if (this.#attempt !== undefined) wipe(this.#attempt.claim);
  }
}
