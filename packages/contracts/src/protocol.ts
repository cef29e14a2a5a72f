// What a protocol must provide: a small value, not a subclass. The path (core/src/path.ts) calls it and knows no
// protocol's words; each protocol is two halves, front.ts to the client and back.ts to the backend.

import type { Socket } from "node:net";
import type { BackendCredentials, Credentials } from "./credentials.ts";
import type { BackendDialogue, ClientDialogue } from "./dialogue.ts";
import type { Ending } from "./endings.ts";
import type { Failure } from "./failures.ts";
import type { Leg, LegTls } from "./route.ts";
import type { Session } from "./session.ts";
import type { Fields } from "./settings.ts";
import type { MechanismFactory } from "./mechanism.ts";
import type { Proofs } from "./proofs.ts";
import type { Logger } from "./logger.ts";

/** One try to log in, and what its answer needs (a tag). */
export interface Attempt {
  readonly credentials: Credentials;
  /** The client's handle for the answer; "" where the protocol has none. */
  readonly tag: string;
  /** Lets the client see a last SASL challenge before a no (RFC 7628): writes it and waits for the client's dummy response. */
  readonly lastChallenge?: (challenge: Buffer) => Promise<void>;
  /**
   * Milliseconds that the attempt has taken: it was held back because of guesses before it, and its proof was checked. They
   * are part of its delay.
   */
  readonly heldMs?: number;
}

/** What the backend said when it let us in. */
export interface Welcome {
  /** Lines to send to the client before the final answer, complete with CRLF; "" for none. */
  readonly before: string;
  /** The words of the final answer after its status word: "[CAPABILITY …] Logged in". */
  readonly text: string;
}

/** A mechanism on a listener; `live`: the backend checks its exchange. */
export interface OfferedMechanism extends MechanismFactory {
  readonly live?: boolean;
}

/** What a protocol gets to know of the gateway. */
export interface ProtocolContext {
  readonly hostname: string;
  /** The protocol's name among GSS-API services. */
  readonly service: string;
  /** The protocol's own settings, typed by its settings table. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Mechanisms offered on this listener, in order. */
  readonly mechanisms: readonly OfferedMechanism[];
  /** What they may ask the verifiers. */
  readonly proofs: Proofs;
  /** STARTTLS can be offered: the listener has it and a certificate is there. */
  readonly canStartTls: boolean;
  /** The largest literal before login, bytes. */
  readonly maxLiteral: number;
  /** Error budget before login. */
  readonly maxErrors: number;
  /**
   * What the backends of this protocol offer, one list each (LineProtocol.features); undefined while one of them may be
   * dialled that was never asked.
   */
  readonly backendFeatures?: () => readonly (readonly string[])[] | undefined;
  readonly logger: Logger;
  /**
   * Waits, in an exchange that the gateway checks itself, for as long as a guesser at this name (as the client sent it) has
   * to; how many milliseconds that was. Failure: too-many-failures. The path (core/src/path.ts) gives it.
   */
  readonly holdBack?: (claimed: string) => Promise<number>;
}

