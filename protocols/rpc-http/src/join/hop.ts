// A channel on its way to the process that has its virtual connection: sends the letter, and from then on its octets both ways, as they
// came, until one side ends. Neither side heaps up what the other does not read. Failure: what the other end refuses it with; no-candidate,
// when it does not answer; client-gone.

import type { Socket } from "node:net";
import { Failure, toFailure, type Clock, type Lending } from "@postern/contracts";
import { Writes } from "../keep.ts";
import type { ChannelListener, ClientChannel } from "../parts.ts";
import { LINGER_MS } from "./hop-channel.ts";
import { readVerdict } from "./letter.ts";

/** RTS PDUs cannot be held back one by one; who sends more of them than this ahead of the other end is cut. */
const MOST_AHEAD = 1024 * 1024;

/** `said`: the letter, and the PDU that was read. `socket`: connected, nothing read. Settles when the channel is over. */
export function passOn(channel: ClientChannel, said: Buffer, socket: Socket, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const hop = new Hop(channel, socket, (failure) => {
      const timer = clock.after(LINGER_MS, () => socket.destroy());
      socket.once("close", () => timer.cancel());
      socket.destroySoon();
      channel.leave(failure);
      resolve();
    });
    socket.write(said);
    channel.listen(hop);
  });
}

class Hop implements ChannelListener {
  readonly #channel: ClientChannel;
  readonly #socket: Socket;
  readonly #writes: Writes;
  #done: ((failure: Failure | undefined) => void) | undefined;
  #begun = false;
  /** What the other end said before its verdict was complete. */
  #said: Buffer = Buffer.alloc(0);

  constructor(channel: ClientChannel, socket: Socket, done: (failure: Failure | undefined) => void) {
    this.#channel = channel;
    this.#socket = socket;
    this.#writes = new Writes(socket);
    this.#done = done;
    socket.on("data", (chunk: Buffer) => this.#heard(chunk));
    socket.on("drain", () => channel.resume());
    socket.on("error", (error) => this.#lost(error.message));
    socket.once("end", () => this.#lost("the other end closed it"));
    socket.once("close", () => this.#lost("the connection is closed"));
  }

  rts(_pdu: unknown, bytes: Buffer): void {
    this.#send(bytes);
    if (this.#socket.writableLength > MOST_AHEAD) throw new Failure("syntax", "RTS PDUs faster than they can be read");
  }

  rpc(run: Buffer, lent?: Lending): boolean {
    return this.#send(run, lent);
  }

  drained(): void {
    this.#socket.resume();
  }

  over(failure: Failure): void {
    this.#end(failure);
  }

  #send(bytes: Buffer, lent?: Lending): boolean {
    return this.#socket.destroyed || this.#writes.run(bytes, lent);
  }

  #heard(chunk: Buffer): void {
    try {
      const octets = this.#begun ? chunk : this.#verdict(chunk);
      if (octets.length > 0 && !this.#channel.write(octets)) this.#socket.pause();
    } catch (error) {
      this.#end(toFailure(error));
    }
  }

  /** What is for the client behind the first word. */
  #verdict(chunk: Buffer): Buffer {
    this.#said = this.#said.length === 0 ? chunk : Buffer.concat([this.#said, chunk]);
    const verdict = readVerdict(this.#said);
    if (verdict === undefined) return Buffer.alloc(0);
    this.#said = Buffer.alloc(0);
    this.#begun = true;
    this.#channel.begin();
    return verdict.rest;
  }

  /** The other end has ended it: behind what it sent, if it took the channel at all. */
  #lost(why: string): void {
    const isOrderly = this.#begun || this.#channel.direction === "in";
    this.#end(isOrderly ? undefined : new Failure("no-candidate", `The process with the other channel: ${why}`));
  }

  #end(failure: Failure | undefined): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(failure);
  }
}
