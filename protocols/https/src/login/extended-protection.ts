// Extended Protection: a server that binds NTLM to the TLS channel refuses logins through a gateway with another certificate,
// with nothing but one more 401. Two different users who are refused behind a complete last message, and none who gets in
// between, are no slips any more: the log says once an hour and backend what can be done. Never throws; keeps no names.

import { legText, type Clock, type Leg, type Logger } from "@postern/contracts";

interface Suspicion {
  /** A keyed hash of the first one who was refused. */
  who: string | undefined;
  toldAt: number | undefined;
}

const HOUR = 3_600_000;

export const EXTENDED_PROTECTION_HINT =
  "several users were refused behind a complete NTLM login; if their passwords are right, the backend has Extended Protection: " +
  "give this listener the backend's own certificate and key, pass TLS through untouched (a passthrough listener), or let the " +
  "gateway check logins (authentication: edge)";

export class ExtendedProtection {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #nameOf: (user: string) => string;
  /** By backend: as many as there are in the configuration, and those that route sources name. */
  readonly #suspicions = new Map<string, Suspicion>();

  constructor(clock: Clock, logger: Logger, nameOf: (user: string) => string) {
    this.#clock = clock;
    this.#logger = logger;
    this.#nameOf = nameOf;
  }

  /** A last message of NTLM, complete, and what the backend said to it. */
  answered(leg: Leg, user: string, isRefused: boolean): void {
    const key = legText(leg);
    const suspicion = this.#suspicions.get(key) ?? { who: undefined, toldAt: undefined };
    this.#suspicions.set(key, suspicion);
    const who = this.#nameOf(user);
    if (!isRefused) suspicion.who = undefined;
    else if (suspicion.who === undefined) suspicion.who = who;
    else if (suspicion.who !== who) this.#tell(leg, suspicion);
  }

  #tell(leg: Leg, suspicion: Suspicion): void {
    const now = this.#clock.now();
    if (suspicion.toldAt !== undefined && now - suspicion.toldAt < HOUR) return;
    suspicion.toldAt = now;
    this.#logger.warn("logins are refused", { backend: leg.backend, reason: EXTENDED_PROTECTION_HINT });
  }
}
