// A request that is a channel, played by a test: what the client sends is sent(), what it is sent is in `out`.

import { Failure } from "@postern/contracts";
import type { Channel, ChannelAnswer, ChannelBody, ChannelSink } from "@postern/http";
import { testSession } from "@postern/testing";

export interface FakeChannel extends Channel {
  readonly body: FakeBody;
  readonly answer: FakeAnswer;
}

export class FakeBody implements ChannelBody {
  readonly length: number | undefined;
  isFlowing = false;
  #sink: ChannelSink | undefined;

  constructor(length: number | undefined) {
    this.length = length;
  }

  get sink(): ChannelSink {
    if (this.#sink === undefined) throw new Error("Nobody takes the body");
    return this.#sink;
  }

  start(sink: ChannelSink): void {
    this.#sink = sink;
    this.isFlowing = true;
  }

  resume(): void {
    this.isFlowing = true;
  }

  /** One read of the socket. */
  sent(...pdus: readonly Buffer[]): void {
    this.isFlowing = this.sink.data(Buffer.concat(pdus));
  }

  /** The client closes its connection. */
  left(): void {
    this.sink.broken(new Failure("client-gone", "gone"));
  }
}

export class FakeAnswer implements ChannelAnswer {
  status: number | undefined;
  head = "";
  length = 0;
  bytes = 0;
  isOver = false;
  /** How it ended. */
  ending: "end" | "leave" | "cut" | undefined;
  /** What write() says. */
  takes = true;
  readonly out: Buffer[] = [];
  onDrain: (() => void) | undefined;
  onGone: (() => void) | undefined;

  begin({ status, reason, fields }: Parameters<ChannelAnswer["begin"]>[0], length: number): void {
    this.status = status;
    this.head = `${status} ${reason} ${fields.join(" ")}`;
    this.length = length;
  }

  write(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    this.out.push(chunk);
    return this.takes;
  }

  end(): void {
    this.#over("end");
  }

  leave(): void {
    this.#over("leave");
  }

  cut(): void {
    this.#over("cut");
  }

  #over(ending: "end" | "leave" | "cut"): void {
    this.isOver = true;
    this.ending ??= ending;
  }
}

export function fakeChannel(
  method: string,
  rest: { target?: string; length?: number | undefined; user?: string } = {},
): FakeChannel {
  const { target = "/rpc/rpcproxy.dll?guid@example.com:6001", user = "alice@example.com" } = rest;
  const length = "length" in rest ? rest.length : method === "RPC_IN_DATA" ? 2 ** 30 : 76;
  return {
    id: "r1",
    method,
    target,
    session: testSession(),
    identity: { user, proven: true },
    body: new FakeBody(length),
    answer: new FakeAnswer(),
  };
}
