// The words between a front (front/), which reads requests from a client in HTTP/1.1 or HTTP/2, and what answers them: one
// Exchange for each request.

import type { Duplex } from "node:stream";
import type { ChannelBindings, Failure, Session } from "@postern/contracts";
import type { Lending } from "@postern/core";
import type { AnswerHead, ConnectionAuth, Fields, ReadyLines } from "@postern/http";
import type { BackConnection } from "./backends.ts";

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
  /** What backends are told of this client, for the host that was asked for last (told.ts). */
  told?: { readonly authority: string; readonly lines: ReadyLines };
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
  /** Milliseconds that it may stand still; the front's own limit until it is set. */
  patience?: number;
  /** Begins; the client is told 100 Continue where it waits for that. Once. */
  start(sink: BodySink): void;
  resume(): void;
}

/** What an answer's head says. `minor` 0: as HTTP/1.0, where a protocol wants that. */
export type SaidHead = Pick<AnswerHead, "status" | "reason" | "fields"> & { readonly minor?: 0 | 1 };

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
  begin(head: SaidHead, length: number | undefined): void;
  /** Goes out at once. False: wait for onDrain. `lent`: as of a BodySink. */
  write(chunk: Buffer, lent?: Lending): boolean;
  end(trailers?: Fields): void;
  /** The answer cannot be completed: the client sees that it is not whole. */
  cut(): void;
  /** It ends before its length: what was written still reaches the client, and then its connection ends. */
  leave(): void;
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
