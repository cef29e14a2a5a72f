// The inbound proxy of one virtual connection ([MS-RPCH] section 3.2.3): takes the client's IN channel to the server, one TCP
// connection for as long as it lives, and changes from one IN channel to the next. Never holds more than its windows allow, never
// looks into an RPC PDU. Failure (to the channel that sent it): syntax; for a successor that does not belong here, and then nothing
// has changed.
//
//   dialling  B3W, B2W     the server is awaited: CONN/B3, or IN_R1/B2 of a successor whose predecessor is at another proxy
//   opened    B3, B2       RPC flows
//   A5W       IN_R2/A1     a successor is there; what it says waits until the client's last word on the channel before it
//   finishing IN_R1/A5     the successor is at another proxy: what waits goes out, then IN_R1/B1
//   finished

import { Failure, toFailure, type Lending } from "@postern/contracts";
import { toKeep } from "../keep.ts";
import type { ChannelListener, ClientChannel } from "../parts.ts";
import { rtsPdu, valuesOf } from "../rts/pdus.ts";
import { destinationOf, type Rts } from "../rts/read.ts";
import { ReceiveWindow } from "../windows.ts";
import { Quiet, SILENCE } from "../quiet.ts";
import { Held, type Dial, type HalfParts } from "./half.ts";
import { Outlet, type Source } from "./outlet.ts";
import type { LegListener, ServerLeg } from "../server-leg.ts";

type State = "dialling" | "B3W" | "B2W" | "opened" | "A5W" | "finishing" | "finished";

/** Zero stands for this (section 2.2.3.5.6). */
const KEEP_ALIVE_MS = 300_000;
/** What a system takes for it. */
const MIN_KEEP_ALIVE_MS = 60_000;
const MAX_KEEP_ALIVE_MS = 14_400_000;
/** Channels that change faster than the server reads would leave one window after the other behind. */
const MAX_WINDOWS_LEFT = 2;

const PING = rtsPdu("Ping", {});

/** The client's half of it: one IN channel with its window. */
class Inlet extends Held implements ChannelListener, Source {
  readonly #proxy: InProxy;
  readonly #window: ReceiveWindow;

  constructor(channel: ClientChannel, cookie: string, size: number, proxy: InProxy) {
    super(channel, cookie);
    this.#proxy = proxy;
    this.#window = new ReceiveWindow(size);
  }

  rpc(run: Buffer, lent?: Lending): boolean {
    this.#window.arrived(run.length);
    this.#proxy.runFromClient(this, run, lent);
    // The window is what bounds it; acknowledgements of the other direction come here too.
    return true;
  }

  rts(pdu: Rts, bytes: Buffer): void {
    this.#proxy.fromClient(this, pdu, bytes);
  }

  drained(): void {}

  over(failure: Failure): void {
    this.lost();
    this.#proxy.lost(this, failure);
  }

  passedOn(octets: number): void {
    const due = this.#window.freed(octets);
    if (due !== undefined) this.#proxy.acknowledge(this, due);
  }
}

export class InProxy implements LegListener {
  readonly #parts: HalfParts;
  readonly #outlet: Outlet;
  readonly #quietClient = new Quiet();
  readonly #quietServer = new Quiet();
  readonly #quietState = new Quiet();
  #state: State = "dialling";
  /** Changes of the state. */
  #steps = 0;
  #leg: ServerLeg | undefined;
  #keepAliveMs = KEEP_ALIVE_MS;
  #current: Inlet;
  #successor: Inlet | undefined;
  /** Of the successor. */
  #plugged: Buffer[] = [];

  constructor(channel: ClientChannel, cookie: string, parts: HalfParts) {
    this.#parts = parts;
    this.#outlet = new Outlet((pdus, lent) => this.#leg?.write(pdus, lent) ?? true);
    this.#current = new Inlet(channel, cookie, parts.settings.window, this);
  }

  get isOver(): boolean {
    return this.#state === "finished";
  }

