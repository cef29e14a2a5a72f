// What has to wait: a run of few octets must not keep the large chunk alive that it came in, or a client whose window is small could
// hold a thousand times as much. Never throws.

import type { Socket } from "node:net";
import type { Lending } from "@postern/contracts";
import { giveBack, Lent } from "@postern/core";

/** A run that waits must not keep a chunk alive that is so many times its size. */
const MAX_WASTE = 4;

/** The run, or a copy with memory of its own where it is little of the chunk that it came in. */
export function toKeep(run: Buffer): Buffer {
  if (run.buffer.byteLength <= MAX_WASTE * run.length) return run;
  const kept = Buffer.allocUnsafeSlow(run.length);
  run.copy(kept);
  return kept;
}

/** Runs on their way into one socket. */
export class Writes {
  readonly #socket: Socket;
  readonly #lent = new Lent();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** False: wait for "drain". `lent`: a share of what the run lies in. */
  run(run: Buffer, lent: Lending | undefined): boolean {
    const socket = this.#socket;
    // As a rule the system takes it at once, and nothing waits.
    const kept = socket.writableLength === 0 ? run : toKeep(run);
    if (lent === undefined) return socket.write(kept);
    if (kept === run) return socket.write(run, this.#lent.until(lent));
    giveBack(lent);
    return socket.write(kept);
  }
}
