// A virtual connection at the ncacn_http server of the tests: joins the legs of both proxies ([MS-RPCH] sections 3.2.5.5.1 to
// 3.2.5.5.13), and answers calls. What is not allowed ends it.

import type { Recycling } from "./client-parts.ts";
import { EchoRpc, type EchoServerSide } from "./echo-rpc.ts";
import { NcacnIn } from "./ncacn-in.ts";
import type { NcacnLeg } from "./ncacn-leg.ts";
import { NcacnOut } from "./ncacn-out.ts";
import { PduSplitter } from "./pdus.ts";
import { isRts, rtsNames, rtsPdu, type RtsName, type RtsValues } from "./rts.ts";

/** What the server hears of it. */
export interface NcacnHears {
  recycled(how: Recycling): void;
  /** It is over; `error`: what a proxy did wrong. */
  over(connection: NcacnConnection, error?: string): void;
}

export class NcacnConnection {
  readonly rpc: EchoRpc;
  readonly #window: number;
  readonly #hears: NcacnHears;
  readonly #legs = new Set<NcacnLeg>();
  #in: NcacnIn | undefined;
  #out: NcacnOut | undefined;
  #told: RtsValues = {};

  constructor(server: EchoServerSide, window: number, hears: NcacnHears) {
    this.rpc = new EchoRpc(server);
    this.#window = window;
    this.#hears = hears;
  }

  /** A leg whose first PDU was this one. */
  join(leg: NcacnLeg, name: RtsName, values: RtsValues): void {
    this.#legs.add(leg);
    leg.listen({
      pdu: (pdu) => this.#guarded(() => this.#heard(leg, pdu)),
      over: (error) => this.#over(error),
    });
    this.#guarded(() => this.#joined(leg, name, values));
  }

  /** Cuts the leg of one direction, as a loss of the network does. */
  cut(direction: "in" | "out"): void {
    (direction === "in" ? this.#in : this.#out)?.leg.cut();
    this.#over();
  }

  #joined(leg: NcacnLeg, name: RtsName, values: RtsValues): void {
    if (name === "CONN/A2") this.#joinOut(leg, values);
    else if (name === "CONN/B2") this.#joinIn(leg, values);
    else if (this.#in === undefined || this.#out === undefined) throw new Error(`${name} before both channels are open`);
    else if (name === "IN_R1/A2") this.#in.successorR1(leg, values);
    else this.#out.successorR1(leg, values);
  }

  #joinOut(leg: NcacnLeg, values: RtsValues): void {
    if (this.#out !== undefined) throw new Error("A second CONN/A2");
    this.#out = new NcacnOut(leg, values, {
      forward: (pdu) => this.#in?.leg.say(pdu),
      recycled: (how) => this.#hears.recycled(how),
    });
    this.#open();
  }

  #joinIn(leg: NcacnLeg, values: RtsValues): void {
    if (this.#in !== undefined) throw new Error("A second CONN/B2");
    this.#told = { window: values.window ?? 0, timeout: values.timeout ?? 0 };
    this.#in = new NcacnIn(leg, values.channel ?? "", this.#window, {
      rpc: (pdu) => this.#call(pdu),
      forward: (pdu) => this.#out?.rts(pdu),
      agreed: (successor) => this.#out?.agreed(successor),
      recycled: (how) => this.#hears.recycled(how),
    });
    this.#open();
  }

  #open(): void {
    if (this.#in === undefined || this.#out === undefined) return;
    this.#in.leg.say(rtsPdu("CONN/B3", { window: this.#window }));
    this.#out.rts(rtsPdu("CONN/C1", this.#told));
    this.#out.isOpen = true;
  }

  #call(pdu: Buffer): void {
    for (const answer of new PduSplitter().feed(this.rpc.take(pdu))) this.#out?.rpc(answer);
  }

  #heard(leg: NcacnLeg, pdu: Buffer): void {
    if (leg === this.#in?.leg) {
      if (this.#out === undefined) throw new Error("Something came on IN before it was open");
      return this.#in.heard(pdu);
    }
    if (this.#in?.isNext(leg) === true && this.#in.routed(pdu)) return;
    if (leg === this.#out?.leg && isRts(pdu)) return this.#out.heard(pdu);
    throw new Error(`On a leg that is not in use came ${isRts(pdu) ? rtsNames(pdu) : "an RPC PDU"}`);
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#over(error instanceof Error ? error.message : String(error));
    }
  }

  #over(error?: string): void {
    for (const leg of this.#legs) leg.cut();
    this.#legs.clear();
    this.#hears.over(this, error);
  }
}
