// A server of RTS that a test plays by hand, on loopback: each connection gives what came, PDU by PDU, and says what it is told to.

import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { PduFramer } from "@postern/dcerpc";
import { valuesOf, type RtsName, type RtsValues } from "../../rts/pdus.ts";
import { readRts } from "../../rts/read.ts";
import { Waiter } from "./waiter.ts";

/** One connection of a proxy. */
export class PlayedLeg {
  readonly socket: Socket;
  isEnded = false;
  readonly #pdus: Buffer[] = [];
  readonly #waiter = new Waiter();

  constructor(socket: Socket) {
    this.socket = socket;
    const take = (pdu: Buffer): void => {
      this.#pdus.push(pdu);
      this.#waiter.moved();
    };
    const framer = new PduFramer({ rpc: take, rts: take });
    socket.on("data", (chunk: Buffer) => framer.feed(chunk));
    const ended = (): void => {
      this.isEnded = true;
      this.#waiter.moved();
    };
    socket.on("error", ended);
    socket.once("end", ended);
    socket.once("close", ended);
  }

  say(...pdus: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(pdus));
  }

  /** What came next: one RTS PDU, or a run of RPC. */
  async next(): Promise<Buffer> {
    await this.#waiter.until(() => this.#pdus.length > 0 || this.isEnded, "a PDU");
    const pdu = this.#pdus.shift();
    if (pdu === undefined) throw new Error("The proxy left");
    return pdu;
  }

  /** The values of what came next, which is such a PDU. */
  async rts<N extends RtsName>(name: N): Promise<RtsValues<N>> {
    const pdu = await this.next();
    const values = valuesOf(name, readRts(pdu));
    if (values === undefined) throw new Error(`No ${name}: ${pdu.toString("hex")}`);
    return values;
  }

  /** So many octets of RPC. */
  async rpc(octets: number): Promise<Buffer> {
    let bytes = Buffer.alloc(0);
    while (bytes.length < octets) bytes = Buffer.concat([bytes, await this.next()]);
    return bytes;
  }

  /** The proxy has left, and said nothing more. */
  async left(): Promise<void> {
    await this.#waiter.until(() => this.isEnded, "the end");
    const pdu = this.#pdus[0];
    if (pdu !== undefined) throw new Error(`Before the end came ${pdu.toString("hex")}`);
  }
}

export class PlayedServer {
  readonly #server: Server;
  readonly #legs: PlayedLeg[] = [];
  readonly #open = new Set<Socket>();
  readonly #waiter = new Waiter();
  accepted = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.accepted++;
      this.#open.add(socket);
      this.#legs.push(new PlayedLeg(socket));
      this.#waiter.moved();
    });
  }

  static async start(): Promise<PlayedServer> {
    const server = createServer({ noDelay: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new PlayedServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next connection. */
  async leg(): Promise<PlayedLeg> {
    await this.#waiter.until(() => this.#legs.length > 0, "a connection");
    const leg = this.#legs.shift();
    if (leg === undefined) throw new Error("No connection");
    return leg;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }
}
