// The words between the rooms of this package. A front (front/) reads requests from a client, in HTTP/1.1 or HTTP/2, and
// hands each to serve.ts as an Exchange; serve.ts asks the other rooms in turn: services/ (which folder), login/ (who is
// there), hints/ (who is asked for), back/ (a connection to a backend), answers/ (what the gateway says itself).

import type { Duplex } from "node:stream";
import type {
  Authenticator,
  BackendLogin,
  ChannelBindings,
  Clock,
  Credentials,
  Failure,
  Health,
  Identity,
  Leg,
  Logger,
  LoginGuard,
  Route,
  Router,
  Session,
} from "@postern/contracts";
import type { Lending } from "@postern/core";
import type { AnswerHead, ConnectionAuth, Fields, Scheme } from "@postern/http";
import type { HttpsSettings } from "./settings.ts";

/** Handed in by the gateway for one configuration. */
export interface HttpsParts {
  readonly hostname: string;
  readonly defaultDomain: string | undefined;
  readonly settings: HttpsSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly authenticator: Authenticator;
  readonly loginAt: (leg: Leg) => BackendLogin;
  /** Whose secret a client claims to have, normalised; "" when it is no name. */
  readonly claimedUser: (credentials: Pick<Credentials, "authcid">) => string;
  readonly guard: LoginGuard;
  readonly router: Router;
  readonly health: Health;
  /** The web legs of all backends, by the backend's name, in the order of the configuration. */
  readonly legs: ReadonlyMap<string, Leg>;
  /** The schemes that can be offered at the edge, strongest first. */
  readonly schemes: readonly Scheme[];
  /** 32 bytes, the same on all nodes: what cookies are sealed with is derived from it. */
  readonly secret: Buffer;
  /** What clients can connect to, for answers to Autodiscover and autoconfig. */
  readonly endpoints: readonly Endpoint[];
  /** There is a listener for https: nobody has to do without TLS. */
  readonly hasTls: boolean;
}

/** What is there at once most of the time, and is not waited for then. */
export type Soon<T> = T | Promise<T>;

/** A listener as a mail app is told about it. */
export interface Endpoint {
  /** "imap", "pop3", "submission", "smtp", "https", "http". */
  readonly protocol: string;
  readonly port: number;
  readonly tls: "none" | "starttls" | "implicit";
}

/** One client's connection, from its first request to its end. */
export interface ClientConnection {
  readonly session: Session;
  /** Requests of several users may come interleaved (HTTP/2): nothing is kept for the connection. */
  readonly isShared: boolean;
  /** Connections to backends that serve this client's connection alone (NTLM, Negotiate), by legText. They end with it, and it with them. */
  readonly pinned: Map<string, BackConnection>;
  /** Of the client's TLS channel (channelBinding of net); undefined: there is none to be had. */
  readonly bindings?: ChannelBindings;
  /** The login state at the edge; made when it is first asked for. undefined on shared connections. */
  auth: ConnectionAuth | undefined;
  /** No further request is taken: the connection ends behind the answer under way. */
  closeSoon(): void;
  /** Cuts it at once. */
  cut(): void;
  /** Called once, when the connection is gone. */
  whenClosed(listener: () => void): void;
}

/** A request as the front has read it: checked, its target in origin-form. */
export interface HttpRequest {
  /** Unique, printable: the session's id and a number. */
  readonly id: string;
  readonly method: string;
  /** Path and query as sent, from "/"; or "*" for OPTIONS. */
  readonly target: string;
  /** The host that was asked for, in small letters, without the port; "" where HTTP/1.0 gave none. */
  readonly host: string;
  /** As sent, with its port: for the backend, and for redirects. */
  readonly authority: string;
  readonly version: "1.0" | "1.1" | "2";
  /** As they came; hop-by-hop fields still in them. HTTP/2: without pseudo-fields, with one Cookie. */
  readonly fields: Fields;
  /** undefined: there is none, and none was announced. */
  readonly body: RequestBody | undefined;
  /** The protocol of an Upgrade (or of an extended CONNECT, RFC 8441), in small letters: "websocket". */
  readonly upgrade: string | undefined;
}

/**
 * Who takes a body, piece by piece. A piece may lie in a large buffer that is lent: `lent` comes with the last piece of each read.
 * Who hands the pieces on to a socket gives it back when that one is written; who does not costs memory, and nothing else.
 */
