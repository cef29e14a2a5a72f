// The IN side of RpcHttpClient: CONN/B1, the queue of RPC PDUs with its window, and recycling when the lifetime of the channel comes to
// its end ([MS-RPCH] sections 3.2.2.1.2, 3.2.2.4). Throws Error when the other side does what the state does not allow.

import { randomBytes } from "node:crypto";
import type { Cookied, InState, Together } from "./client-parts.ts";
import type { ChannelHears, HttpChannel } from "./http-channel.ts";
import { rtsPdu, type RtsValues } from "./rts.ts";
import { Sending } from "./windows.ts";

/** With so many octets left a channel is replaced. */
const RESERVE = 4096;
const LIFETIME = 1024 ** 3;

export const newCookie = (): string => randomBytes(16).toString("hex");

export class InSide {
  state: InState = "C2W";
  readonly #together: Together;
  readonly #lifetime: number;
  readonly #queue: Buffer[] = [];
  /** Cookies that were ours once: their acknowledgements may still be on the way. */
  readonly #past = new Set<string>();
  readonly #retired = new Set<HttpChannel>();
  #now: Cookied | undefined;
  #next: Cookied | undefined;
  #window = 0;
  #sending = new Sending(0);

  constructor(together: Together) {
    this.#together = together;
    this.#lifetime = together.options.lifetime ?? LIFETIME;
  }

  /** Of the channel that is in use. */
  get cookie(): string {
    return this.#now?.cookie ?? "";
  }

  /** RPC PDUs that wait for the window or for a new channel, octets. */
  get waiting(): number {
    return this.#queue.reduce((sum, { length }) => sum + length, 0);
  }

  start(): void {
    const { connection, options } = this.#together;
    this.#now = this.#open();
    const values: RtsValues = {
      connection,
      channel: this.#now.cookie,
      lifetime: this.#lifetime,
      keepAlive: options.keepAlive ?? 300_000,
      group: options.group ?? newCookie(),
    };
    this.#now.channel.send(rtsPdu("CONN/B1", values));
    this.#enter("C2W");
  }

  /** CONN/C2 has come. */
  opened(window: number): void {
    this.#window = window;
    this.#sending = new Sending(window);
    this.#enter("opened");
    this.#pump();
  }

  /** Sends an RPC PDU when the window and the lifetime allow it. */
  send(pdu: Buffer): void {
    this.#queue.push(pdu);
    this.#pump();
  }

  /** Sends an RTS PDU at once: those have no window. */
  rts(pdu: Buffer): void {
    const { channel } = this.#current();
    if (channel.left < pdu.length) throw new Error("The lifetime of the IN channel is over");
    channel.send(pdu);
    this.#recycleWhenDue(0);
  }

  acknowledged({ channel = "", received = 0, available = 0 }: RtsValues): void {
    if (this.#past.has(channel)) return;
    if (channel !== this.cookie) throw new Error(`An acknowledgement of a channel that never was: ${channel}`);
    this.#sending.acknowledged(received, available);
    this.#pump();
  }

  /** IN_R1/A4 or, without a window, IN_R2/A4 has come. */
  recycled(window?: number): void {
    const next = this.#next;
    if (this.state !== "A4W" || next === undefined) throw new Error(`IN is told to switch in state ${this.state}`);
    const { cookie, channel } = this.#current();
    this.#past.add(cookie);
    this.#retired.add(channel);
    channel.send(rtsPdu("IN_R1/A5", { successor: next.cookie }));
    this.#now = next;
    this.#next = undefined;
    this.#window = window ?? this.#window;
    this.#sending = new Sending(this.#window);
    this.#together.recycled(window === undefined ? "IN_R2" : "IN_R1");
    this.#enter("opened");
    this.#pump();
  }

  kill(): void {
    for (const channel of [this.#now?.channel, this.#next?.channel, ...this.#retired]) channel?.kill();
  }

  #current(): Cookied {
    if (this.#now === undefined) throw new Error("There is no IN channel");
    return this.#now;
  }

  #enter(state: InState): void {
    this.state = state;
    this.#together.entered("in", state);
  }

  #pump(): void {
    if (this.state === "C2W") return;
    for (;;) {
      const [pdu] = this.#queue;
      if (pdu === undefined || pdu.length > this.#sending.room) return;
      this.#recycleWhenDue(pdu.length);
      if (this.#current().channel.left - pdu.length < RESERVE) return;
      this.#queue.shift();
      this.#sending.take(pdu.length);
      this.#current().channel.send(pdu);
    }
  }

  #recycleWhenDue(more: number): void {
    if (this.state !== "opened" || this.#current().channel.left - more >= RESERVE) return;
    this.#next = this.#open();
    const values = { connection: this.#together.connection, predecessor: this.cookie, successor: this.#next.cookie };
    this.#next.channel.send(rtsPdu("IN_R1/A1", values));
    this.#enter("A4W");
  }

  #open(): Cookied {
    const hears: ChannelHears = {
      head: ({ status, reason }) => this.#together.fail(new Error(`IN was answered: ${status} ${reason}`)),
      pdu: () => this.#together.fail(new Error("A PDU came on an IN channel")),
      over: (why) => {
        if (this.#retired.delete(channel)) return;
        this.#together.fail(new Error(`IN is gone in state ${this.state}: ${why}`));
      },
    };
    const channel = this.#together.open("in", this.#lifetime, hears);
    return { cookie: newCookie(), channel };
  }
}
