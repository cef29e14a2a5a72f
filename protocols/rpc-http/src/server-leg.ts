// One TCP connection to an RPC server: to one that speaks ncacn_http it is one channel ([MS-RPCH] section 2.1.1), to one of plain TCP
// all there is. Hands on what comes, RTS PDUs read and RPC PDUs in runs, as they came. Never looks into an RPC PDU. Failure (to its listener, once): backend-lost,
// backend-garbled, backend-silent; write() throws none.

import type { Socket } from "node:net";
import { Failure, legText, toFailure, type Clock, type Leg, type Lending } from "@postern/contracts";
import type { Reader } from "@postern/core";
import { Writes } from "./keep.ts";
import { PduStream } from "./pdu-stream.ts";
import { readSoon } from "./read-soon.ts";
import { readRts, type Rts } from "./rts/read.ts";

/** Who hears the server. A Failure that is thrown ends the connection, and over() hears it. */
export interface LegListener {
  fromServer(pdu: Rts, bytes: Buffer): void;
  /** One or more whole RPC PDUs. `lent`: a share of what they lie in. */
  runFromServer(run: Buffer, lent: Lending | undefined): void;
  /** What was written is on its way. */
  legDrained(): void;
  /** Told once, and not after close(). */
  legOver(failure: Failure): void;
}

/** What differs between the kinds of server. */
export interface LegRules {
  /** It may begin with the greeting of ncacn_http. */
  readonly mayGreet: boolean;
  /** A server that reads nothing for so many octets is given up. */
  readonly maxUnsent: number;
}

/** A server may say this first (section 2.1.1.1); none has to. */
const GREETING = Buffer.from("ncacn_http/1.0", "latin1");
/** What was said last still goes out, for so long at most. */
const LINGER_MS = 5000;

export class ServerLeg implements Reader {
  readonly leg: Leg;
  readonly #socket: Socket;
  readonly #pdus: PduStream;
  readonly #writes: Writes;
  readonly #maxUnsent: number;
  #listener: LegListener | undefined;
  /** Octets of the greeting that came; all of them where none comes any more. */
  #greeted: number;

  /** `socket`: connected and paused. It flows from the next turn on. */
  constructor(socket: Socket, leg: Leg, listener: LegListener, { mayGreet, maxUnsent }: LegRules) {
    this.leg = leg;
    this.#socket = socket;
    this.#writes = new Writes(socket);
    this.#listener = listener;
    this.#maxUnsent = maxUnsent;
    this.#greeted = mayGreet ? 0 : GREETING.length;
    this.#pdus = new PduStream({
      rpc: (run, lent) => this.#listener?.runFromServer(run, lent),
      rts: (pdu) => this.#listener?.fromServer(readRts(pdu), pdu),
    });
    // Clients keep the process alive.
    socket.unref();
    readSoon(socket, this);
    socket.on("drain", () => this.#guarded(() => this.#listener?.legDrained()));
    socket.on("error", (error) => this.#lost(error.message));
    socket.once("end", () => this.#lost("the server closed the connection"));
    socket.once("close", () => this.#lost("the connection is closed"));
    // A socket that was closed before tells nobody.
    if (socket.destroyed) setImmediate(() => this.#lost("the connection is closed"));
  }

  /** Octets so far. */
  get bytesOut(): number {
    return this.#socket.bytesWritten;
  }

  /** Whole PDUs. False: legDrained() tells when there is room again. `lent`: a share of what they lie in. */
  write(pdus: Buffer, lent?: Lending): boolean {
    const socket = this.#socket;
    if (socket.destroyed || this.#listener === undefined) return true;
    if (this.#writes.run(pdus, lent)) return true;
    if (socket.writableLength > this.#maxUnsent)
      this.#end(new Failure("backend-silent", `${legText(this.leg)}: ${socket.writableLength} octets wait, and it reads none`));
    return false;
  }

  /** What it says is not wanted for now. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#listener !== undefined) this.#socket.resume();
  }

  /** How soon TCP itself finds out that the server is gone. */
  keepAlive(ms: number): void {
    this.#socket.setKeepAlive(true, ms);
  }

  /** Ends it behind what was written; nothing more is heard of it. */
  close(clock: Clock): void {
    this.#listener = undefined;
    const socket = this.#socket;
    if (socket.destroyed) return;
    const timer = clock.after(LINGER_MS, () => socket.destroy());
    socket.once("close", () => timer.cancel());
    // What the server still says is read: unread octets would make the end a reset, which can cost the last words.
    socket.resume();
    socket.end();
  }

  feed(chunk: Buffer, lent: Lending | undefined): boolean {
    if (this.#listener !== undefined)
      this.#guarded(() => this.#pdus.feed(this.#greeted === GREETING.length ? chunk : this.#behindGreeting(chunk), lent));
    return true;
  }

  #behindGreeting(chunk: Buffer): Buffer {
    if (this.#greeted === 0 && chunk[0] !== GREETING[0]) this.#greeted = GREETING.length;
    let at = 0;
    for (; at < chunk.length && this.#greeted < GREETING.length; at++, this.#greeted++)
      if (chunk[at] !== GREETING[this.#greeted]) throw new Failure("syntax", "a greeting that is none");
    return chunk.subarray(at);
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      const failure = toFailure(error);
      // What the server sent cannot be; the words for that are its own kind.
      if (failure.kind !== "syntax") return this.#end(failure);
      this.#end(new Failure("backend-garbled", `${legText(this.leg)}: ${failure.message}`, { cause: failure }));
    }
  }

  #lost(reason: string): void {
    this.#end(new Failure("backend-lost", `${legText(this.leg)}: ${reason}`));
  }

  #end(failure: Failure): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.legOver(failure);
  }
}
