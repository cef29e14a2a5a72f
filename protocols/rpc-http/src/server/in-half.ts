// The IN half of a virtual connection ([MS-RPCH] sections 3.2.3 and 3.2.5): takes the client's RPC PDUs to the backend, has them
// acknowledged as the backend takes them, and changes from one channel to its successor (IN_R2). Never holds more than its windows.
// Failure (to the channel that sent it): syntax.

import { Failure, type Lending } from "@postern/contracts";
import { toKeep } from "../keep.ts";
import type { ChannelListener, ClientChannel } from "../parts.ts";
import { valuesOf } from "../rts/pdus.ts";
import type { Rts } from "../rts/read.ts";
import { ReceiveWindow, type Acknowledgement } from "../windows.ts";

/** What has arrived on a channel, told by who receives it. */
export interface ChannelAcknowledgement extends Acknowledgement {
  readonly channel: string;
}

/** What the half needs of the virtual connection. */
export interface InHalfParts {
  readonly window: number;
  /** False: freed() tells when the backend has taken it. */
  toBackend(run: Buffer, lent: Lending | undefined): boolean;
  acknowledge(acknowledgement: ChannelAcknowledgement): void;
  /** The client has acknowledged what came on an OUT channel. Failure: syntax. */
  acknowledged(acknowledgement: ChannelAcknowledgement): void;
  /** IN_R2/A4. Failure: syntax. */
  askForSwitch(): void;
  /** OUT_R2/A7: the client is ready to change to this OUT channel. Failure: syntax. */
  outReady(successor: string): void;
  keepAlive(ms: number): void;
  /** The half has lost its channel. */
  over(channel: ClientChannel, failure: Failure): void;
  /** This channel is no longer needed. */
  left(channel: ClientChannel): void;
}

interface Successor {
  readonly channel: ClientChannel;
  readonly cookie: string;
}

export class InHalf implements ChannelListener {
  readonly #parts: InHalfParts;
  #channel: ClientChannel;
  #cookie: string;
  #window: ReceiveWindow;
  #successor: Successor | undefined;
  /** What came before the backend was there. */
  #plugged: Buffer[] | undefined = [];
  /** Octets that the backend has not taken: of this channel, and of those before it. */
  #held = 0;
  #heldBefore = 0;

  constructor(channel: ClientChannel, cookie: string, parts: InHalfParts) {
    this.#parts = parts;
    this.#channel = channel;
    this.#cookie = cookie;
    this.#window = new ReceiveWindow(parts.window);
    channel.listen(this);
  }

  get channel(): ClientChannel {
    return this.#channel;
  }

  /** It waits for the last word on the channel before it; nobody listens to it yet. */
  get successor(): ClientChannel | undefined {
    return this.#successor?.channel;
  }

  /** The backend is there. */
  unplug(): void {
    const waiting = this.#plugged ?? [];
    this.#plugged = undefined;
    for (const run of waiting) this.#forward(run, undefined);
  }

  /** The backend has taken all that it was given. */
  freed(): void {
    const octets = this.#held;
    this.#held = this.#heldBefore = 0;
    this.#free(octets);
  }

  /** IN_R2/A1 on a new channel. Failure: syntax; nothing has changed. */
  succeed(channel: ClientChannel, predecessor: string, cookie: string): void {
    if (predecessor !== this.#cookie || this.#successor !== undefined || cookie === this.#cookie)
      throw new Failure("syntax", "An IN channel that takes over from none that is there");
    this.#parts.askForSwitch();
    this.#successor = { channel, cookie };
  }

  rpc(run: Buffer, lent?: Lending): boolean {
    this.#window.arrived(run.length);
    this.#held += run.length;
    if (this.#plugged === undefined) this.#forward(run, lent);
    else this.#plugged.push(toKeep(run));
    // Its acknowledgements of the other direction come here too: what bounds it is the window.
    return true;
  }

  rts(pdu: Rts): void {
    const acknowledgement = valuesOf("FlowControlAckWithDestination", pdu);
    if (acknowledgement !== undefined) return this.#acknowledged(acknowledgement);
    if (valuesOf("Ping", pdu) !== undefined) return;
    const keepAlive = valuesOf("Keep-Alive", pdu);
    if (keepAlive !== undefined) return this.#parts.keepAlive(keepAlive.keepAlive);
    const last = valuesOf("IN_R2/A5", pdu);
    if (last !== undefined) return this.#switch(last.successor);
    const ready = valuesOf("OUT_R2/A7", pdu);
    if (ready !== undefined) return this.#parts.outReady(ready.successor);
    throw new Failure("syntax", "An RTS PDU that an IN channel does not take");
  }

  drained(): void {}

  over(failure: Failure): void {
    this.#parts.over(this.#channel, failure);
  }

  #acknowledged(values: ChannelAcknowledgement & { readonly destination: string }): void {
    if (values.destination !== "out-proxy") throw new Failure("syntax", `An acknowledgement for the ${values.destination}`);
    this.#parts.acknowledged(values);
  }

  #forward(run: Buffer, lent: Lending | undefined): void {
    if (!this.#parts.toBackend(run, lent)) return;
    this.#held -= run.length;
    this.#free(run.length);
  }

  #free(octets: number): void {
    const due = this.#window.freed(octets);
    if (due !== undefined) this.#parts.acknowledge({ channel: this.#cookie, ...due });
  }

  /** IN_R2/A5: nothing more comes on the old channel. */
  #switch(cookie: string): void {
    const successor = this.#successor;
    if (successor === undefined || successor.cookie !== cookie)
      throw new Failure("syntax", "A change to an IN channel that is not there");
    this.#heldBefore += this.#held;
    this.#held = 0;
    // Who keeps to the windows has had them emptied since the channel before this one.
    if (this.#heldBefore > 2 * this.#parts.window)
      throw new Failure("syntax", "IN channels change faster than the backend reads");
    const old = this.#channel;
    this.#channel = successor.channel;
    this.#cookie = cookie;
    this.#successor = undefined;
    this.#window = new ReceiveWindow(this.#parts.window);
    this.#parts.left(old);
    this.#channel.listen(this);
  }
}