  /**
   * Connects to the server and says `hello`, CONN/B2 or IN_R1/A2; `next`: which answer is awaited. Settles when the first channel
   * is over.
   */
  async open(dial: Dial, hello: Buffer, next: "B3W" | "B2W"): Promise<void> {
    const first = this.#current;
    first.channel.listen(first);
    try {
      const leg = await dial(this);
      // The client can have left meanwhile.
      if (this.isOver) return leg.close(this.#parts.clock);
      this.#leg = leg;
      leg.keepAlive(this.#keepAliveMs);
      leg.write(hello);
      this.#turn(next);
    } catch (error) {
      this.end(toFailure(error));
    }
    return first.settled;
  }

  /** IN_R2/A1 on a new channel; settles when that is over. Failure: syntax. */
  succeed(channel: ClientChannel, predecessor: string, cookie: string): Promise<void> {
    if (this.#state !== "opened" || predecessor !== this.#current.cookie || cookie === predecessor)
      throw new Failure("syntax", `RTS: an IN channel that takes over from none (${this.#state})`);
    const next = new Inlet(channel, cookie, this.#parts.settings.window, this);
    this.#successor = next;
    this.#turn("A5W");
    this.#leg?.write(rtsPdu("IN_R2/A2", { successor: cookie }));
    channel.listen(next);
    return next.settled;
  }

  /** ClientKeepalive, milliseconds. */
  keepAlive(ms: number): void {
    this.#keepAliveMs = Math.min(Math.max(ms || KEEP_ALIVE_MS, MIN_KEEP_ALIVE_MS), MAX_KEEP_ALIVE_MS);
    this.#leg?.keepAlive(this.#keepAliveMs);
  }

  /** Looks at what has come to pass since the last time; `now`: milliseconds. */
  tick(now: number): void {
    const { joinTimeout, connectionTimeout } = this.#parts.settings;
    const waits = this.#state === "opened" || this.#state === "dialling" ? undefined : this.#steps;
    if (this.#quietState.since(now, waits) >= joinTimeout)
      return this.end(new Failure("idle", `RTS: ${this.#state} for ${joinTimeout} ms`));
    const { channel } = this.#current;
    if (this.#quietClient.since(now, channel.bytesIn, channel) >= SILENCE * connectionTimeout)
      return this.end(new Failure("idle", `Nothing came on the IN channel for ${SILENCE * connectionTimeout} ms`));
    if (this.#quietServer.since(now, this.#leg?.bytesOut) >= connectionTimeout / 2) this.#leg?.write(PING);
  }

  /** Ends all of it. Harmless a second time. */
  end(failure: Failure): void {
    this.#finish(failure);
  }

  runFromClient(from: Inlet, run: Buffer, lent: Lending | undefined): void {
    if (from === this.#successor) this.#plugged.push(toKeep(run));
    else if (this.#state === "finishing") throw new Failure("syntax", "RPC behind the last word of an IN channel");
    else this.#outlet.push(run, from, lent);
  }

  fromClient(from: Inlet, pdu: Rts, bytes: Buffer): void {
    const destination = destinationOf(pdu);
    // The server takes them on, to the outbound proxy (section 3.2.1.5.2).
    if (destination === "server" || destination === "out-proxy") return this.#forward(bytes);
    if (valuesOf("Ping", pdu) !== undefined) return;
    const told = valuesOf("Keep-Alive", pdu);
    if (told !== undefined) return this.keepAlive(told.keepAlive);
    const last = valuesOf("IN_R2/A5", pdu);
    if (last !== undefined && from === this.#current) return this.#lastWord(last.successor);
    throw this.#unexpected();
  }

  /** The channel is over, not by us. */
  lost(inlet: Inlet, failure: Failure): void {
    // Of a channel that has had its last word nothing more was awaited.
    if (this.#state === "finishing" && inlet === this.#current) return;
    this.end(failure);
  }

  /** What the server has been given makes room for the client, who hears it by way of the server. */
  acknowledge(inlet: Inlet, due: { readonly received: number; readonly available: number }): void {
    if (inlet !== this.#current && inlet !== this.#successor) return;
    this.#leg?.write(rtsPdu("FlowControlAckWithDestination", { destination: "client", channel: inlet.cookie, ...due }));
  }

  fromServer(pdu: Rts): void {
    const ack = valuesOf("FlowControlAck", pdu) ?? this.#forwardedAck(pdu);
    if (ack !== undefined) return this.#acknowledged(ack);
    if (valuesOf("Ping", pdu) !== undefined) return;
    const answer =
      this.#state === "B3W" ? valuesOf("CONN/B3", pdu) : this.#state === "B2W" ? valuesOf("IN_R1/B2", pdu) : undefined;
    if (answer === undefined) throw this.#unexpected();
    this.#turn("opened");
    this.#outlet.open(answer.window);
  }

  runFromServer(): void {
    throw new Failure("syntax", "RPC from the server on the IN channel");
  }

  legDrained(): void {
    this.#outlet.drained();
    this.#flushed();
  }

  legOver(failure: Failure): void {
    this.end(failure);
  }

  #forward(bytes: Buffer): void {
    if (this.#leg === undefined || this.#state === "finishing") throw this.#unexpected();
    this.#leg.write(bytes);
  }

  #forwardedAck(pdu: Rts): { readonly channel: string; readonly received: number; readonly available: number } | undefined {
    const ack = valuesOf("FlowControlAckWithDestination", pdu);
    return ack?.destination === "in-proxy" ? ack : undefined;
  }

  /** The connection to the server stays when the channel changes: until both know of it, either cookie means it. */
  #acknowledged({
    channel,
    received,
    available,
  }: {
    readonly channel: string;
    readonly received: number;
    readonly available: number;
  }): void {
    if (channel !== this.#current.cookie && channel !== this.#successor?.cookie) return;
    this.#outlet.acknowledged(received, available);
    this.#flushed();
  }

  /** A5: nothing more comes on the channel, its successor takes over; IN_R1 where that is at another proxy. */
  #lastWord(cookie: string): void {
    if (this.#state === "opened") {
      this.#leg?.write(rtsPdu("IN_R1/A6", { successor: cookie }));
      this.#turn("finishing");
      return this.#flushed();
    }
    const next = this.#successor;
    if (this.#state !== "A5W" || next?.cookie !== cookie) throw this.#unexpected();
    if (this.#outlet.queued > MAX_WINDOWS_LEFT * this.#parts.settings.window)
      throw new Failure("syntax", "IN channels change faster than the server reads");
    const waiting = this.#plugged;
    const old = this.#current;
    this.#plugged = [];
    this.#current = next;
    this.#successor = undefined;
    this.#turn("opened");
    old.leave();
    for (const run of waiting) this.#outlet.push(run, next);
  }

  /** Behind the last of what waited comes the last word. */
  #flushed(): void {
    if (this.#state !== "finishing" || !this.#outlet.isEmpty) return;
    this.#leg?.write(rtsPdu("IN_R1/B1", {}));
    this.#finish(undefined);
  }

  #finish(failure: Failure | undefined): void {
    if (this.isOver) return;
    this.#turn("finished");
    this.#leg?.close(this.#parts.clock);
    this.#current.leave(failure);
    this.#successor?.leave(failure);
    this.#parts.over(failure);
  }

  #turn(state: State): void {
    this.#state = state;
    this.#steps++;
  }

  #unexpected(): Failure {
    return new Failure("syntax", `RTS: a PDU that does not belong here (IN channel, ${this.#state})`);
  }
}
