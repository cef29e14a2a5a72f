// The outbound proxy of one virtual connection ([MS-RPCH] section 3.2.4): takes what the server says on its TCP connection to the
// client's OUT channel, and changes from one OUT channel to the next. Never holds more than the window that it told the server, never
// looks into an RPC PDU. Failure (to the channel that sent it): syntax; for a successor that does not belong here, and then nothing
// has changed.
//
//   dialling   C1W              CONN/A2, 200 and CONN/A3 were said
//              A11W             OUT_R1/A4 was said, by the successor of a channel at another proxy; no 200 yet
//   C1W, A11W  opened           CONN/C1; OUT_R1/A11 from the client
//   opened     B1OrC1W          OUT_R2/A3: a successor is here
//              finishing        OUT_R1/A9: the successor is at another proxy; what waits goes out, then OUT_R1/A10
//   B1OrC1W    B1W, R2C1W       OUT_R2/C1 of the client; OUT_R2/B1 of the server, whose RPC goes to the successor from then on
//   B1W, R2C1W opened           the other one of them; OUT_R2/B2 (no) keeps the old channel
//   finished
//
// A successor says 200 when both words have come and the channel before it has been sent all that waited, and OUT_R2/B3.

import { Failure, toFailure, type Lending } from "@postern/contracts";
import type { ClientChannel } from "../parts.ts";
import { Quiet } from "../quiet.ts";
import { rtsPdu, valuesOf } from "../rts/pdus.ts";
import { destinationOf, type Rts } from "../rts/read.ts";
import { ReceiveWindow, type Acknowledgement } from "../windows.ts";
import type { Dial, HalfParts } from "./half.ts";
import { Lane, type LaneListener } from "./lane.ts";
import type { Source } from "./outlet.ts";
import type { LegListener, ServerLeg } from "../server-leg.ts";

type State = "dialling" | "C1W" | "A11W" | "opened" | "B1OrC1W" | "B1W" | "R2C1W" | "finishing" | "finished";

/** Nobody has to do anything for the state to last. */
const LASTING: ReadonlySet<State> = new Set<State>(["dialling", "opened", "finished"]);

const PING = rtsPdu("Ping", {});
/** After more octets of pings the server is told, for its count of the channel's lifetime (product note of Windows). */
const PINGS_UNTOLD = 1031;

export class OutProxy implements LegListener, LaneListener, Source {
  readonly #parts: HalfParts;
  readonly #window: ReceiveWindow;
  readonly #quietClient = new Quiet();
  readonly #quietState = new Quiet();
  #state: State = "dialling";
  /** Changes of the state. */
  #steps = 0;
  #leg: ServerLeg | undefined;
  /** Where the server's RPC goes. */
  #lane: Lane;
  #successor: Lane | undefined;
  /** It is being sent what waited, and its last word behind that. */
  #closing: Lane | undefined;
  /** The last acknowledgement that the server was sent. */
  #acknowledged: Acknowledgement | undefined;
  #pings = 0;

  constructor(channel: ClientChannel, cookie: string, window: number, parts: HalfParts) {
    this.#parts = parts;
    this.#window = new ReceiveWindow(parts.settings.window);
    this.#lane = new Lane(channel, cookie, window, this);
  }

  get isOver(): boolean {
    return this.#state === "finished";
  }

