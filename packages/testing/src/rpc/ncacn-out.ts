// The OUT half of a virtual connection at the ncacn_http server of the tests ([MS-RPCH] section 3.2.5): the queue of RPC PDUs with its window,
// and recycling in both forms. Throws Error for what the state does not allow.

import type { Recycling } from "./client-parts.ts";
import type { NcacnLeg } from "./ncacn-leg.ts";
import { DESTINATIONS, rtsNames, rtsPdu, rtsValues, type RtsValues } from "./rts.ts";
import { Sending } from "./windows.ts";

/** With so many octets left a channel is replaced. */
const RESERVE = 8192;

const TIMEOUT = 120_000;
const { client: destination } = DESTINATIONS;

/** A4W: the successor is awaited; A8W: the client's word for it. */
type State = "opened" | "A4W" | "A8W";

export interface OutHears {
  /** For the IN proxy. */
  forward(pdu: Buffer): void;
  recycled(how: Recycling): void;
}

export class NcacnOut {
  /** Nothing is sent before. */
  isOpen = false;
  cookie: string;
  leg: NcacnLeg;
  readonly #hears: OutHears;
  readonly #queue: Buffer[] = [];
  readonly #cookies: Set<string>;
  #state: State = "opened";
  #lifetime: number;
  #left: number;
  #sending: Sending;
  #next: { readonly leg?: NcacnLeg; readonly values: RtsValues } | undefined;

  constructor(leg: NcacnLeg, { channel = "", lifetime = 0, window = 0 }: RtsValues, hears: OutHears) {
    this.leg = leg;
    this.cookie = channel;
    this.#cookies = new Set([channel]);
    this.#hears = hears;
    this.#lifetime = lifetime;
    this.#left = lifetime;
    this.#sending = new Sending(window);
  }

  rpc(pdu: Buffer): void {
    this.#queue.push(pdu);
    this.pump();
  }

  /** RTS PDUs have no window, but count. */
  rts(pdu: Buffer): void {
    if (this.#left < pdu.length) throw new Error("The lifetime of the OUT channel is over");
    this.#left -= pdu.length;
    this.leg.say(pdu);
    this.#recycleWhenDue(0);
  }

  pump(): void {
    if (!this.isOpen) return;
    for (;;) {
      const [pdu] = this.#queue;
      if (pdu === undefined || pdu.length > this.#sending.room) return;
      this.#recycleWhenDue(pdu.length);
      if (this.#left - pdu.length < RESERVE) return;
      this.#queue.shift();
      this.#sending.take(pdu.length);
      this.#left -= pdu.length;
      this.leg.say(pdu);
    }
  }

  /** An RTS PDU on the leg that is in use. */
  heard(pdu: Buffer): void {
    const ack = rtsValues("FlowControlAck", pdu);
    const successor = rtsValues("OUT_R2/A4", pdu);
    const routed = rtsValues("FlowControlAckWithDestination", pdu);
    if (ack !== undefined) this.#acknowledged(ack);
    else if (successor !== undefined && this.#state === "A4W") this.#successorR2(successor);
    else if (routed?.destination === DESTINATIONS.inProxy) this.#hears.forward(pdu);
    else if (rtsValues("Ping", pdu) === undefined && rtsValues("PingTrafficSentNotify", pdu) === undefined)
      throw new Error(`In state ${this.#state} came on OUT: ${rtsNames(pdu)}`);
  }

  /** OUT_R1/A4 has come on a leg of its own. */
  successorR1(leg: NcacnLeg, values: RtsValues): void {
    if (this.#state !== "A4W" || values.predecessor !== this.cookie)
      throw new Error(`OUT_R1/A4 in state ${this.#state}, for ${values.predecessor}`);
    this.#next = { leg, values };
    this.#state = "A8W";
    this.rts(rtsPdu("OUT_R1/A5", { destination, timeout: TIMEOUT }));
  }

  /** OUT_R1/A8 or OUT_R2/A8: the client takes the successor. */
  agreed(successor: string): void {
    const next = this.#next;
    if (this.#state !== "A8W" || next?.values.successor !== successor)
      throw new Error(`A8 in state ${this.#state}, for ${successor}`);
    this.#next = undefined;
    this.rts(rtsPdu("OUT_R1/A9"));
    this.cookie = successor;
    if (next.leg === undefined) this.#cookies.add(successor);
    else this.#move(next.leg, next.values);
    this.#left = this.#lifetime;
    this.#state = "opened";
    this.#hears.recycled(next.leg === undefined ? "OUT_R2" : "OUT_R1");
    this.pump();
  }

  #move(leg: NcacnLeg, { successor = "", lifetime = 0, window = 0 }: RtsValues): void {
    this.leg.end();
    this.leg = leg;
    this.#cookies.clear();
    this.#cookies.add(successor);
    this.#lifetime = lifetime;
    this.#sending = new Sending(window);
  }

  #successorR2(values: RtsValues): void {
    this.#next = { values };
    this.#state = "A8W";
    this.rts(rtsPdu("OUT_R2/A5", { destination }));
  }

  // A leg counts on through R2: neither side sees where in its stream the other one begins anew.
  #acknowledged({ channel = "", received = 0, available = 0 }: RtsValues): void {
    if (!this.#cookies.has(channel)) throw new Error(`An acknowledgement of another channel: ${channel}`);
    this.#sending.acknowledged(received, available);
    this.pump();
  }

  #recycleWhenDue(more: number): void {
    if (!this.isOpen || this.#state !== "opened" || this.#left - more >= RESERVE) return;
    this.#state = "A4W";
    this.rts(rtsPdu("OUT_R1/A1", { destination }));
  }
}
