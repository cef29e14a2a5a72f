// What goes out on one connection, in as few writes as can be: what is said within one turn leaves together, head and first
// bytes of a body above all; later bytes leave at once, as they are, without a copy. Never throws.

import type { Socket } from "node:net";
import { giveBack, Lent, type Lending } from "@postern/core";

/** So much is put together by copying; more is left to the socket to gather. */
const COPIED = 16 * 1024;
/** More than this is not held for the rest of the turn. */
const HELD = 64 * 1024;

export class Outlet {
  readonly #socket: Socket;
  /** What is held: texts (latin1) and bytes, in order. */
  readonly #held: (string | Buffer)[] = [];
  #size = 0;
  #isHolding = false;
  #lent: Lent | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** What follows in this turn leaves together. */
  hold(): void {
    if (this.#isHolding) return;
    this.#isHolding = true;
    if (holding.push(this) === 1) setImmediate(flushAll);
  }

  /** False: wait for "drain". `lent`: what bulk data lies in. It is not held, nor what waits before it. */
  write(piece: string | Buffer, lent?: Lending): boolean {
    if (!this.#isHolding) return this.#send(piece, lent);
    this.#held.push(piece);
    this.#size += piece.length;
    if (lent !== undefined || this.#size > HELD) this.#flush(lent);
    return !this.#socket.writableNeedDrain;
  }

  /** Three pieces in one write: a chunk with its frame. */
  framed(before: string, bytes: Buffer, behind: string, lent?: Lending): boolean {
    const isHolding = this.#isHolding;
    this.#isHolding = true;
    this.write(before);
    this.write(bytes);
    this.write(behind, lent);
    if (!isHolding) this.flush();
    return !this.#socket.writableNeedDrain;
  }

  flush(): void {
    this.#isHolding = false;
    if (this.#size > 0) this.#flush(undefined);
  }

  #flush(lent: Lending | undefined): void {
    const pieces = this.#held;
    this.#isHolding = false;
    if (pieces.length === 1 || this.#size > COPIED) this.#gather(pieces, lent);
    else {
      this.#socket.write(joined(pieces, this.#size));
      if (lent !== undefined) giveBack(lent);
    }
    pieces.length = 0;
    this.#size = 0;
  }

  #gather(pieces: readonly (string | Buffer)[], lent: Lending | undefined): void {
    const socket = this.#socket;
    const last = pieces.length - 1;
    if (last > 0) socket.cork();
    pieces.forEach((piece, index) => this.#send(piece, index === last ? lent : undefined));
    if (last > 0) socket.uncork();
  }

  #send(piece: string | Buffer, lent: Lending | undefined): boolean {
    const socket = this.#socket;
    if (lent !== undefined) return socket.write(piece, "latin1", (this.#lent ??= new Lent()).until(lent));
    return typeof piece === "string" ? socket.write(piece, "latin1") : socket.write(piece);
  }
}

/** Those that may hold something at the end of this turn: nearly all have sent it by then. */
const holding: Outlet[] = [];

function flushAll(): void {
  for (const outlet of holding.splice(0)) outlet.flush();
}

function joined(pieces: readonly (string | Buffer)[], size: number): Buffer {
  const all = Buffer.allocUnsafe(size);
  let at = 0;
  for (const piece of pieces) at += typeof piece === "string" ? all.write(piece, at, "latin1") : piece.copy(all, at);
  return all;
}
