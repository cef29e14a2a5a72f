// One virtual connection to a plain TCP RPC server ([MS-RPCH] section 3.2.5): its two halves, which come one after the other in any
// order, and the one connection to the backend, which is dialled when both are there. The loss of any of the three ends all of it.
// It never throws once a channel is taken. Failure: syntax, for a channel that does not belong here; nothing has changed then.

import { Failure, toFailure, type Leg, type Lending, type Session } from "@postern/contracts";
import { firstThere, reach } from "@postern/core";
import type { ClientChannel, Opening, RpcHttpParts } from "../parts.ts";
import { InHalf } from "./in-half.ts";
import { OutHalf } from "./out-half.ts";
import { Quiet, SILENCE } from "../quiet.ts";
import { ServerLeg, type LegListener, type LegRules } from "../server-leg.ts";

/** Zero stands for this ([MS-RPCH] section 2.2.3.5.6). */
const KEEP_ALIVE_MS = 300_000;
const KEEP_ALIVE_RANGE = { min: 60_000, max: 14_400_000 };

/** All that it is sent is under the windows. */
const RULES: LegRules = { mayGreet: false, maxUnsent: Infinity };

const MISPLACED = "The virtual connection has that half already";

export class VirtualConnection implements LegListener {
  readonly #parts: RpcHttpParts;
  readonly #onOver: () => void;
  /** What is to be called when a channel is over. */
  readonly #channels = new Map<ClientChannel, () => void>();
  readonly #inQuiet = new Quiet();
  readonly #outQuiet = new Quiet();
  readonly #waitQuiet = new Quiet();
  #in: InHalf | undefined;
  #out: OutHalf | undefined;
  #backend: ServerLeg | undefined;
  #hasMet = false;
  /** Of the channel that came first; one that was passed on may not know any. */
  #legs: readonly Leg[] = [];
  #keepAliveMs = KEEP_ALIVE_MS;
  /** Steps of coming together and of changing channels: each has its time. */
  #steps = 0;
  /** The backend has ended, and the client has not heard all of it. */
  #lastWords: Failure | undefined;
  #over: Failure | undefined;

