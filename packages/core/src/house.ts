// What the path needs from the rest of the house: built once by the gateway, replaced as a whole when the configuration
// is reloaded. A session keeps the house that it was born in.

import type {
  Authenticator,
  BackendLogin,
  ConnectionLimits,
  Clock,
  Credentials,
  Ending,
  Failure,
  Health,
  HostedProtocol,
  Leg,
  LineProtocol,
  ListenerInfo,
  Logger,
  LoginGuard,
  ProtocolContext,
  Router,
  Session,
} from "@postern/contracts";
import type { ClientCertificatePolicy, ReadLimits, TlsServer } from "@postern/net";
import type { Registry } from "./registry.ts";

export interface LoginSettings {
  /** Milliseconds from accept to login. */
  readonly timeoutMs: number;
  readonly maxErrors: number;
  readonly limits: ReadLimits;
}

/** One session's wire trace; lines arrive with secrets masked. */
export interface SessionTrace {
  line(direction: "C" | "S" | "G" | "B", text: string): void;
  /** The user is known now: the trace is kept or dropped. */
  know(user: string): void;
  close(): void;
}

/** What wants to hear of sessions: the log, metrics. */
export interface Observer {
  opened(session: Session): void;
  /** A login was tried; `failure` is undefined when the client is in. */
  loggedIn(session: Session, failure: Failure | undefined): void;
  /** A backend was dialled, up to its first bytes and our login. */
  dialled(leg: Leg, ok: boolean): void;
  ended(session: Session, ending: Ending, failure: Failure | undefined, reason: string | undefined): void;
}

export interface House {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hostname: string;
  readonly authenticator: Authenticator;
  /** How the gateway logs in at a leg. */
  readonly loginAt: (leg: Leg) => BackendLogin;
  /** Whose secret a client claims to have, normalised; "" when it is no name. Failed logins are counted by it. */
  readonly claimedUser: (credentials: Pick<Credentials, "authcid">) => string;
  readonly router: Router;
  readonly health: Health;
  readonly limits: ConnectionLimits;
  readonly guard: LoginGuard;
  readonly registry: Registry;
  readonly observer: Observer;
  readonly login: LoginSettings;
  /** Milliseconds without a byte before a relayed session is ended. */
  readonly idleMs: (protocol: string) => number;
  readonly traceOf: (session: Session) => SessionTrace | undefined;
}

interface ListenerBase {
  readonly info: ListenerInfo;
  /** undefined: this listener has no TLS. Asked anew for each connection, so that a renewed certificate counts at once. */
  readonly tls: () => TlsServer | undefined;
  readonly clientCertificate: ClientCertificatePolicy;
  /** Peers that must send a PROXY header; nobody else may. */
  readonly sendsProxyHeader: (host: string) => boolean;
}

/** Whose clients log in and are relayed. */
export interface LineListener extends ListenerBase {
  readonly protocol: LineProtocol;
  readonly context: ProtocolContext;
}

/** Whose protocol answers by itself. */
export interface HostedListener extends ListenerBase {
  readonly protocol: HostedProtocol;
}

/** A listener as the path sees it. */
export type ListenerHouse = LineListener | HostedListener;
