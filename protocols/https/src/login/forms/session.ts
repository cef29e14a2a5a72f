// The session of a browser that has logged in by the page, sealed in its cookie: who, since when, and on what computer. It holds
// the password where a backend has to see one with each request (login: relay), or where only a backend can tell whether it is
// right; nowhere else is it kept. It ends after so long without a request, and at the latest when its day is over; a new cookie
// is made at half the time. There is no list of sessions: who has copied a cookie can use it until then, logged out or not.
// Never throws for what came from outside.

import { Secret, type Clock, type Credentials } from "@postern/contracts";
import type { HttpsSettings } from "../../settings.ts";
import { createSealer, type Sealer } from "../../seal.ts";

export interface FormSession {
  /** The name as it was typed; where there is no password, the user that the gateway has found. */
  readonly user: string;
  /** Wiped by who uses it. undefined: it is not needed. */
  readonly password: Buffer | undefined;
  readonly isPrivate: boolean;
  /** Milliseconds of the wall clock, whole seconds: of the login, and of this cookie. */
  readonly startedAt: number;
  readonly issuedAt: number;
}

/** Bytes: a browser keeps no cookie above 4 kB. */
export const LONGEST_USER = 512;
export const LONGEST_PASSWORD = 1024;

/** It ends then, however busy it is. */
const LONGEST_PUBLIC_MS = 12 * 3_600_000;
const LONGEST_PRIVATE_MS = 7 * 86_400_000;
/** The clocks of nodes may differ. */
const CLOCKS_MS = 60_000;

const LABEL = "postern forms session";
const HEAD_BYTES = 11;
const PRIVATE = 1;
const WITH_PASSWORD = 2;

export class FormSessions {
  readonly #clock: Clock;
  readonly #settings: HttpsSettings["forms"];
  readonly #sealer: Sealer;

  constructor(secret: Buffer, settings: HttpsSettings["forms"], clock: Clock) {
    this.#clock = clock;
    this.#settings = settings;
    this.#sealer = createSealer(secret, LABEL);
  }

  /** The value of a cookie for a login of now. */
  begin({ user, password, isPrivate }: Pick<FormSession, "user" | "password" | "isPrivate">): string {
    const now = this.#clock.now();
    return this.#sealed({ user, password, isPrivate, startedAt: now, issuedAt: now });
  }

  /** undefined: it is none of ours, or over. */
  open(cookie: string): FormSession | undefined {
    const plain = this.#sealer.open(cookie);
    if (plain === undefined) return undefined;
    const session = parsed(plain);
    plain.fill(0);
    const now = this.#clock.now();
    const longest = session.isPrivate ? LONGEST_PRIVATE_MS : LONGEST_PUBLIC_MS;
    const isOver = now - session.issuedAt >= this.#idleOf(session) || now - session.startedAt >= longest;
    if (!isOver && session.issuedAt <= now + CLOCKS_MS) return session;
    session.password?.fill(0);
    return undefined;
  }

  /** The value of a new cookie, once half of the time is over. */
  renewed(session: FormSession): string | undefined {
    const now = this.#clock.now();
    if (now - session.issuedAt < this.#idleOf(session) / 2) return undefined;
    return this.#sealed({ ...session, issuedAt: now });
  }

  #idleOf({ isPrivate }: FormSession): number {
    return isPrivate ? this.#settings.privateIdle : this.#settings.publicIdle;
  }

  #sealed({ user, password, isPrivate, startedAt, issuedAt }: FormSession): string {
    const name = Buffer.from(user);
    const head = Buffer.alloc(HEAD_BYTES);
    head[0] = (isPrivate ? PRIVATE : 0) | (password === undefined ? 0 : WITH_PASSWORD);
    head.writeUInt32BE(Math.floor(startedAt / 1000), 1);
    head.writeUInt32BE(Math.floor(issuedAt / 1000), 5);
    head.writeUInt16BE(name.length, 9);
    const plain = Buffer.concat([head, name, password ?? Buffer.alloc(0)]);
    const sealed = this.#sealer.seal(plain);
    plain.fill(0);
    return sealed;
  }
}

/** What was sealed by us is whole. */
function parsed(plain: Buffer): FormSession {
  const flags = plain[0] ?? 0;
  const end = HEAD_BYTES + plain.readUInt16BE(9);
  return {
    user: plain.toString("utf8", HEAD_BYTES, end),
    password: (flags & WITH_PASSWORD) === 0 ? undefined : Buffer.from(plain.subarray(end)),
    isPrivate: (flags & PRIVATE) !== 0,
    startedAt: plain.readUInt32BE(1) * 1000,
    issuedAt: plain.readUInt32BE(5) * 1000,
  };
}

/** What the browser presents by its session. */
export function credentialsOf({ user, password }: FormSession): Credentials {
  const named = { mechanism: "FORM", authcid: user, authzid: "" };
  if (password !== undefined) return { kind: "password", ...named, secret: new Secret(password) };
  return { kind: "proven", ...named, user, secret: new Secret("") };
}
