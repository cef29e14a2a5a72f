// The OUT half of a virtual connection ([MS-RPCH] sections 3.2.4 and 3.2.5): sends the client the backend's RPC PDUs within the
// client's window and the channel's lifetime, RTS PDUs of the gateway, and changes from one channel to its successor (OUT_R2). What
// cannot be sent yet waits here, and the backend with it. Failure (to the channel that sent it): syntax.

import { Failure, type Lending } from "@postern/contracts";
import { headerOf } from "@postern/dcerpc";
import type { ClientChannel } from "../parts.ts";
import { rtsPdu, valuesOf } from "../rts/pdus.ts";
import type { Rts } from "../rts/read.ts";
import { SendWindow } from "../windows.ts";
import type { ChannelAcknowledgement } from "./in-half.ts";

/** What the half needs of the virtual connection. */
export interface OutHalfParts {
  /** After so many octets a channel is replaced. */
  readonly lifetime: number;
  /** Milliseconds, as the client is told. */
  readonly connectionTimeout: number;
  /** Does what waits here keep the backend from being read? */
  hold(isHeld: boolean): void;
  /** The half has lost this channel. */
  over(channel: ClientChannel, failure: Failure): void;
  /** The backend sent what cannot be passed on. */
  fail(failure: Failure): void;
  /** This channel is no longer needed. */
  left(channel: ClientChannel): void;
}

export interface OutChannel {
  readonly channel: ClientChannel;
  readonly cookie: string;
  /** The client's, octets. */
  readonly window: number;
}

interface Successor extends OutChannel {
  /** OUT_R2/C1 has come: the channel may begin when it takes over. */
  isReady: boolean;
}

/** Whole PDUs that wait, with a share of what they lie in. */
interface Waiting {
  run: Buffer;
  readonly lent: Lending | undefined;
}

/** The channel asks for a successor when so little is left of its lifetime, as Windows does. */
const RECYCLE_AT = 8 * 1024;
/** Of a lifetime, RPC PDUs leave so much, and acknowledgements and pings so much of that: for the words of the change. */
const FOR_RTS = 1024;
const FOR_CHANGE = 256;

const TOO_LARGE = "A PDU that is larger than the window of the client";

const PING = rtsPdu("Ping", {});

export class OutHalf {
  readonly #parts: OutHalfParts;
  #current: OutChannel;
  #window: SendWindow;
  /** When so little is left of the channel, it asks for a successor. */
  #askAt: number;
  /**
   * joining: not opened yet (no CONN/C2); opened; asked: for a successor, with OUT_R2/A2; met: the successor is there (OUT_R2/A6), and
   * OUT_R2/A7 is awaited; switched: OUT_R2/C1 is awaited.
   */
  #state: "joining" | "opened" | "asked" | "met" | "switched" = "joining";
  #successor: Successor | undefined;
  readonly #queue: Waiting[] = [];
  /** The channel has to drain first. */
  #isFull = false;
  /** The newest acknowledgement that could not be sent. */
  #due: ChannelAcknowledgement | undefined;

  constructor(first: OutChannel, parts: OutHalfParts) {
    this.#parts = parts;
    this.#current = first;
    this.#window = new SendWindow(first.window);
    this.#askAt = this.#askAtOf(first);
    first.channel.begin();
    this.#listen(first.channel, noRts);
    this.#say(rtsPdu("CONN/A3", { timeout: parts.connectionTimeout }));
  }

  get channel(): ClientChannel {
    return this.#current.channel;
  }

  get successor(): ClientChannel | undefined {
    return this.#successor?.channel;
  }

  /** A change of channels is under way, and waits for the client. */
  get isChanging(): boolean {
    return this.#state !== "opened" && this.#state !== "joining";
  }

  /** Nothing waits to be sent. */
  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** The backend is there, and the client is told: CONN/C2. */
  open(window: number): void {
    this.#say(rtsPdu("CONN/C2", { window, timeout: this.#parts.connectionTimeout }));
    this.#state = "opened";
    this.#pump();
  }

  /** Whole RPC PDUs of the backend. */
  send(run: Buffer, lent: Lending | undefined): void {
    this.#queue.push({ run, lent });
    this.#pump();
  }