/** What all protocols have: enough to read a configuration, to listen, and to ask a backend how it is. */
export interface Protocol {
  readonly name: string;
  /** Its front lets applications in without a login, where a listener says so (ListenerInfo.applications). */
  readonly admits?: boolean;
  /** Its clients do not log in, and no credentials cross its legs. */
  readonly withoutLogin?: boolean;
  readonly ports: { readonly plain: number; readonly implicit: number };
  /** What its listeners can have of TLS; the first is what they have by themselves. Otherwise all, by the port. */
  readonly tls?: readonly ("none" | "starttls" | "implicit")[];
  /** Its clients come by the listeners of this other protocol: it has none of its own. */
  readonly guestOf?: string;
  /** It goes to the legs of this other protocol and works by its settings: it has neither of its own. */
  readonly legs?: string;
  /** Its settings name the backends: no route source is asked, and not every backend has to serve it. */
  readonly withoutRoutes?: boolean;
  /**
   * Backends that its settings name for themselves, whoever asks: nobody's mailbox is there. Settings of the configuration that
   * are broken are undefined.
   */
  readonly ownBackends?: (settings: Readonly<Record<string, unknown>>) => readonly string[];
  /** Its backends say nothing before they are asked: a probe that asks nothing is content to be connected. */
  readonly isSilent?: boolean;
  /** ALPN names; a client that offers others only is refused in the handshake. */
  readonly alpn: readonly string[];
  /** Backend URL schemes and what they mean. */
  readonly schemes: Readonly<Record<string, { readonly tls: LegTls; readonly port: number }>>;
  readonly settings: Fields;
  /**
   * Asks a backend, behind its greeting and without a login, what it offers: short lines in the protocol's words. For
   * protocols whose front must say so before the client's own backend is known. Failures as of a login.
   */
  features?(
    backend: BackendDialogue,
    leg: Leg,
    hostname: string,
    settings: Readonly<Record<string, unknown>>,
  ): Promise<readonly string[]>;
}

/** A client logs in, is joined to its own backend, and from then on every byte is relayed. */
export interface LineProtocol extends Protocol {
  /** Its name among GSS-API services (RFC 4752, RFC 4559). */
  readonly service: string;
  /** Greeting (once) and dialogue until there are credentials; undefined when the client said goodbye. */
  converse(client: ClientDialogue, session: Session, context: ProtocolContext): Promise<Attempt | undefined>;
  /** Our dialogue with the backend up to its yes. Throws the backend's no as a Failure with `said`. */
  login(
    backend: BackendDialogue,
    credentials: BackendCredentials,
    session: Session,
    leg: Leg,
    context: ProtocolContext,
  ): Promise<Welcome>;
  /** Tells the client that it is in. */
  accept(client: ClientDialogue, attempt: Attempt, welcome: Welcome): void;
  /** Tells the client why not; `attempt` is undefined when nothing was asked yet. */
  refuse(client: ClientDialogue, failure: Failure, attempt: Attempt | undefined): void;
  /** Last words between two complete answers of a relayed session (drain, kick, idle). */
  farewell(failure: Failure): string;
}

/** What the path gives a hosted protocol for one client. */
export interface HostDoors {
  /** Puts TLS on a plain, paused socket with nothing unread, and notes it in the session; undefined: not offered here. */
  readonly secure: ((plain: Socket) => Promise<Socket>) | undefined;
  /** Adds to the session's wire trace, secrets masked; undefined: nobody traces. */
  readonly trace: ((direction: "C" | "S" | "G" | "B", text: string) => void) | undefined;
}

export interface HostedEnd {
  readonly ending: Ending;
  readonly reason: string | undefined;
  readonly failure?: Failure;
}

/** A client that a hosted protocol serves. */
export interface Hosted {
  /** Settles when the client is gone and all that was held for it is given back. Never rejects. */
  readonly over: Promise<HostedEnd>;
  /** Something is being done for the client, and it waits for the answer. */
  readonly owes: boolean;
  /** Bytes so far, while all that is done is to copy: whoever moves none for the idle limit is ended. undefined: it watches itself. */
  readonly bytes?: number | undefined;
  /** It copies, and one side has closed. */
  readonly halfClosed?: boolean;
  /** Ends it: the client is told `failure` in the protocol's words as soon as no answer is owed, or nothing. */
  end(ending: Ending, failure: Failure | undefined): void;
  /** Cuts it. */
  cut(): void;
}

/**
 * A protocol that answers its clients itself for as long as they stay, and goes to backends by what is asked of it: a
 * connection is nobody's in particular. It is built for one configuration, with what it needs.
 */
export interface HostedProtocol extends Protocol {
  /** Takes over a paused socket behind PROXY header and TLS (where the listener begins with it). */
  host(socket: Socket, session: Session, doors: HostDoors): Hosted;
  /** What a client is told that is not taken in, in the protocol's words; "" for nothing. */
  refusal(failure: Failure): string;
  /** Gives back what it holds between clients: pooled connections. */
  close(): void;
}
