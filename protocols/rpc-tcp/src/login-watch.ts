// Watches a login that passes by: who the client says it is, where NTLM says it in clear (auth3 or alter_context, [MS-RPCE] section
// 3.3.1.5.2), and that the backend has believed it. A name is a claim until then: anybody can write one, and must not take the
// places of the user whose name it is. Kerberos says nothing. One login counts for each connection: the first. Never throws but for
// a PDU that cannot be read: Failure syntax.

import { normaliseUser } from "@postern/contracts";
import { AUTH_LEVELS, authTrailerOf, ntlmUserOf, PDU_TYPES, type NtlmUser } from "@postern/dcerpc";

export interface LoginEvents {
  /** The client claims to be this user. */
  claimed(user: string): void;
  /** The backend works for it. `isProven`: as this user and nobody else. */
  answered(user: string, isProven: boolean): void;
}

export class LoginWatch {
  readonly #defaultDomain: string | undefined;
  readonly #events: LoginEvents;
  /** Its answers are not protected: servers may answer strangers in the same way. */
  readonly #isUnprotected: boolean;
  #context: number | undefined;
  #user: string | undefined;
  /** The client has said its last word. */
  #isSaid = false;
  /** There is another login: whose a protected answer is, cannot be told from outside. */
  #isDoubtful = false;
  #isAnswered = false;

  constructor(bind: Buffer, defaultDomain: string | undefined, events: LoginEvents) {
    this.#defaultDomain = defaultDomain;
    this.#events = events;
    const trailer = authTrailerOf(bind);
    this.#context = trailer?.context;
    this.#isUnprotected = trailer?.level === AUTH_LEVELS.connect;
  }

  /** An auth3 or alter_context of the client. */
  see(pdu: Buffer): void {
    const trailer = authTrailerOf(pdu);
    if (trailer === undefined) return;
    this.#context ??= trailer.context;
    const named = ntlmUserOf(trailer.token);
    const user = named && normaliseUser(nameOf(named), this.#defaultDomain);
    this.#isDoubtful ||= this.#isSaid || trailer.context !== this.#context;
    this.#isSaid ||= user !== undefined || pdu[2] === PDU_TYPES.auth3;
    if (user === undefined || this.#user !== undefined) return;
    this.#user = user;
    this.#events.claimed(user);
  }

  /** A PDU of the backend has begun. A response under the login's protection believes it; where there is none, it may. */
  answered(type: number, authLength: number): void {
    if (this.#user === undefined || this.#isAnswered || type !== PDU_TYPES.response) return;
    if (authLength === 0 && !this.#isUnprotected) return;
    this.#isAnswered = true;
    this.#events.answered(this.#user, authLength > 0 && !this.#isDoubtful);
  }
}

/** A DNS domain makes it the name of mail; a short one (NetBIOS) is no name that mail knows. */
function nameOf({ user, domain }: NtlmUser): string {
  return !user.includes("@") && domain.includes(".") ? `${user}@${domain}` : user;
}
