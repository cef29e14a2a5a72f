// One OUT channel of a client as the outbound proxy holds it: what goes out on it, in its window, and what the client may say on it.
// Failure: syntax, for RPC on an OUT channel; client-gone, when too much waits for a client that does not read.

import { Failure } from "@postern/contracts";
import type { ChannelListener, ClientChannel } from "../parts.ts";
import type { Rts } from "../rts/read.ts";
import { Held } from "./half.ts";
import { Outlet } from "./outlet.ts";

/** Who hears it. */
export interface LaneListener {
  fromClient(lane: Lane, pdu: Rts): void;
  laneDrained(lane: Lane): void;
  laneLost(lane: Lane, failure: Failure): void;
}

/** RTS PDUs are under no window: so many octets of them wait at most. */
const MAX_UNREAD = 64 * 1024;

export class Lane extends Held implements ChannelListener {
  readonly outlet: Outlet;
  /** Of the client, octets. */
  readonly #window: number;
  readonly #listener: LaneListener;
  /** Octets of RTS PDUs since the client had room. */
  #unread = 0;
  /** 200 was said. */
  isBegun = false;

  constructor(channel: ClientChannel, cookie: string, window: number, listener: LaneListener) {
    super(channel, cookie);
    this.#window = window;
    this.#listener = listener;
    this.outlet = new Outlet((pdus, lent) => channel.write(pdus, lent));
  }

  /** 200 Success; RPC waits on. */
  begin(): void {
    this.isBegun = true;
    this.#unread = 0;
    this.channel.begin();
  }

  /** RPC flows. */
  unplug(): void {
    this.outlet.open(this.#window);
  }

  /** Before 200 it waits for that. */
  say(pdu: Buffer): void {
    if (this.channel.write(pdu) && this.isBegun) return;
    this.#unread += pdu.length;
    if (this.#unread > MAX_UNREAD) throw new Failure("client-gone", "The client does not read its OUT channel");
  }

  rts(pdu: Rts): void {
    this.#listener.fromClient(this, pdu);
  }

  rpc(): never {
    throw new Failure("syntax", "RPC from the client on an OUT channel");
  }

  drained(): void {
    this.#unread = 0;
    this.#listener.laneDrained(this);
  }

  over(failure: Failure): void {
    this.lost();
    this.#listener.laneLost(this, failure);
  }
}
