// RPC PDUs on their way to a peer that has a window ([MS-RPCH] sections 3.2.1.1.5.1 and 3.2.1.4.1.3): what may go goes at once, as
// it came; the rest waits, in order. Plugged until the peer's window is known. It never bounds what waits: the windows of those
// from whom it came do. Failure: syntax, for an acknowledgement or a PDU that cannot be.

import { Failure, type Lending } from "@postern/contracts";
import { giveBack } from "@postern/core";
import { headerOf } from "@postern/dcerpc";
import { toKeep } from "../keep.ts";
import { SendWindow } from "../windows.ts";

/** From whom a PDU came: it is told when its octets have left. */
export interface Source {
  passedOn(octets: number): void;
}

interface Waiting {
  run: Buffer;
  /** A share of what it lies in. */
  readonly lent: Lending | undefined;
  readonly from: Source;
}

export class Outlet {
  readonly #write: (pdus: Buffer, lent: Lending | undefined) => boolean;
  readonly #queue: Waiting[] = [];
  #queued = 0;
  /** undefined: plugged. */
  #window: SendWindow | undefined;
  #size = 0;
  /** The peer does not take more now: this is what it has not taken yet. */
  #stuck: { readonly octets: number; readonly from: Source } | undefined;

  /** `write`: false, and drained() is called when there is room again. */
  constructor(write: (pdus: Buffer, lent: Lending | undefined) => boolean) {
    this.#write = write;
  }

  /** Octets that wait. */
  get queued(): number {
    return this.#queued;
  }

  /** Nothing waits, and the peer has taken what was sent. */
  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#stuck === undefined;
  }

  /** Whole PDUs of one source. `lent`: a share of what they lie in. */
  push(run: Buffer, from: Source, lent?: Lending): void {
    if (this.#queue.length === 0 && this.#mayGo(run.length)) return this.#send(run, from, lent);
    const kept = toKeep(run);
    if (kept !== run && lent !== undefined) giveBack(lent);
    this.#queue.push({ run: kept, from, lent: kept === run ? lent : undefined });
    this.#queued += run.length;
    this.#pump();
  }

  /** Unplugs it. */
  open(window: number): void {
    this.#window = new SendWindow(window);
    this.#size = window;
    this.#pump();
  }

  acknowledged(received: number, available: number): void {
    this.#window?.acknowledged(received, available);
    this.#pump();
  }

  drained(): void {
    const stuck = this.#stuck;
    this.#stuck = undefined;
    stuck?.from.passedOn(stuck.octets);
    this.#pump();
  }

  /** Nothing more is awaited: what the window has room for goes, and does not wait for what was sent. */
  last(): void {
    do this.drained();
    while (this.#stuck !== undefined);
  }

  #mayGo(octets: number): boolean {
    return this.#window !== undefined && this.#stuck === undefined && octets <= this.#window.room;
  }

  #send(run: Buffer, from: Source, lent: Lending | undefined): void {
    this.#window?.sent(run.length);
    if (this.#write(run, lent)) from.passedOn(run.length);
    else this.#stuck = { octets: run.length, from };
  }

  #pump(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const { run, from, lent } = next;
      const size = this.#mayGo(run.length) ? run.length : this.#fitting(run);
      if (size === 0) return;
      if (size === run.length) this.#queue.shift();
      else {
        next.run = run.subarray(size);
        if (lent !== undefined) lent.users++;
      }
      this.#queued -= size;
      this.#send(size === run.length ? run : run.subarray(0, size), from, lent);
    }
  }

  /** How many octets of the run are whole PDUs that may go now. */
  #fitting(run: Buffer): number {
    if (!this.#mayGo(0)) return 0;
    let size = 0;
    // It ends before the run does: all of it would fit otherwise.
    for (let next = headerOf(run).length; this.#mayGo(next); next += headerOf(run, size).length) size = next;
    if (size === 0 && headerOf(run).length > this.#size)
      throw new Failure("syntax", `RPC: a PDU of ${headerOf(run).length} octets for a window of ${this.#size}`);
    return size;
  }
}