  ping(): void {
    if (this.#maySay(PING.length)) this.#say(PING);
  }

  /** Tells the client that its IN data has been taken; a later word makes up for one that cannot be sent. */
  acknowledge(acknowledgement: ChannelAcknowledgement): void {
    this.#due = acknowledgement;
    this.#pump();
  }

  /** IN_R2/A4. Failure: syntax, when the client has let this channel run out. */
  askForSwitch(): void {
    const pdu = rtsPdu("IN_R2/A4", {});
    if (this.channel.bytesLeft < FOR_CHANGE) throw new Failure("syntax", "The OUT channel has run out");
    this.#say(pdu);
  }

  /** What the client has received. Failure: syntax, for what cannot be. */
  acknowledged({ channel, received, available }: ChannelAcknowledgement): void {
    // Of the channel before, say.
    if (channel !== this.#current.cookie) return;
    this.#window.acknowledged(received, available);
    this.#pump();
  }

  /** OUT_R2/A3 on a new channel. Failure: syntax; nothing has changed. */
  succeed(successor: OutChannel, predecessor: string): void {
    if (this.#state !== "asked" || predecessor !== this.#current.cookie || successor.cookie === predecessor)
      throw new Failure("syntax", "An OUT channel that takes over from none that asked for it");
    const next: Successor = { ...successor, isReady: false };
    this.#successor = next;
    this.#state = "met";
    this.#say(rtsPdu("OUT_R2/A6", {}));
    this.#listen(next.channel, (pdu) => this.#ready(next, pdu));
  }

  /** OUT_R2/A7: the client takes nothing more on the old channel than what is on its way. Failure: syntax. */
  switchTo(cookie: string): void {
    const next = this.#successor;
    if (this.#state !== "met" || next?.cookie !== cookie)
      throw new Failure("syntax", "A change to an OUT channel that is not there");
    const old = this.channel;
    this.#say(rtsPdu("OUT_R2/B3", {}));
    this.#current = next;
    this.#successor = undefined;
    this.#window = new SendWindow(next.window);
    this.#askAt = this.#askAtOf(next);
    this.#isFull = false;
    this.#state = "switched";
    this.#parts.left(old);
    if (next.isReady) this.#begin();
  }

  #ready(next: Successor, pdu: Rts): void {
    if (next.isReady || valuesOf("OUT_R2/C1", pdu) === undefined) return noRts();
    next.isReady = true;
    if (this.#state === "switched") this.#begin();
  }

  #begin(): void {
    this.#state = "opened";
    this.channel.begin();
    this.#pump();
  }

  #listen(channel: ClientChannel, rts: (pdu: Rts) => void): void {
    channel.listen({
      rts,
      rpc: () => {
        throw new Failure("syntax", "RPC on an OUT channel");
      },
      drained: () => {
        if (channel !== this.channel) return;
        this.#isFull = false;
        this.#pump();
      },
      over: (failure) => this.#parts.over(channel, failure),
    });
  }

  /** Sends what may be sent now, in order. */
  #pump(): void {
    if (this.#state === "joining" || this.#state === "switched") return this.#parts.hold(true);
    this.#sayDue();
    while (!this.#isFull) {
      const next = this.#queue[0];
      if (next === undefined) break;
      const { run, lent } = next;
      const size = this.#fitting(run);
      if (size === 0) break;
      this.#window.sent(size);
      if (size === run.length) this.#queue.shift();
      else {
        next.run = run.subarray(size);
        if (lent !== undefined) lent.users++;
      }
      this.#say(size === run.length ? run : run.subarray(0, size), lent);
    }
    if (this.#state === "opened" && this.#isRunningOut()) this.#ask();
    this.#parts.hold(this.#isFull || this.#queue.length > 0);
  }

  #sayDue(): void {
    const due = this.#due;
    if (due === undefined) return;
    const pdu = rtsPdu("FlowControlAckWithDestination", { destination: "client", ...due });
    if (!this.#maySay(pdu.length)) return;
    this.#due = undefined;
    this.#say(pdu);
  }

  /** How much of the run is whole PDUs for which there is room. */
  #fitting(run: Buffer): number {
    const room = Math.min(this.#window.room, this.#room);
    if (run.length <= room) return run.length;
    let size = 0;
    while (size < run.length) {
      const next = size + headerOf(run, size).length;
      if (next > room) break;
      size = next;
    }
    if (size === 0 && headerOf(run).length > this.#current.window) this.#parts.fail(new Failure("backend-garbled", TOO_LARGE));
    return size;
  }

  /** Of the lifetime, for RPC PDUs. */
  get #room(): number {
    return this.channel.bytesLeft - FOR_RTS;
  }

  /** Its answer may announce more than its lifetime. */
  #askAtOf({ channel }: OutChannel): number {
    return RECYCLE_AT + Math.max(0, channel.bytesLeft - this.#parts.lifetime);
  }

  #isRunningOut(): boolean {
    const next = this.#queue[0];
    return this.channel.bytesLeft < this.#askAt || (next !== undefined && headerOf(next.run).length > this.#room);
  }

  /** OUT_R2/A2. */
  #ask(): void {
    this.#state = "asked";
    this.#say(rtsPdu("OUT_R2/A2", {}));
  }

  /** Where the client does not read, the gateway's own words would heap up. */
  #maySay(octets: number): boolean {
    return !this.#isFull && this.#state !== "switched" && this.channel.bytesLeft >= octets + FOR_CHANGE;
  }

  #say(pdus: Buffer, lent?: Lending): void {
    if (!this.channel.write(pdus, lent)) this.#isFull = true;
  }
}

function noRts(): never {
  throw new Failure("syntax", "An RTS PDU that an OUT channel does not take");
}
