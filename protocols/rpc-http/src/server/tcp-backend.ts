// The connection to a plain TCP RPC server (ncacn_ip_tcp): hands on what it sends in whole PDUs, as they came, and says when
// there is room for more. Never looks into a PDU, never throws: whatever goes wrong ends it, and is told once.

import type { Socket } from "node:net";
import { Failure, legText, toFailure, type Clock, type Leg, type Lending } from "@postern/contracts";
import type { Reader } from "@postern/core";
import { Writes } from "../keep.ts";
import { PduStream } from "../pdu-stream.ts";
import { readSoon } from "../read-soon.ts";

/** Who hears the backend. */
export interface BackendListener {
  /** One or more whole PDUs. `lent`: a share of what they lie in. */
  fromBackend(run: Buffer, lent: Lending | undefined): void;
  /** All that was written is on its way. */
  backendDrained(): void;
  /** Nothing more comes; what was handed on before it still counts. Told once, and not after close(). */
  backendOver(failure: Failure): void;
}

/** What the client sent last still goes out, for so long at most. */
const LINGER_MS = 5000;

export class TcpBackend implements Reader {
  readonly leg: Leg;
  readonly #socket: Socket;
  readonly #pdus: PduStream;
  readonly #writes: Writes;
  #listener: BackendListener | undefined;

  /** `socket`: connected, and paused. It flows from the next turn on. */
  constructor(socket: Socket, leg: Leg, listener: BackendListener) {
    this.leg = leg;
    this.#socket = socket;
    this.#writes = new Writes(socket);
    this.#listener = listener;
    this.#pdus = new PduStream({
      rpc: (run, lent) => this.#listener?.fromBackend(run, lent),
      rts: () => {
        throw new Failure("backend-garbled", "an RTS PDU from a server that speaks plain TCP");
      },
    });
    // Clients keep the process alive.
    socket.unref();
    readSoon(socket, this);
    socket.on("drain", () => this.#listener?.backendDrained());
    socket.on("error", (error) => this.#end(error.message));
    socket.once("end", () => this.#end("the backend closed the connection"));
    socket.once("close", () => this.#end("the connection is closed"));
    // A socket that was closed before tells nobody.
    if (socket.destroyed) setImmediate(() => this.#end("the connection is closed"));
  }

  /** False: backendDrained() tells when it is on its way. `lent`: a share of what it lies in. */
  write(run: Buffer, lent: Lending | undefined): boolean {
    return this.#socket.destroyed || this.#writes.run(run, lent);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#listener !== undefined) this.#socket.resume();
  }

  /** How often TCP itself looks whether the backend is there, where nothing flows. */
  keepAlive(ms: number): void {
    this.#socket.setKeepAlive(true, ms);
  }

  /** Nothing more is heard of it. */
  close(clock: Clock): void {
    this.#listener = undefined;
    const socket = this.#socket;
    if (socket.destroyed) return;
    const timer = clock.after(LINGER_MS, () => socket.destroy());
    socket.once("close", () => timer.cancel());
    // What the backend still says is read: unread octets would make the end a reset, which can cost the last words.
    socket.resume();
    socket.end();
  }

  feed(chunk: Buffer, lent: Lending | undefined): boolean {
    if (this.#listener === undefined) return true;
    try {
      this.#pdus.feed(chunk, lent);
    } catch (error) {
      this.#end(toFailure(error).message, "backend-garbled");
    }
    return true;
  }

  #end(reason: string, kind: "backend-lost" | "backend-garbled" = "backend-lost"): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.backendOver(new Failure(kind, `${legText(this.leg)}: ${reason}`));
  }
}
