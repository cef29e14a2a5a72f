// The body of one request on its way into a backend's socket, framed by its length or by chunks (RFC 9112 sections 6 and 7).
// Nothing of it goes out once it was stopped. A body that is longer or shorter than it was said to be is refused: what is
// behind it on the connection would be read as another request.

import type { Socket } from "node:net";
import { Failure } from "@postern/contracts";
import { Lent, type Lending } from "@postern/core";
import { chunkHead, LAST_CHUNK, lastChunk, withoutFields, type Fields } from "@postern/http";
import type { FieldFilter } from "../backends.ts";
import type { BodySink, RequestBody } from "../exchange.ts";

export interface SenderEvents {
  /** All of it was written. */
  sent(): void;
  /** It will never be. */
  broken(failure: Failure): void;
}

export class BodySender implements BodySink {
  readonly #socket: Socket;
  readonly #body: RequestBody;
  readonly #isStripped: FieldFilter;
  readonly #events: SenderEvents;
  readonly #length: number | undefined;
  readonly #lent = new Lent();
  #written = 0;
  #isOver = false;

  /** `isStripped`: trailers that do not go out. */
  constructor(socket: Socket, body: RequestBody, isStripped: FieldFilter, events: SenderEvents) {
    this.#socket = socket;
    this.#body = body;
    this.#isStripped = isStripped;
    this.#events = events;
    this.#length = body.length;
  }

  data(chunk: Buffer, lent?: Lending): boolean {
    if (this.#isOver) return false;
    // An empty chunk would be the last one.
    if (chunk.length === 0) return true;
    this.#written += chunk.length;
    if (this.#length === undefined) return this.#writeChunk(chunk, lent);
    if (this.#written > this.#length) {
      this.#refuse();
      return false;
    }
    return this.#write(chunk, lent);
  }

  end(trailers: Fields): void {
    if (this.#isOver) return;
    if (this.#length === undefined) this.#socket.write(this.#lastChunk(trailers), "latin1");
    else if (this.#written !== this.#length) return this.#refuse();
    this.#isOver = true;
    this.#events.sent();
  }

  broken(failure: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.broken(failure);
  }

  /** The socket has room again. */
  drained(): void {
    if (!this.#isOver) this.#body.resume();
  }

  stop(): void {
    this.#isOver = true;
  }

  #write(chunk: Buffer, lent: Lending | undefined): boolean {
    return lent === undefined ? this.#socket.write(chunk) : this.#socket.write(chunk, this.#lent.until(lent));
  }

  #writeChunk(chunk: Buffer, lent: Lending | undefined): boolean {
    const socket = this.#socket;
    socket.cork();
    socket.write(chunkHead(chunk.length), "latin1");
    this.#write(chunk, lent);
    const hasRoom = socket.write("\r\n", "latin1");
    socket.uncork();
    return hasRoom;
  }

  #lastChunk(trailers: Fields): string {
    return trailers.length === 0 ? LAST_CHUNK : lastChunk(withoutFields(trailers, this.#isStripped));
  }

  #refuse(): void {
    this.broken(new Failure("syntax", "The request's body is not as long as it was said to be"));
  }
}
