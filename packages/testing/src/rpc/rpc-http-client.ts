// A client of RPC over HTTP v2 for tests, as strict as [MS-RPCH] section 3.2.2 is: it ends with an Error as soon as the other side does
// what the protocol does not allow. It opens both channels, keeps the windows, and replaces channels at the end of their lifetime.

import { randomBytes } from "node:crypto";
import { InSide, newCookie } from "./client-in.ts";
import { OutSide } from "./client-out.ts";
import type { Direction, InState, OutState, Recycling, RpcHttpClientOptions, Together } from "./client-parts.ts";
import { HttpChannel } from "./http-channel.ts";
import { bindPdu, callOf, echoOf, isLast, PduSplitter, requestPdus } from "./pdus.ts";
import { rtsPdu } from "./rts.ts";

const TARGET = "/rpc/rpcproxy.dll?server:6001";

interface Call {
  readonly parts: Buffer[];
  readonly resolve: (answer: Buffer) => void;
  readonly reject: (error: Error) => void;
}

export class RpcHttpClient {
  /** How often which form of recycling was seen through. */
  readonly recycled: Record<Recycling, number> = { IN_R1: 0, IN_R2: 0, OUT_R1: 0, OUT_R2: 0 };
  /** Settles at its end: with what was wrong, or with undefined after close(). */
  readonly ended: Promise<Error | undefined>;
  readonly #options: RpcHttpClientOptions;
  readonly #connection: string;
  readonly #calls = new Map<number, Call>();
  readonly #in: InSide;
  readonly #out: OutSide;
  readonly #opened = Promise.withResolvers<void>();
  #callId = 0;
  #isOver = false;
  #end: (error: Error | undefined) => void = () => {};

  /** Starts both channels; opened() tells when they are open. */
  constructor(options: RpcHttpClientOptions) {
    this.#options = options;
    this.#connection = options.connection ?? newCookie();
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#opened.promise.catch(() => {});
    const together = this.#together();
    this.#in = new InSide(together);
    this.#out = new OutSide(together, this.#in);
    this.#out.start();
    this.#in.start();
  }

  /** Resolves when both channels are open. */
  static async open(options: RpcHttpClientOptions): Promise<RpcHttpClient> {
    const client = new RpcHttpClient(options);
    await client.opened();
    return client;
  }

  opened(): Promise<void> {
    return this.#opened.promise;
  }

  get states(): { readonly in: InState; readonly out: OutState } {
    return { in: this.#in.state, out: this.#out.state };
  }

  /** Of the virtual connection, and of the channels that are in use. */
  get cookies(): { readonly connection: string; readonly in: string; readonly out: string } {
    return { connection: this.#connection, in: this.#in.cookie, out: this.#out.cookie };
  }

  get pings(): number {
    return this.#out.pings;
  }

  /** Octets of RPC PDUs that could not be sent yet. */
  get waiting(): number {
    return this.#in.waiting;
  }

  /** Sends a call (all of its PDUs); its answer (all of its PDUs). */
  call(request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) return reject(new Error("The virtual connection is over"));
      this.#calls.set(callOf(request), { parts: [], resolve, reject });
      this.send(request);
    });
  }

  /** Binds, for an echo server. */
  async bind(group = 0): Promise<Buffer> {
    return this.call(bindPdu({ callId: this.#nextCall(), group }));
  }

  /** One call to an echo server: sends `request` octets, asks for `response` ones. Throws Error when the answer is not the right one. */
  async echo(request: number, response: number): Promise<void> {
    const stub = Buffer.concat([Buffer.alloc(4), randomBytes(Math.max(0, request - 4))]);
    stub.writeUInt32LE(response);
    const call = requestPdus({ callId: this.#nextCall(), stub });
    const answer = await this.call(call);
    if (!answer.equals(echoOf(call))) throw new Error(`Call ${callOf(call)} has a wrong answer of ${answer.length} octets`);
  }

  /** Sends whole RPC PDUs. */
  send(pdus: Buffer): void {
    for (const pdu of new PduSplitter().feed(pdus)) this.#in.send(pdu);
  }

  ping(): void {
    this.#in.rts(rtsPdu("Ping"));
  }

  /** Milliseconds. */
  keepAlive(keepAlive: number): void {
    this.#in.rts(rtsPdu("Keep-Alive", { keepAlive }));
  }

  /** Any octets on the IN channel that is in use. */
  forge(bytes: Buffer): void {
    this.#in.rts(bytes);
  }

  /** Leaves RPC PDUs in the window of OUT, unread. */
  pause(): void {
    this.#out.pause();
  }

  resume(): void {
    this.#out.resume();
  }

  /** Cuts the channels of one direction, and goes on until the other ones end. */
  kill(direction: Direction): void {
    if (direction === "in") this.#in.kill();
    else this.#out.kill();
  }

  close(): void {
    this.#over(undefined);
  }

  #nextCall(): number {
    this.#callId += 1;
    return this.#callId;
  }

  #together(): Together {
    return {
      options: this.#options,
      connection: this.#connection,
      open: (direction, length, hears) => new HttpChannel(this.#request(direction, length), hears),
      recycled: (how) => void (this.recycled[how] += 1),
      entered: (direction, state) => this.#entered(direction, state),
      rpc: (pdu) => this.#rpc(pdu),
      fail: (error) => this.#over(error),
    };
  }

  #request(direction: Direction, length: number): ConstructorParameters<typeof HttpChannel>[0] {
    const { port, target = TARGET, ca, authorization, expect, cut } = this.#options;
    return {
      port: typeof port === "number" ? port : port(direction),
      method: direction === "in" ? "RPC_IN_DATA" : "RPC_OUT_DATA",
      target,
      length,
      ...(ca !== undefined && { ca }),
      ...(authorization !== undefined && { authorization }),
      ...(expect !== undefined && { expect }),
      ...(cut !== undefined && { cut }),
    };
  }

  #entered(direction: Direction, state: InState | OutState): void {
    if (direction === "in" && state === "opened") this.#opened.resolve();
    this.#options.onState?.(direction, state);
  }

  #rpc(pdu: Buffer): void {
    const call = this.#calls.get(callOf(pdu));
    if (call === undefined) {
      if (this.#options.onPdu === undefined) throw new Error(`An answer to call ${callOf(pdu)}, which nobody made`);
      return this.#options.onPdu(pdu);
    }
    call.parts.push(pdu);
    if (!isLast(pdu)) return;
    this.#calls.delete(callOf(pdu));
    call.resolve(Buffer.concat(call.parts));
  }

  #over(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#in.kill();
    this.#out.kill();
    const reason = error ?? new Error("The client was closed");
    this.#opened.reject(reason);
    for (const { reject } of this.#calls.values()) reject(reason);
    this.#calls.clear();
    this.#end(error);
  }
}
