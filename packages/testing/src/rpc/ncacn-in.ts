// The IN half of a virtual connection at the ncacn_http server of the tests ([MS-RPCH] section 3.2.5): the receive window, and recycling in both
// forms. Throws Error for what the state does not allow.

import type { Recycling } from "./client-parts.ts";
import type { NcacnLeg } from "./ncacn-leg.ts";
import { DESTINATIONS, isRts, rtsNames, rtsPdu, rtsValues, type RtsValues } from "./rts.ts";
import { Receiving } from "./windows.ts";

/** A6W: the client has been told; B1W: the predecessor still sends. */
type State = "opened" | "A6W" | "B1W";

export interface InHears {
  rpc(pdu: Buffer): void;
  /** For the OUT proxy or the client. */
  forward(pdu: Buffer): void;
  /** OUT_R1/A8 or OUT_R2/A8. */
  agreed(successor: string): void;
  recycled(how: Recycling): void;
}

const { client: destination } = DESTINATIONS;

export class NcacnIn {
  cookie: string;
  leg: NcacnLeg;
  readonly #window: number;
  readonly #hears: InHears;
  #state: State = "opened";
  #receiving: Receiving;
  #next: { readonly leg: NcacnLeg; readonly cookie: string } | undefined;

  constructor(leg: NcacnLeg, cookie: string, window: number, hears: InHears) {
    this.leg = leg;
    this.cookie = cookie;
    this.#window = window;
    this.#hears = hears;
    this.#receiving = new Receiving(window);
  }

  /** A PDU on the leg that is in use. */
  heard(pdu: Buffer): void {
    if (!isRts(pdu)) return this.#rpc(pdu);
    if (this.routed(pdu)) return;
    const cookie = rtsValues("IN_R2/A2", pdu)?.successor;
    if (cookie !== undefined && this.#state === "opened") this.#successorR2(cookie);
    else if (cookie !== undefined && this.#state === "A6W" && cookie === this.#next?.cookie) this.#state = "B1W";
    else if (this.#state === "B1W" && rtsValues("IN_R1/B1", pdu) !== undefined) this.#switch();
    else if (rtsValues("Ping", pdu) === undefined) throw new Error(`In state ${this.#state} came on IN: ${rtsNames(pdu)}`);
  }

  /** What is only passed on to others may also come by the leg of a successor: the client uses that one since IN_R1/A4. */
  routed(pdu: Buffer): boolean {
    const ack = rtsValues("FlowControlAckWithDestination", pdu);
    const agreed = rtsValues("OUT_R1/A7", pdu) ?? rtsValues("OUT_R2/A7", pdu);
    if (ack?.destination === DESTINATIONS.client || ack?.destination === DESTINATIONS.outProxy) this.#hears.forward(pdu);
    else if (agreed?.destination === DESTINATIONS.server) this.#hears.agreed(agreed.successor ?? "");
    else return false;
    return true;
  }

  /** IN_R1/A2 has come on a leg of its own. */
  successorR1(leg: NcacnLeg, { predecessor, successor = "", window = 0, timeout = 0 }: RtsValues): void {
    if (this.#state !== "opened" || predecessor !== this.cookie)
      throw new Error(`IN_R1/A2 in state ${this.#state}, for ${predecessor}`);
    this.#next = { leg, cookie: successor };
    this.#state = "A6W";
    this.#hears.forward(rtsPdu("IN_R1/A3", { destination, window, timeout }));
  }

  /** Is this the leg of a successor? */
  isNext(leg: NcacnLeg): boolean {
    return this.#next?.leg === leg;
  }

  #rpc(pdu: Buffer): void {
    this.#receiving.arrived(pdu.length);
    const due = this.#receiving.freed(pdu.length);
    if (due !== undefined) this.leg.say(rtsPdu("FlowControlAck", { channel: this.cookie, ...due }));
    this.#hears.rpc(pdu);
  }

  #successorR2(cookie: string): void {
    this.cookie = cookie;
    this.#hears.forward(rtsPdu("IN_R2/A3", { destination }));
    this.#hears.recycled("IN_R2");
  }

  #switch(): void {
    if (this.#next === undefined) throw new Error("There is no successor of the IN channel");
    this.leg.end();
    this.leg = this.#next.leg;
    this.cookie = this.#next.cookie;
    this.#next = undefined;
    this.#state = "opened";
    this.#receiving = new Receiving(this.#window);
    this.leg.say(rtsPdu("IN_R1/B2", { window: this.#window }));
    this.#hears.recycled("IN_R1");
  }
}
