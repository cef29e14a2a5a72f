// A client's channel that a test plays by hand: what a proxy says on it is kept, PDU by PDU, and what the client says is told to it.

import { toFailure, type Failure, type Session } from "@postern/contracts";
import { PDU_TYPES, PduFramer } from "@postern/dcerpc";
import type { ChannelAnswer } from "@postern/http";
import { testSession } from "@postern/testing";
import type { ChannelListener, ClientChannel } from "../../parts.ts";
import { valuesOf, type RtsName, type RtsValues } from "../../rts/pdus.ts";
import { readRts } from "../../rts/read.ts";
import { Waiter } from "./waiter.ts";

const LIFETIME = 1024 ** 3;

export class PlayedChannel implements ClientChannel {
  readonly id = "played";
  readonly session: Session = testSession();
  readonly user: string;
  readonly direction: "in" | "out";
  readonly answer = {} as ChannelAnswer;
  bytesIn = 0;
  bytesLeft = LIFETIME;
  isOver = false;
  isBegun = false;
  /** The client reads nothing. */
  isFull = false;
  /** What leave() was told. */
  failure: Failure | undefined;
  #listener: ChannelListener | undefined;
  readonly #said: Buffer[] = [];
  readonly #framer: PduFramer;
  readonly #waiter = new Waiter();

  constructor(direction: "in" | "out", user = "alice@example.com") {
    this.direction = direction;
    this.user = user;
    const take = (pdu: Buffer): void => void this.#said.push(pdu);
    this.#framer = new PduFramer({ rpc: take, rts: take });
  }

  /** PDUs that nobody asked for yet. */
  get unheard(): number {
    return this.#said.length;
  }

  listen(listener: ChannelListener): void {
    this.#listener = listener;
  }

  resume(): void {}

  begin(): void {
    this.isBegun = true;
    this.#waiter.moved();
  }

  write(pdus: Buffer): boolean {
    if (this.isOver) return true;
    this.bytesLeft -= pdus.length;
    this.#framer.feed(pdus);
    this.#waiter.moved();
    return !this.isFull;
  }

  leave(failure?: Failure): void {
    if (this.isOver) return;
    this.isOver = true;
    this.failure = failure;
    this.#waiter.moved();
  }

  /** The client says this. */
  say(pdu: Buffer): void {
    this.bytesIn += pdu.length;
    try {
      if (pdu[2] === PDU_TYPES.rts) this.#listener?.rts(readRts(pdu), pdu);
      else this.#listener?.rpc(pdu);
    } catch (error) {
      this.lose(toFailure(error));
    }
  }

  /** The channel is lost. */
  lose(failure: Failure): void {
    if (this.isOver) return;
    this.isOver = true;
    this.failure = failure;
    this.#listener?.over(failure);
    this.#waiter.moved();
  }

  /** The client reads again. */
  drain(): void {
    this.isFull = false;
    this.#listener?.drained();
  }

  /** What was said to the client next; also on a channel that is over. */
  async next(): Promise<Buffer> {
    await this.until(() => this.#said.length > 0 || this.isOver, "a PDU");
    const pdu = this.#said.shift();
    if (pdu === undefined) throw new Error(`The channel is over: ${this.failure?.message}`);
    return pdu;
  }

  async rts<N extends RtsName>(name: N): Promise<RtsValues<N>> {
    const pdu = await this.next();
    const values = valuesOf(name, readRts(pdu));
    if (values === undefined) throw new Error(`No ${name}: ${pdu.toString("hex")}`);
    return values;
  }

  async rpc(octets: number): Promise<Buffer> {
    let bytes = Buffer.alloc(0);
    while (bytes.length < octets) bytes = Buffer.concat([bytes, await this.next()]);
    return bytes;
  }

  async until(done: () => boolean, what: string): Promise<void> {
    await this.#waiter.until(done, what);
  }

  /** How it ended. */
  async over(): Promise<Failure | undefined> {
    await this.until(() => this.isOver, "the end");
    return this.failure;
  }
}
