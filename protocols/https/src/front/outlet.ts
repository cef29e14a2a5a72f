// What goes out on one connection, in as few writes as can be: what is said within one turn leaves together, head and first
// bytes of a body above all; later bytes leave at once, as they are, without a copy. Never throws.

import type { Socket } from "node:net";

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

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** What follows in this turn leaves together. */
  hold(): void {
    if (this.#isHolding) return;
    this.#isHolding = true;
    process.nextTick(flush, this);
  }

  /** False: wait for "drain". */
  write(piece: string | Buffer): boolean {
    if (!this.#isHolding) return typeof piece === "string" ? this.#socket.write(piece, "latin1") : this.#socket.write(piece);
    this.#held.push(piece);
    this.#size += piece.length;
    if (this.#size > HELD) this.flush();
    return !this.#socket.writableNeedDrain;
  }

  /** Three pieces in one write: a chunk with its frame. */
  framed(before: string, bytes: Buffer, behind: string): boolean {
    const isHolding = this.#isHolding;
    this.#isHolding = true;
    this.write(before);
    this.write(bytes);
    this.write(behind);
    if (!isHolding) this.flush();
    return !this.#socket.writableNeedDrain;
  }

  flush(): void {
    this.#isHolding = false;
    if (this.#size === 0) return;
    const pieces = this.#held;
    if (pieces.length === 1 || this.#size > COPIED) this.#gather(pieces);
    else this.#socket.write(joined(pieces, this.#size));
    pieces.length = 0;
    this.#size = 0;
  }

  #gather(pieces: readonly (string | Buffer)[]): void {
    const socket = this.#socket;
    socket.cork();
    for (const piece of pieces) {
      if (typeof piece === "string") socket.write(piece, "latin1");
      else socket.write(piece);
    }
    socket.uncork();
  }
}

const flush = (outlet: Outlet): void => outlet.flush();

function joined(pieces: readonly (string | Buffer)[], size: number): Buffer {
  const all = Buffer.allocUnsafe(size);
  let at = 0;
  for (const piece of pieces) at += typeof piece === "string" ? all.write(piece, at, "latin1") : piece.copy(all, at);
  return all;
}
