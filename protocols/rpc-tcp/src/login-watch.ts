// Watches a login that passes by: who the client says it is, where NTLM says it in clear, and that the backend has believed it.
// A name is a claim until then: anybody can write one, and must not take the places of the user whose name it is. Kerberos says
// nothing. One login counts for each connection: the first. Never throws but for a PDU that cannot be read: Failure syntax.

import { normaliseUser } from "@postern/contracts";
import { AUTH_LEVELS, AUTH_TYPES, authTrailerOf, ntlmUserOf, PDU_TYPES, type NtlmUser } from "@postern/dcerpc";

export interface LoginEvents {
  /** The client claims to be this user. */
  claimed(user: string): void;
  /** The backend works for it. */
  believed(user: string): void;
}

/** A login is over after two or three PDUs; requests with trailers that come later only have signatures in them. */
const MOST_REQUESTS = 8;

export class LoginWatch {
  readonly #defaultDomain: string | undefined;
  readonly #events: LoginEvents;
  /** Without this login nothing is answered: the connection began with it. */
  readonly #isOnlyLogin: boolean;
  #requestsLeft = 0;
  #user: string | undefined;
  #isBelieved = false;

  constructor(bind: Buffer, defaultDomain: string | undefined, events: LoginEvents) {
    this.#defaultDomain = defaultDomain;
    this.#events = events;
    const trailer = authTrailerOf(bind);
    this.#isOnlyLogin = trailer?.level === AUTH_LEVELS.connect;
    if (trailer?.type === AUTH_TYPES.ntlm || trailer?.type === AUTH_TYPES.spnego) this.#requestsLeft = MOST_REQUESTS;
  }

  /** Could a request still say who is there? */
  get looksAtRequests(): boolean {
    return this.#requestsLeft > 0;
  }

  /** A PDU of the client that may have an auth trailer. */
  see(pdu: Buffer): void {
    if (pdu[2] === PDU_TYPES.request) this.#requestsLeft -= 1;
    const trailer = this.#user === undefined ? authTrailerOf(pdu) : undefined;
    const named = trailer === undefined ? undefined : ntlmUserOf(trailer.token);
    const user = named && normaliseUser(nameOf(named), this.#defaultDomain);
    if (user === undefined) return;
    this.#user = user;
    this.#requestsLeft = 0;
    this.#events.claimed(user);
  }

  /** A PDU of the backend has begun. A response under the login's protection, or one that nobody gets without it, believes it. */
  answered(type: number, authLength: number): void {
    if (this.#user === undefined || this.#isBelieved || type !== PDU_TYPES.response) return;
    if (authLength === 0 && !this.#isOnlyLogin) return;
    this.#isBelieved = true;
    this.#events.believed(this.#user);
  }
}

/** A DNS domain makes it the name of mail; a short one (NetBIOS) is no name that mail knows. */
function nameOf({ user, domain }: NtlmUser): string {
  return !user.includes("@") && domain.includes(".") ? `${user}@${domain}` : user;
}
