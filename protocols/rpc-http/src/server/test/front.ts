// A front for tests that knows as much of HTTP as two channels need: reads a request's head from a socket and hands the request over
// as a Channel. Every user that a client names (Authorization: user NAME) is believed. On loopback; stopped by its handle.

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { Failure, toFailure, type Leg } from "@postern/contracts";
import type { Channel, ChannelAnswer, ChannelSink } from "@postern/http";
import { testSession } from "@postern/testing";

export interface Front {
  readonly port: number;
  /** How channels ended that did not end well. */
  readonly failures: readonly Failure[];
  stop(): Promise<void>;
}

export async function startFront(
  serve: (channel: Channel, legs: readonly Leg[]) => Promise<void>,
  legs: readonly Leg[],
): Promise<Front> {
  const failures: Failure[] = [];
  const sockets = new Set<Socket>();
  const counts = { requests: 0 };
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    void readHead(socket).then(async ({ head, rest }) => {
      const channel = channelOf(`r${(counts.requests += 1)}`, head, rest, socket);
      try {
        await serve(channel, legs);
      } catch (error) {
        failures.push(toFailure(error));
        if (channel.answer.status === undefined) socket.end(`HTTP/1.1 503 RPC Error: 6ba\r\nContent-Length: 0\r\n\r\n`);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    failures,
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function readHead(socket: Socket): Promise<{ head: string; rest: Buffer }> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const end = bytes.indexOf("\r\n\r\n");
    if (end !== -1) return { head: bytes.toString("latin1", 0, end), rest: bytes.subarray(end + 4) };
    const [chunk] = (await once(socket, "data")) as [Buffer];
    socket.pause();
    bytes = Buffer.concat([bytes, chunk]);
  }
}

function channelOf(id: string, head: string, rest: Buffer, socket: Socket): Channel {
  const [, method = "", target = ""] = /^(\S+) (\S+)/.exec(head) ?? [];
  const [, user = "alice@example.com"] = /^Authorization: user (\S+)$/m.exec(head) ?? [];
  const length = Number(/^Content-Length: (\d+)$/m.exec(head)?.[1]);
  const answer = answerOf(socket);
  const body = {
    length,
    start(sink: ChannelSink): void {
      const counts = { left: length };
      const read = (chunk: Buffer): void => {
        counts.left -= chunk.length;
        if (!sink.data(chunk)) socket.pause();
        if (counts.left === 0) sink.end();
      };
      socket.on("data", read);
      for (const event of ["end", "close"]) socket.once(event, () => sink.broken(new Failure("client-gone", event)));
      if (rest.length > 0) read(rest);
      socket.resume();
    },
    resume: (): void => void socket.resume(),
  };
  return { id, method, target, session: testSession({ id }), identity: { user, proven: true }, body, answer };
}

function answerOf(socket: Socket): ChannelAnswer {
  const answer = {
    status: undefined as number | undefined,
    bytes: 0,
    onDrain: undefined as (() => void) | undefined,
    onGone: undefined as (() => void) | undefined,
    get isOver(): boolean {
      return socket.writableEnded || socket.destroyed;
    },
    begin({ status, reason }: { readonly status: number; readonly reason: string }, length: number): void {
      answer.status = status;
      socket.write(`HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/rpc\r\nContent-Length: ${length}\r\n\r\n`);
    },
    write(chunk: Buffer): boolean {
      answer.bytes += chunk.length;
      return socket.write(chunk);
    },
    end: (): void => void socket.end(),
    leave: (): void => socket.destroySoon(),
    cut: (): void => void socket.destroy(),
  };
  socket.on("drain", () => answer.onDrain?.());
  socket.once("close", () => answer.onGone?.());
  return answer;
}