export interface BodySink {
  /** False: no more until resume() is called. */
  data(chunk: Buffer, lent?: Lending): boolean;
  /** It is complete. */
  end(trailers: Fields): void;
  /** It will not be complete: the client is gone, or sent what is no HTTP. */
  broken(failure: Failure): void;
}

/** The body of a request on its way in. It flows once somebody has begun to take it; until then nothing is read from the client. */
export interface RequestBody {
  /** Bytes; undefined: not known before its end. */
  readonly length: number | undefined;
  /** Bytes that were given to a sink so far. */
  readonly given: number;
  readonly isComplete: boolean;
  /** Somebody takes it: it cannot begin again. */
  readonly isStarted: boolean;
  /** Begins; the client is told 100 Continue where it waits for that. Once. */
  start(sink: BodySink): void;
  resume(): void;
}

/** The answer on its way out to the client. */
export interface Answer {
  /** The status that was sent; undefined while nothing was. */
  readonly status: number | undefined;
  /** Bytes of the body so far. */
  readonly bytes: number;
  /** Nothing more can be said: it is complete, or cut, or the client has left. */
  readonly isOver: boolean;
  /** 102, 103: where the client's version of HTTP has them. 100 is the front's own. */
  inform(status: number, fields: Fields): void;
  /**
   * Sends the head. `length`: bytes of the body; undefined when it is not known: then the front frames it. `fields` hold no
   * hop-by-hop fields; Content-Length may stand in them (it does for HEAD and 304). Where there can be no body (HEAD, 204, 304),
   * end() follows.
   */
  begin(head: Pick<AnswerHead, "status" | "reason" | "fields">, length: number | undefined): void;
  /** Goes out at once. False: wait for onDrain. `lent`: as of a BodySink. */
  write(chunk: Buffer, lent?: Lending): boolean;
  end(trailers?: Fields): void;
  /** The answer cannot be completed: the client sees that it is not whole. */
  cut(): void;
  /**
   * HTTP/1.1 only: the request is to be sent again over HTTP/1.1 (HTTP_1_1_REQUIRED, RFC 9113 section 7), for logins that
   * belong to a connection. Over HTTP/1.1 this is a defect.
   */
  requireHttp11(): void;
  /** Says yes to an upgrade; from here on the connection (of HTTP/2: the stream) is the caller's, who reads it by readBy (core). `early`: bytes behind the request. */
  switch(head: Pick<AnswerHead, "status" | "reason" | "fields">): { readonly stream: Duplex; readonly early: Buffer };
  /** Set by whoever writes. */
  onDrain: (() => void) | undefined;
  /** The client left before the answer was complete. */
  onGone: (() => void) | undefined;
}

export interface Exchange {
  readonly request: HttpRequest;
  readonly answer: Answer;
  readonly client: ClientConnection;
}

/** Answers one request. Settles when the answer is complete or cut. Never rejects. */
export type Handler = (exchange: Exchange) => Promise<void>;

/** Which requests belong together, and how they are treated. One row of services/table.ts, with what the configuration changes. */
export interface Service {
  readonly name: string;
  /** Empty: any. In small letters; "*.example.com" is any name below. */
  readonly hosts: readonly string[];
  /** In small letters, without a slash at the end but for "/". They match whole segments in any case of letters. */
  readonly paths: readonly string[];
  /** Asked in this order. */
  readonly hints: readonly HintName[];
  readonly authentication: "pass" | "edge" | "forms";
  /** Its backends, whoever asks; empty: the user's own. */
  readonly backends: readonly string[];
  /** Who has no mailbox, or is not known yet, gets any backend that is up. */
  readonly isForAnybody: boolean;
  /** Milliseconds without a byte of the answer. */
  readonly idleMs: number;
  /** Bytes; 0: no limit. */
  readonly maxBody: number;
  /** How failures are told. */
  readonly refusals: "page" | "program" | "activesync" | "mapi";
  /** How a user who lives elsewhere is sent there; undefined: never, the request is proxied. */
  readonly redirects: "page" | "activesync" | "autodiscover" | undefined;
  /** A sealed cookie names the mailbox and its backend. */
  readonly hasAffinity: boolean;
  readonly hasHealthPage: boolean;
  /** What the gateway can answer itself, and when. */
  readonly own:
    | { readonly kind: "autodiscover" | "autoconfig" | "mobileconfig"; readonly when: "auto" | "backend" | "gateway" }
    | undefined;
}