  constructor(parts: RpcHttpParts, onOver: () => void) {
    this.#parts = parts;
    this.#onOver = onOver;
  }

  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** Takes a channel of it; settles when that is over. Failure: syntax. */
  take(channel: ClientChannel, opening: Opening, legs: readonly Leg[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#channels.set(channel, resolve);
      try {
        this.#steps++;
        this.#place(channel, opening);
      } catch (error) {
        this.#channels.delete(channel);
        reject(toFailure(error));
        return;
      }
      this.#note(channel.session);
      if (this.#legs.length === 0) this.#legs = legs;
      if (this.#in !== undefined && this.#out !== undefined) this.#meetOnce(channel.session);
    });
  }

  /** Looks at what has come to pass since the last time; `now`: milliseconds. */
  tick(now: number): void {
    const { joinTimeout, connectionTimeout } = this.#parts.settings;
    const [incoming, outgoing] = [this.#in, this.#out];
    if (incoming?.successor?.isOver === true)
      return this.end(new Failure("client-gone", "The client left the IN channel that was to take over"));
    const isWaiting = this.#backend === undefined || incoming?.successor !== undefined || outgoing?.isChanging === true;
    const isLate = isWaiting || this.#lastWords !== undefined;
    if (this.#waitQuiet.since(now, isLate ? this.#steps : undefined) >= joinTimeout)
      return this.end(this.#lastWords ?? new Failure("idle", `No other channel came within ${joinTimeout} ms`));
    if (this.#inQuiet.since(now, incoming?.channel.bytesIn, incoming?.channel) >= SILENCE * connectionTimeout)
      return this.end(new Failure("idle", `Nothing came on the IN channel for ${SILENCE * connectionTimeout} ms`));
    if (this.#outQuiet.since(now, outgoing?.channel.bytesLeft, outgoing?.channel) >= connectionTimeout / 2) outgoing?.ping();
  }

  /** Ends all of it. Harmless a second time. */
  end(failure: Failure): void {
    if (this.#over !== undefined) return;
    this.#over = failure;
    this.#backend?.close(this.#parts.clock);
    for (const [channel, done] of this.#channels) {
      channel.leave(failure);
      done();
    }
    this.#channels.clear();
    this.#onOver();
  }

  fromServer(): void {
    throw new Failure("syntax", "an RTS PDU from a server that speaks plain TCP");
  }

  runFromServer(run: Buffer, lent: Lending | undefined): void {
    this.#out?.send(run, lent);
  }

  legDrained(): void {
    this.#in?.freed();
  }

  legOver(failure: Failure): void {
    this.#lastWords = failure;
    this.#steps++;
    this.#hold(this.#out?.isEmpty === false);
  }

  #place(channel: ClientChannel, opening: Opening): void {
    switch (opening.kind) {
      case "conn-a1":
        if (this.#out !== undefined) throw new Failure("syntax", MISPLACED);
        this.#out = this.#outHalf({ channel, cookie: opening.channel, window: opening.window });
        return;
      case "conn-b1":
        if (this.#in !== undefined) throw new Failure("syntax", MISPLACED);
        this.#keepAliveMs = keepAliveOf(opening.keepAlive);
        this.#in = this.#inHalf(channel, opening.channel);
        return;
      case "out-r-a3":
        this.#successorOf(this.#out).succeed({ channel, cookie: opening.channel, window: opening.window }, opening.predecessor);
        return;
      case "in-r-a1":
        this.#successorOf(this.#in).succeed(channel, opening.predecessor, opening.channel);
    }
  }

  /** Channels take over only where the connection is open. */
  #successorOf<T>(half: T | undefined): T {
    if (half === undefined || this.#backend === undefined) throw new Failure("syntax", "The virtual connection is not open");
    return half;
  }

  #outHalf(first: ConstructorParameters<typeof OutHalf>[0]): OutHalf {
    return new OutHalf(first, {
      connectionTimeout: this.#parts.settings.connectionTimeout,
      lifetime: this.#parts.settings.channelLifetime,
      hold: (isHeld) => this.#hold(isHeld),
      over: (channel, failure) => this.#lost(channel, failure),
      fail: (failure) => this.end(failure),
      left: (channel) => this.#leave(channel),
    });
  }

  #inHalf(channel: ClientChannel, cookie: string): InHalf {
    return new InHalf(channel, cookie, {
      window: this.#parts.settings.window,
      toBackend: (run, lent) => this.#backend?.write(run, lent) ?? false,
      acknowledge: (acknowledgement) => this.#out?.acknowledge(acknowledgement),
      acknowledged: (acknowledgement) => this.#out?.acknowledged(acknowledgement),
      askForSwitch: () => this.#out?.askForSwitch(),
      outReady: (successor) => this.#out?.switchTo(successor),
      keepAlive: (ms) => this.#backend?.keepAlive(keepAliveOf(ms)),
      over: (lost, failure) => this.#lost(lost, failure),
      left: (old) => this.#leave(old),
    });
  }

  #meetOnce(session: Session): void {
    if (this.#hasMet || this.isOver) return;
    this.#hasMet = true;
    void this.#meet(session);
  }

  #note(session: Session): void {
    if (this.#backend !== undefined) session.backend = this.#backend.leg.backend;
  }

  /** Both halves are there: the first backend that can be reached has the connection. */
  async #meet(session: Session): Promise<void> {
    const { health, logger } = this.#parts;
    try {
      await firstThere(this.#legs, (leg) => this.#dial(leg, session), { health, logger, session });
    } catch (error) {
      return this.end(toFailure(error));
    }
    for (const { session } of this.#channels.keys()) this.#note(session);
    this.#out?.open(this.#parts.settings.window);
    this.#in?.unplug();
  }

  async #dial(leg: Leg, session: Session): Promise<void> {
    this.#mustBeWanted();
    const client = { source: session.client, destination: session.local, tls: undefined };
    const socket = await reach(leg, { clock: this.#parts.clock, client });
    if (this.isOver) socket.destroy();
    this.#mustBeWanted();
    this.#backend = new ServerLeg(socket, leg, this, RULES);
    this.#backend.keepAlive(this.#keepAliveMs);
  }

  #mustBeWanted(): void {
    if (this.#over !== undefined) throw new Failure("client-gone", "The client left before the backend was there");
  }

  /** What waits for the client keeps the backend from being read; what it said last is sent before the end. */
  #hold(isHeld: boolean): void {
    if (this.#lastWords !== undefined && !isHeld) return this.end(this.#lastWords);
    if (isHeld) this.#backend?.pause();
    else this.#backend?.resume();
  }

  #lost(channel: ClientChannel, failure: Failure): void {
    this.#channels.get(channel)?.();
    this.#channels.delete(channel);
    this.end(failure);
  }

  #leave(channel: ClientChannel): void {
    channel.leave();
    this.#channels.get(channel)?.();
    this.#channels.delete(channel);
  }
}

const keepAliveOf = (ms: number): number => Math.min(Math.max(ms || KEEP_ALIVE_MS, KEEP_ALIVE_RANGE.min), KEEP_ALIVE_RANGE.max);
