// The relay: copies both ways between two sockets with half-close, back-pressure and byte counts. It knows no protocol.
// Nothing is allocated per session but this object: the handlers are shared functions that find it on the socket.
// Who reads the clock (idle limit) looks at `bytes` from outside; nothing here touches a timer per chunk.

import type { Socket } from "node:net";
import type { Ending } from "@postern/contracts";
import type { Connection } from "./connection.ts";
import { Lent, type Lending } from "./lending.ts";
import { flushReads, type Reader } from "./own-reads.ts";

const RELAY = Symbol("relay");

/** Bytes queued towards a peer before the other side is paused: little, so that they stay in the processor's cache. */
const HIGH_WATER = 128 * 1024;
const LF = 10;

interface Leg extends Socket {
  [RELAY]?: Relay;
}

export interface RelayEnd {
  readonly ending: Ending;
  /** The system's words when a connection broke. */
  readonly reason: string | undefined;
}

export class Relay implements Reader {
  bytesIn = 0;
  bytesOut = 0;
  /** Set when one side has sent FIN and the other may still talk. */
  halfClosed = false;
  /** The backend has said nothing since the client spoke: an answer may be under way. */
  clientWaits = false;
  #client: Leg;
  #backend: Leg;
  #lastToClient = LF;
  #ending: Ending | undefined;
  #reason: string | undefined;
  /** Large buffers on their way; only sessions that move bulk data have them. */
  #lentByClient: Lent | undefined;
  #lentByBackend: Lent | undefined;
  #done: (end: RelayEnd) => void;

  constructor(client: Connection, backend: Connection, done: (end: RelayEnd) => void) {
    this.#done = done;
    const fromClient = client.handOver(this);
    const fromBackend = backend.handOver(this);
    this.#client = client.socket;
    this.#backend = backend.socket;
    this.#client[RELAY] = this;
    this.#backend[RELAY] = this;
    attach(this.#client);
    attach(this.#backend);
    if (fromBackend.length > 0) this.#fromBackend(fromBackend);
    if (fromClient.length > 0) this.#fromClient(fromClient);
    if (client.ended) this.ended(this.#client);
    if (backend.ended) this.ended(this.#backend);
    this.#client.resume();
    this.#backend.resume();
    // No event will tell of sockets that were closed before.
    if (this.#client.closed && this.#backend.closed) this.closed(this.#client);
  }

  /** All bytes relayed so far: when it stands still, the session is idle. */
  get bytes(): number {
    return this.bytesIn + this.bytesOut;
  }

  feed(chunk: Buffer, lent: Lending | undefined, socket: Socket): boolean {
    return socket === this.#client ? this.#fromClient(chunk, lent) : this.#fromBackend(chunk, lent);
  }

  /** `lent` is given back when the chunk is written. False when the client has to wait. */
  #fromClient(chunk: Buffer, lent?: Lending): boolean {
    this.clientWaits = true;
    this.bytesIn += chunk.length;
    if (lent === undefined) this.#backend.write(chunk);
    else this.#backend.write(chunk, (this.#lentByClient ??= new Lent()).until(lent));
    return this.#mayReadOn(this.#client, this.#backend);
  }

  /** `lent` is given back when the chunk is written. False when the backend has to wait. */
  #fromBackend(chunk: Buffer, lent?: Lending): boolean {
    this.clientWaits = false;
    this.bytesOut += chunk.length;
    this.#lastToClient = chunk[chunk.length - 1] ?? LF;
    if (lent === undefined) this.#client.write(chunk);
    else this.#client.write(chunk, (this.#lentByBackend ??= new Lent()).until(lent));
    return this.#mayReadOn(this.#backend, this.#client);
  }

  #mayReadOn(from: Leg, to: Leg): boolean {
    if (to.writableLength < HIGH_WATER) return true;
    from.pause();
    return false;
  }

  /**
   * Ends the session for our own reason. `farewell` is said to the client only between two complete lines, so that it
   * can never land inside a literal that is half sent.
   */
  interrupt(ending: Ending, farewell: string): void {
    this.#ending ??= ending;
    flushReads(this.#client);
    flushReads(this.#backend);
    if (this.#lastToClient === LF && this.#client.writableLength === 0) this.#client.write(farewell, "latin1");
    this.#client.end();
    this.#backend.end();
    this.#client.resume();
    this.#backend.resume();
  }

  /** Cuts both connections at once: after an interrupt that a peer does not follow. */
  destroy(): void {
    this.#client.destroy();
    this.#backend.destroy();
  }

  drained(socket: Leg): void {
    (socket === this.#client ? this.#backend : this.#client).resume();
  }

  ended(socket: Leg): void {
    this.#ending ??= socket === this.#client ? "client-closed" : "backend-closed";
    this.halfClosed = true;
    flushReads(socket);
    const other = socket === this.#client ? this.#backend : this.#client;
    // To end what has ended makes an error object that nobody reads.
    if (!other.writableEnded) other.end();
  }

  broke(socket: Leg, error: Error): void {
    this.#ending ??= socket === this.#client ? "client-error" : "backend-error";
    this.#reason ??= error.message;
  }

  closed(socket: Leg): void {
    this.ended(socket);
    const other = socket === this.#client ? this.#backend : this.#client;
    // What is queued for the other side still goes out: it is destroyed when that is done, or when its peer hangs.
    if (!other.destroyed) return void other.resume();
    this.#done({ ending: this.#ending ?? "client-closed", reason: this.#reason });
  }
}

function attach(socket: Leg): void {
  socket.on("drain", onDrain);
  socket.on("end", onEnd);
  socket.on("error", onError);
  socket.on("close", onClose);
}

function onDrain(this: Leg): void {
  this[RELAY]?.drained(this);
}

function onEnd(this: Leg): void {
  this[RELAY]?.ended(this);
}

function onError(this: Leg, error: Error): void {
  this[RELAY]?.broke(this, error);
}

function onClose(this: Leg): void {
  this[RELAY]?.closed(this);
}
