// A client's connection in HTTP/2, over node:http2 (RFC 9113, RFC 8441): each of its streams is handed to the house as an Exchange.
// Nothing of a login is kept for it, as requests of several users may come interleaved. It never throws; a handler that breaks
// its word is logged, and its stream reset.

import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { Failure, type Session } from "@postern/contracts";
import { HttpProblem } from "@postern/http";
import type { HttpRequest } from "../exchange.ts";
import { Client } from "./client.ts";
import { reasonOf } from "./http1-problem.ts";
import { Http2Answer } from "./http2-answer.ts";
import { Http2Body } from "./http2-body.ts";
import { readStream } from "./http2-request.ts";
import { sessionOptions, WINDOW } from "./http2-settings.ts";
import type { FrontHouse } from "./house.ts";
import { Progress } from "./progress.ts";

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_INTERNAL_ERROR } = constants;

/** One request that is being served. */
interface Current {
  readonly stream: ServerHttp2Stream;
  readonly answer: Http2Answer;
  readonly body: Http2Body | undefined;
  readonly progress: Progress;
}

export class Http2Client extends Client {
  readonly isShared = true;
  readonly #h2: ServerHttp2Session;
  readonly #serving = new Set<Current>();
  /** When the last stream ended. */
  #idleSince: number;
  #broken: Error | undefined;

  /** `socket` is not destroyed: node:http2 takes its handle. */
  constructor(socket: Socket, session: Session, house: FrontHouse) {
    super(socket, session, house);
    this.#idleSince = house.clock.now();
    // As tls.Server does it behind its handshake; until then node:http2 waits for one.
    if (session.tls !== undefined) Reflect.set(socket, "secureConnecting", false);
    // A socket that was paused from its first byte on has not begun to read yet.
    socket.read(0);
    this.#h2 = performServerHandshake(socket, sessionOptions(house.settings));
    this.#h2.setLocalWindowSize(WINDOW);
    this.#h2.on("stream", this.#onStream as never);
    this.#h2.on("error", this.#onError);
    this.#h2.on("close", this.#onClose);
    socket.on("error", this.#onError);
    // The house's sockets are half-open; a client that sends FIN has left.
    socket.on("end", () => this.cut());
    this.open();
  }

  get owes(): boolean {
    return this.#serving.size > 0;
  }

  override cut(): void {
    this.#h2.destroy();
  }

  look(now: number): void {
    const { idle, bodyTimeout } = this.house.settings;
    if (this.#serving.size === 0 && now - this.#idleSince >= idle) {
      if (this.isEnding) this.cut();
      else this.end("idle", undefined);
      return;
    }
    for (const current of this.#serving) {
      if (current.progress.standsFor(markOf(current), now) >= bodyTimeout) current.stream.close(NGHTTP2_CANCEL);
    }
  }

  protected leave(): void {
    if (!this.#h2.closed) this.#h2.close();
  }

  #serve(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    const { handler, settings } = this.house;
    const count = this.count();
    if (count >= settings.requestsPerConnection) this.closeSoon();
    const { length, waitsForContinue, ...read } = readStream(raw, settings);
    const hasBody = (flags & NGHTTP2_FLAG_END_STREAM) === 0 && read.upgrade === undefined;
    const body = hasBody ? new Http2Body(stream, length, waitsForContinue) : undefined;
    const request: HttpRequest = { id: `${this.session.id}.${count}`, ...read, version: "2", body };
    const answer = new Http2Answer(stream, read.method, () => body?.isComplete === false);
    const current: Current = { stream, answer, body, progress: new Progress() };
    stream.on("drain", () => answer.onDrain?.());
    stream.on("close", () => {
      answer.gone();
      body?.fail(new Failure("client-gone", "The client gave the request up"));
    });
    this.#serving.add(current);
    handler({ request, answer, client: this }).then(
      () => this.#settled(current, request.id),
      (error: unknown) => this.#settled(current, request.id, error),
    );
  }

  #settled(current: Current, request: string, defect?: unknown): void {
    this.#serving.delete(current);
    if (this.#serving.size === 0) this.#idleSince = this.house.clock.now();
    if (defect !== undefined || !current.answer.isOver) {
      const error = defect ?? new Error("A request was left without an answer, or with half of it");
      this.house.logger.error("a request could not be served", { session: this.session.id, request, error });
      if (current.answer.status === undefined) tell(current.stream, new HttpProblem(500, "the gateway failed"));
      else current.answer.cut();
    }
    if (this.isClosed && this.#serving.size === 0) this.finish();
  }

  readonly #onStream = (stream: ServerHttp2Stream, _headers: unknown, flags: number, raw: readonly string[]): void => {
    // What went wrong with a stream, its end tells.
    stream.on("error", () => {});
    try {
      this.#serve(stream, flags, raw);
    } catch (error) {
      if (error instanceof HttpProblem) return tell(stream, error);
      this.house.logger.error("a request could not be served", { session: this.session.id, error });
      stream.close(NGHTTP2_INTERNAL_ERROR);
    }
  };

  readonly #onError = (error: Error): void => {
    this.#broken ??= error;
  };

  readonly #onClose = (): void => {
    this.session.bytesIn = this.socket.bytesRead;
    this.session.bytesOut = this.socket.bytesWritten;
    this.closed(this.#broken);
    if (this.#serving.size === 0) this.finish();
  };
}

/** A number that changes while the client gets on; undefined: it waits for us. */
function markOf({ stream, body }: Current): number | undefined {
  if (stream.writableLength > 0) return -stream.writableLength;
  return body?.isFlowing === true ? body.given : undefined;
}

/** What the front itself answers: short, and the end of the stream. */
function tell(stream: ServerHttp2Stream, { status, message }: HttpProblem): void {
  if (stream.closed || stream.destroyed || stream.headersSent) return;
  stream.respond({ ":status": status, "content-type": "text/plain; charset=us-ascii" });
  stream.end(`${status} ${reasonOf(status)}: ${message}\n`);
  if (!stream.readableEnded) stream.close();
}
