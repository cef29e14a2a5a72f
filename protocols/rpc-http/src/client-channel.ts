// One client's half of a virtual connection: a request (packages/http channel.ts) as PDUs. What comes before somebody listens, or
// while nobody takes more, waits, and no more of the body is read: never more than one read of the socket. After the end nothing
// that is called has an effect. A body or a PDU that breaks its rules ends the channel: the listener hears it, and the client, where
// nothing was answered, by the failure that `finished` rejects with.

import { Failure, toFailure, type Lending, type Session } from "@postern/contracts";
import type { Channel, ChannelAnswer, ChannelBody } from "@postern/http";
import type { ChannelListener, ClientChannel } from "./parts.ts";
import { PduStream } from "./pdu-stream.ts";
import { readRts, type Rts } from "./rts/read.ts";

interface Held {
  readonly kind: "rpc" | "rts";
  readonly bytes: Buffer;
  readonly lent: Lending | undefined;
}

/** The first PDU of a channel, as it came and as it was read. */
export interface First {
  readonly rts: Rts;
  readonly bytes: Buffer;
}

export class HttpClientChannel implements ClientChannel {
  readonly id: string;
  readonly session: Session;
  readonly user: string;
  readonly direction: "in" | "out";
  readonly answer: ChannelAnswer;
  /** Settles when the channel is over; a client that left is no failure. */
  readonly finished: Promise<void>;
  bytesIn = 0;
  isOver = false;
  readonly #body: ChannelBody;
  readonly #length: number;
  readonly #settle: PromiseWithResolvers<void>;
  readonly #pdus = new PduStream({
    rpc: (bytes, lent) => this.#take("rpc", bytes, lent),
    rts: (bytes) => this.#take("rts", bytes, undefined),
  });
  #listener: ChannelListener | undefined;
  /** The listener wants no more for now. */
  #isPaused = false;
  #held: Held[] = [];
  /** Written before the answer began. */
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #lost: Failure | undefined;

  /** `length`: octets that the answer announces. */
  constructor(channel: Channel, body: ChannelBody, direction: "in" | "out", length: number) {
    this.id = channel.id;
    this.session = channel.session;
    this.user = channel.identity.user;
    this.direction = direction;
    this.answer = channel.answer;
    this.#body = body;
    this.#length = length;
    this.#settle = Promise.withResolvers<void>();
    this.finished = this.#settle.promise;
    this.answer.onDrain = () => this.#listener?.drained();
    this.answer.onGone = () => this.#end(new Failure("client-gone", "The client left the channel"));
  }

  get bytesLeft(): number {
    return this.direction === "in" ? 0 : this.#length - this.answer.bytes - this.#earlyBytes;
  }

  /** Starts to read. Rejects with what ends the channel before its first PDU; settles never when leave() comes before. */
  first(): Promise<First> {
    const { promise, resolve, reject } = Promise.withResolvers<First>();
    this.#listener = {
      rts: (rts, bytes) => {
        this.#listener = undefined;
        resolve({ rts, bytes });
      },
      rpc: () => {
        throw new Failure("syntax", "RPC: a channel that begins with no RTS PDU");
      },
      drained: () => {},
      over: reject,
    };
    this.#body.start({
      data: (chunk, lent) => this.#feed(chunk, lent),
      end: () => this.#endOfBody(),
      broken: (failure) => this.#end(failure),
    });
    return promise;
  }

  listen(listener: ChannelListener): void {
    this.#listener = listener;
    if (this.#lost !== undefined) listener.over(this.#lost);
    else this.#goOn();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#goOn();
  }

  begin(): void {
    if (this.isOver || this.answer.status !== undefined) return;
    this.answer.begin({ status: 200, reason: "Success", fields: ["Content-Type", "application/rpc"] }, this.#length);
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    for (const bytes of early) this.answer.write(bytes);
  }

  write(bytes: Buffer, lent?: Lending): boolean {
    if (this.isOver) return true;
    if (this.direction === "in") throw new Error("Nothing is sent on an IN channel");
    if (bytes.length > this.bytesLeft) {
      this.#end(new Failure("syntax", "RPC: the OUT channel was not replaced within its lifetime"));
      return true;
    }
    if (this.answer.status !== undefined) return this.answer.write(bytes, lent);
    this.#early.push(bytes);
    this.#earlyBytes += bytes.length;
    return true;
  }

  leave(failure?: Failure): void {
    if (this.isOver) return;
    this.#listener = undefined;
    // A client that has left another of its channels asks for no answer on this one.
    if (failure === undefined || failure.kind === "client-gone" || this.answer.status !== undefined) this.answer.leave();
    this.#close(failure);
  }

  #feed(chunk: Buffer, lent: Lending | undefined): boolean {
    if (this.isOver) return true;
    try {
      this.#pdus.feed(chunk, lent);
    } catch (error) {
      this.#breaks(toFailure(error));
    }
    return this.isOver || (this.#listener !== undefined && !this.#isPaused);
  }

  /** On the hot path when somebody listens and takes. */
  #take(kind: Held["kind"], bytes: Buffer, lent: Lending | undefined): void {
    this.bytesIn += bytes.length;
    if (this.isOver) return;
    if (this.#listener === undefined || this.#isPaused || this.#held.length > 0) this.#held.push({ kind, bytes, lent });
    else this.#give(this.#listener, kind, bytes, lent);
  }

  #give(listener: ChannelListener, kind: Held["kind"], bytes: Buffer, lent: Lending | undefined): void {
    if (kind === "rts") listener.rts(readRts(bytes), bytes);
    else if (!listener.rpc(bytes, lent)) this.#isPaused = true;
  }

  /** What waits first, and then the body. */
  #goOn(): void {
    this.#giveHeld("while it takes");
    if (!this.isOver && this.#listener !== undefined && !this.#isPaused) this.#body.resume();
  }

  #giveHeld(until: "while it takes" | "all"): void {
    try {
      while (this.#listener !== undefined && (until === "all" || !this.#isPaused)) {
        const held = this.#held.shift();
        if (held === undefined) return;
        this.#give(this.#listener, held.kind, held.bytes, held.lent);
      }
    } catch (error) {
      this.#breaks(toFailure(error));
    }
  }

  /** An OUT channel says all it has to say in its first PDUs; an IN channel that has said all is over. */
  #endOfBody(): void {
    if (this.isOver) return;
    if (!this.#pdus.isBetween || this.bytesIn === 0) this.#breaks(new Failure("syntax", "RPC: a request that ends within a PDU"));
    else if (this.direction === "in") this.#end(new Failure("client-gone", "The client has sent all that it announced"));
  }

  /** Nothing more comes: all that came is given first, even to a listener that wanted no more for now. */
  #end(failure: Failure): void {
    if (this.isOver) return;
    this.#giveHeld("all");
    this.#breaks(failure);
  }

  #breaks(failure: Failure): void {
    if (this.isOver) return;
    const listener = this.#listener;
    this.#lost = failure;
    if (this.answer.status !== undefined) this.answer.cut();
    this.#close(failure);
    listener?.over(failure);
  }

  /** Where nothing was answered, the failure is the answer; who tells it to the client has `finished`. */
  #close(failure: Failure | undefined): void {
    this.isOver = true;
    this.#held = [];
    this.#early = [];
    if (failure === undefined || failure.kind === "client-gone") this.#settle.resolve();
    else this.#settle.reject(failure);
  }
}