  /**
   * Connects to the server and says `hello`, CONN/A2 or OUT_R1/A4; `next`: what is awaited then. Settles when the first channel is
   * over.
   */
  async open(dial: Dial, hello: Buffer, next: "C1W" | "A11W"): Promise<void> {
    const first = this.#lane;
    first.channel.listen(first);
    try {
      const leg = await dial(this);
      // The client can have left meanwhile.
      if (this.isOver) leg.close(this.#parts.clock);
      else this.#meet(leg, hello, next);
    } catch (error) {
      this.end(toFailure(error));
    }
    return first.settled;
  }

  /** OUT_R2/A3 on a new channel; settles when that is over. Failure: syntax. */
  succeed(channel: ClientChannel, predecessor: string, cookie: string, window: number): Promise<void> {
    const isReady = this.#state === "opened" && this.#closing === undefined;
    if (!isReady || predecessor !== this.#lane.cookie || cookie === predecessor)
      throw new Failure("syntax", `RTS: an OUT channel that takes over from none (${this.#state})`);
    const next = new Lane(channel, cookie, window, this);
    this.#successor = next;
    this.#turn("B1OrC1W");
    this.#leg?.write(rtsPdu("OUT_R2/A4", { successor: cookie }));
    channel.listen(next);
    return next.settled;
  }

  /** Looks at what has come to pass since the last time; `now`: milliseconds. */
  tick(now: number): void {
    const { joinTimeout, connectionTimeout } = this.#parts.settings;
    const waits = LASTING.has(this.#state) && this.#closing === undefined ? undefined : this.#steps;
    if (this.#quietState.since(now, waits) >= joinTimeout)
      return this.end(new Failure("idle", `RTS: OUT channel, ${this.#state} for ${joinTimeout} ms`));
    const { channel, isBegun } = this.#lane;
    const quiet = this.#quietClient.since(now, channel.bytesLeft, channel);
    if (isBegun && quiet >= connectionTimeout / 2) this.#guarded(() => this.#ping());
  }

  /** Ends all of it. Harmless a second time. */
  end(failure: Failure): void {
    this.#finish(failure);
  }

  runFromServer(run: Buffer, lent: Lending | undefined): void {
    if (this.#state === "C1W" || this.#state === "finishing") throw this.#unexpected("RPC");
    this.#window.arrived(run.length);
    this.#lane.outlet.push(run, this, lent);
  }

  passedOn(octets: number): void {
    const due = this.#window.freed(octets);
    if (due === undefined) return;
    this.#acknowledged = due;
    this.#acknowledge(due);
  }

  fromServer(pdu: Rts, bytes: Buffer): void {
    const destination = destinationOf(pdu);
    if (destination === "client") return this.#forClient(pdu, bytes);
    const ack = valuesOf("FlowControlAckWithDestination", pdu);
    if (ack?.destination === "out-proxy") return this.#clientTook(ack);
    if (valuesOf("Ping", pdu) !== undefined) return;
    if (valuesOf("OUT_R2/B1", pdu) !== undefined) return this.#established();
    if (valuesOf("OUT_R2/B2", pdu) !== undefined && this.#successor !== undefined) return this.#stay();
    if (this.#state !== "C1W" || valuesOf("CONN/C1", pdu) === undefined) throw this.#unexpected();
    // CONN/C2 is the same PDU.
    this.#lane.say(bytes);
    this.#turn("opened");
    this.#lane.unplug();
  }

  fromClient(lane: Lane, pdu: Rts): void {
    if (this.#state === "A11W" && valuesOf("OUT_R1/A11", pdu) !== undefined) {
      this.#turn("opened");
      return this.#flushed();
    }
    if (valuesOf("OUT_R2/C1", pdu) === undefined) throw this.#unexpected();
    if (this.#state === "B1OrC1W" && lane === this.#successor) return this.#turn("B1W");
    if (this.#state !== "R2C1W" || lane !== this.#lane) throw this.#unexpected();
    this.#turn("opened");
    this.#flushed();
  }

  laneDrained(lane: Lane): void {
    this.#guarded(() => {
      lane.outlet.drained();
      this.#flushed();
    });
  }

  laneLost(_lane: Lane, failure: Failure): void {
    this.end(failure);
  }

  legDrained(): void {}

  legOver(failure: Failure): void {
    this.#guarded(() => {
      for (const lane of [this.#closing, this.#lane]) if (lane?.isBegun === true) lane.outlet.last();
    });
    this.end(failure);
  }

  #meet(leg: ServerLeg, hello: Buffer, next: "C1W" | "A11W"): void {
    this.#leg = leg;
    leg.write(hello);
    this.#turn(next);
    if (next === "A11W") return;
    this.#lane.begin();
    this.#lane.say(rtsPdu("CONN/A3", { timeout: this.#parts.settings.connectionTimeout }));
  }

  /** The client hears the server, and the inbound proxy by way of the server; a change of channels is begun in the open state alone. */
  #forClient(pdu: Rts, bytes: Buffer): void {
    const begins = valuesOf("OUT_R1/A1", pdu) ?? valuesOf("OUT_R1/A5", pdu);
    if (this.#state === "finishing" || (begins !== undefined && this.#state !== "opened")) throw this.#unexpected();
    this.#lane.say(bytes);
  }

  #clientTook({ channel, received, available }: Acknowledgement & { readonly channel: string }): void {
    // Of the channel before, say, or of one at another proxy.
    const lane = [this.#lane, this.#closing].find((one) => one?.cookie === channel);
    lane?.outlet.acknowledged(received, available);
    this.#flushed();
  }

  /** The server takes the successor: OUT_R1/A9 where that is at another proxy, OUT_R2/B1 where it is here. */
  #established(): void {
    if (this.#state === "opened" && this.#closing === undefined) {
      this.#turn("finishing");
      return this.#flushed();
    }
    const next = this.#successor;
    if (next === undefined) throw this.#unexpected();
    this.#closing = this.#lane;
    this.#lane = next;
    this.#successor = undefined;
    this.#pings = 0;
    this.#turn(this.#state === "B1W" ? "opened" : "R2C1W");
    // The server may have passed over the last one: it named a channel that was none any more.
    if (this.#acknowledged !== undefined) this.#acknowledge(this.#acknowledged);
    this.#flushed();
  }

  /** The server does not take the successor. */
  #stay(): void {
    const refused = this.#successor;
    this.#successor = undefined;
    this.#turn("opened");
    refused?.leave(new Failure("backend-unavailable", "The server took no new OUT channel"));
  }

  /** Behind what waited comes the last word on a channel, and behind that its successor begins. */
  #flushed(): void {
    const old = this.#closing;
    if (old?.outlet.isEmpty === true) {
      this.#closing = undefined;
      old.say(rtsPdu("OUT_R2/B3", {}));
      old.leave();
    }
    if (this.#state === "opened" && this.#closing === undefined && !this.#lane.isBegun) {
      this.#lane.begin();
      this.#lane.unplug();
    }
    if (this.#state !== "finishing" || !this.#lane.outlet.isEmpty) return;
    this.#lane.say(rtsPdu("OUT_R1/A10", {}));
    this.#finish(undefined);
  }

  #acknowledge(due: Acknowledgement): void {
    this.#leg?.write(rtsPdu("FlowControlAck", { channel: this.#lane.cookie, ...due }));
  }

  #ping(): void {
    this.#lane.say(PING);
    this.#pings += PING.length;
    if (this.#pings <= PINGS_UNTOLD) return;
    this.#leg?.write(rtsPdu("PingTrafficSentNotify", { octets: this.#pings }));
    this.#pings = 0;
  }

  #finish(failure: Failure | undefined): void {
    if (this.isOver) return;
    this.#turn("finished");
    this.#leg?.close(this.#parts.clock);
    for (const lane of [this.#closing, this.#lane, this.#successor]) lane?.leave(failure);
    this.#parts.over(failure);
  }

  #turn(state: State): void {
    this.#state = state;
    this.#steps++;
  }

  /** Where nobody else catches. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.end(toFailure(error));
    }
  }

  #unexpected(what = "a PDU"): Failure {
    return new Failure("syntax", `RTS: ${what} that does not belong here (OUT channel, ${this.#state})`);
  }
}