/** Where it can be seen who is asked for. */
export type HintName =
  | "cookie"
  | "anchor-mailbox"
  | "mailbox-id"
  | "explicit-logon"
  | "activesync-user"
  | "autodiscover-body"
  | "basic"
  | "bearer"
  | "ntlm";

/** Who is asked for, as one hint says. */
export interface Hint {
  readonly from: HintName | "login";
  /** As it was found, before normalisation; undefined: nobody, but a backend. */
  readonly mailbox: string | undefined;
  /** The backend that served it last, by name: only the sealed cookie knows. */
  readonly backend?: string;
}

/** Who was let in at the edge, or passes through. */
export interface Admission {
  /** Checked at the edge; undefined: the backend asks. */
  readonly identity: Identity | undefined;
  /** Of the edge. Wiped by release(). */
  readonly credentials: Credentials | undefined;
  /** What stands in the answer: the last word of an exchange, a renewed cookie. */
  readonly answerFields: Fields;
  /**
   * The fields as this backend is to see them: the client's own Authorization, or what the leg's login makes of it. `login`: what
   * the route says of it. Failure: as of a login.
   */
  present(leg: Leg, fields: Fields, login?: Route["login"]): Promise<Fields>;
  /**
   * The backend has answered, with these fields: counts failed logins that only it can tell. Milliseconds to wait before the client
   * hears it.
   */
  answered(status: number, fields?: Fields): number;
  /**
   * Behind answered(401), when it has waited: who let this login in has the last word on it. "answered": the client was told at the
   * door. Failure: to be told in the service's words. undefined: the backend asks for the login itself, and its answer goes on.
   */
  refused(leg: Leg): "answered" | Failure | undefined;
  /** No route was found. A login that only a source has refused is a failed one. "answered": the client was told at the door. */
  unrouted(failure: Failure): Promise<"answered" | Failure>;
  release(): void;
}

/** Decides by a field's name in small letters. */
export type FieldFilter = (lower: string) => boolean;

/** What a backend is asked. */
export interface BackRequest {
  readonly method: string;
  readonly target: string;
  /** Complete but for the framing of the body, which the connection adds. */
  readonly fields: Fields;
  /** Milliseconds without a byte of the answer, once the request is out; 0: no limit. */
  readonly idleMs: number;
  /** An upgrade is asked for: 101 ends HTTP on this connection. */
  readonly isUpgrade: boolean;
  /** Trailers that are not passed on. */
  readonly isStripped: FieldFilter;
}

/** Who takes a backend's answer. Exactly one of end, failed, switched is the last call. */
export interface AnswerTaker {
  inform(status: number, fields: Fields): void;
  /** `length`: bytes of the body that follows; undefined: not known. The fields are as the backend sent them. */
  head(head: AnswerHead, length: number | undefined): void;
  /** False: no more until resume(). `lent`: as of a BodySink. */
  data(chunk: Buffer, lent?: Lending): boolean;
  end(trailers: Fields): void;
  /** No answer, or not all of it. `wasSent`: the backend may have seen the request, or part of it. */
  failed(failure: Failure, wasSent: boolean): void;
  /** `stream` is the taker's, paused, to be read by readBy (core). */
  switched(head: AnswerHead, stream: Duplex, early: Buffer): void;
}

/** A connection to a backend, for one request at a time. */
export interface BackConnection {
  readonly leg: Leg;
  /** It waited in the pool: that it has died meanwhile is no sign of a dead backend. */
  readonly isReused: boolean;
  /** It can take a request now. */
  readonly isFree: boolean;
  /** It belongs to one client's connection from now on: it never goes back to the pool. `whenClosed` is called once, when it is gone. */
  pin(whenClosed: () => void): void;
  /** Sends a request; behind its answer the connection goes back to the pool, unless it is pinned or either side ends it. */
  ask(request: BackRequest, body: RequestBody | undefined, taker: AnswerTaker): void;
  /** The taker can go on. */
  resume(): void;
  /** Hangs up: the taker hears nothing more. */
  drop(): void;
}

/** The connections to all backends. */
export interface Backs {
  /**
   * A connection that can take a request. `isFresh`: not one that waited. `answer`: when it is over, nobody wants the
   * connection any more. Failure: backend-unreachable, backend-silent, backend-tls, backend-busy, client-gone.
   */
  take(leg: Leg, session: Session, isFresh: boolean, answer?: Pick<Answer, "isOver">): Soon<BackConnection>;
  close(): void;
}
