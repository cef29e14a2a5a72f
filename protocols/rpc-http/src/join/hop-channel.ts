// A channel that was passed on, at its end: the octets that come on a socket behind the letter, and those that go back, as a Channel, so
// that the code that serves a client's own channels serves these. Never throws.

import type { Socket } from "node:net";
import { Failure, newSession, type Clock, type Session } from "@postern/contracts";
import type { Channel, ChannelAnswer, ChannelBody, ChannelSink } from "@postern/http";
import { BEGINS, refusalBytes, type Letter } from "./letter.ts";

/** What was said last still goes out, for so long at most. */
export const LINGER_MS = 5000;

export interface HopChannel extends Channel {
  readonly body: ChannelBody;
  readonly answer: HopAnswer;
}

/** `socket`: paused. `rest`: what came behind the letter. */
export function hopChannel(letter: Letter, socket: Socket, rest: Buffer, clock: Clock): HopChannel {
  const { request, user, direction } = letter;
  return {
    id: request,
    method: direction === "in" ? "RPC_IN_DATA" : "RPC_OUT_DATA",
    target: "",
    session: sessionOf(letter, clock),
    identity: { user, proven: true },
    body: new HopBody(socket, rest),
    answer: new HopAnswer(socket, clock),
  };
}

class HopBody implements ChannelBody {
  readonly length = undefined;
  readonly #socket: Socket;
  readonly #rest: Buffer;

  constructor(socket: Socket, rest: Buffer) {
    this.#socket = socket;
    this.#rest = rest;
  }

  start(sink: ChannelSink): void {
    const socket = this.#socket;
    const broken = (why: string): void =>
      sink.broken(new Failure("client-gone", `The client, or the process that has it: ${why}`));
    socket.on("data", (chunk: Buffer) => {
      if (!sink.data(chunk)) socket.pause();
    });
    socket.once("end", () => broken("it was ended"));
    socket.once("close", () => broken("it was closed"));
    socket.on("error", (error) => broken(error.message));
    if (this.#rest.length > 0 && !sink.data(this.#rest)) return;
    socket.resume();
  }

  resume(): void {
    this.#socket.resume();
  }
}

export class HopAnswer implements ChannelAnswer {
  status: number | undefined;
  bytes = 0;
  onDrain: (() => void) | undefined;
  onGone: (() => void) | undefined;
  readonly #socket: Socket;
  readonly #clock: Clock;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.on("drain", () => this.onDrain?.());
    socket.once("close", () => this.onGone?.());
  }

  get isOver(): boolean {
    return this.#socket.writableEnded || this.#socket.destroyed;
  }

  /** The head itself is written where the client is. */
  begin({ status }: { readonly status: number }): void {
    this.status = status;
    if (!this.isOver) this.#socket.write(Buffer.of(BEGINS));
  }

  write(chunk: Buffer): boolean {
    if (this.isOver) return true;
    this.bytes += chunk.length;
    return this.#socket.write(chunk);
  }

  end(): void {
    this.leave();
  }

  leave(): void {
    if (this.isOver) return;
    const timer = this.#clock.after(LINGER_MS, () => this.#socket.destroy());
    this.#socket.once("close", () => timer.cancel());
    this.#socket.destroySoon();
  }

  cut(): void {
    this.#socket.destroy();
  }

  /** Nothing was answered: where the client is, it is told. */
  refuse(failure: Failure): void {
    if (this.status !== undefined || this.isOver) return;
    this.#socket.write(refusalBytes(failure));
    this.leave();
  }
}

function sessionOf({ session, user, client, local }: Letter, clock: Clock): Session {
  const known = newSession({
    id: session,
    listener: {
      name: "rpc-http join",
      protocol: "rpc-http",
      tls: "none",
      allowPlaintext: false,
      mechanisms: undefined,
      trusts: () => false,
      capabilities: undefined,
      applications: [],
    },
    startedAt: clock.now(),
    stage: "serve",
    client,
    local,
  });
  return { ...known, identity: { user, proven: true } };
}
