// A virtual connection of RPC over HTTP v2 as a client has it: an OUT and an IN channel over TLS 1.3, with flow control both ways and
// no change of channels. Reads into one shared buffer, so that the generator spends little. Rejects with what went wrong.

import { randomBytes } from "node:crypto";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { rtsPdu } from "@postern/testing";
import { ackOf, ANSWER, BULK, FRAGMENT, Reader, Receiving, request, Sending, TELL, WINDOW, type Hears } from "./words.ts";

export interface RpcTarget {
  readonly port: number;
  readonly ca: Buffer;
  /** The port that is asked for behind the proxy. */
  readonly rpcPort: number;
  readonly authorization: string;
}

const shared = Buffer.allocUnsafe(64 * 1024);
const LIFETIME = 1024 ** 3;
const DEADLINE = 120_000;
const OUT_PROXY = 3;
/** Of CONN/C2: header, type and version, type, window. */
const C2_LENGTH = 44;
const C2_WINDOW = 32;
const SUCCESS = "HTTP/1.1 200 Success\r\n";

export class VirtualConnection implements Hears {
  readonly #out: TLSSocket;
  readonly #in: TLSSocket;
  readonly #reader = new Reader(this);
  readonly #receiving: Receiving;
  #head: string | undefined = "";
  #sending: Sending | undefined;
  #told = 0;
  /** What is waited for, and by whom. */
  #isThere: () => boolean = () => false;
  #settle: PromiseWithResolvers<void> | undefined;
  #failed: Error | undefined;

  /** Opened, when it resolves. `from`: a source address. */
  static async open(target: RpcTarget, from?: string): Promise<VirtualConnection> {
    const opened = new VirtualConnection(target, from);
    try {
      await opened.#until(() => opened.#sending !== undefined);
    } catch (error) {
      opened.close();
      throw error;
    }
    return opened;
  }

  private constructor(target: RpcTarget, from: string | undefined) {
    const [connection, outCookie, inCookie, group] = Array.from({ length: 4 }, () => randomBytes(16).toString("hex"));
    if (outCookie === undefined || inCookie === undefined || connection === undefined || group === undefined) throw new Error();
    const ack = rtsPdu("FlowControlAckWithDestination", { destination: OUT_PROXY, channel: outCookie });
    this.#receiving = new Receiving(ack, (pdu) => this.#in.write(pdu));
    this.#out = this.#connect(target, from, (bytes) => this.#heard(bytes));
    this.#in = this.#connect(target, from, () => this.#fail(new Error("an answer on the IN channel")));
    const a1 = rtsPdu("CONN/A1", { connection, channel: outCookie, window: WINDOW });
    const b1 = rtsPdu("CONN/B1", { connection, channel: inCookie, lifetime: LIFETIME, keepAlive: 300_000, group });
    this.#out.write(Buffer.concat([head("RPC_OUT_DATA", a1.length, target), a1]));
    this.#in.write(Buffer.concat([head("RPC_IN_DATA", LIFETIME, target), b1]));
  }

  get isOpen(): boolean {
    return this.#failed === undefined;
  }

  /** The server sends so many octets at least. */
  async download(octets: number): Promise<void> {
    const fragments = Math.ceil(octets / FRAGMENT);
    const all = this.#receiving.received + fragments * FRAGMENT;
    this.#sending?.one(request(ANSWER, fragments));
    await this.#until(() => this.#receiving.received >= all);
  }

  /** The server is sent so many octets at least, and has counted them. */
  async upload(octets: number): Promise<void> {
    const fragments = Math.ceil(octets / FRAGMENT);
    const all = this.#told + fragments * FRAGMENT;
    this.#sending?.bulk(fragments, request(TELL));
    await this.#until(() => this.#told >= all);
  }

  close(): void {
    this.#failed ??= new Error("closed");
    this.#out.destroy();
    this.#in.destroy();
  }

  rpc(octets: number, _opnum: number, number: number): void {
    this.#receiving.came(octets);
    this.#told = Math.max(this.#told, number);
    if (this.#isThere()) this.#settle?.resolve();
  }

  rts(pdu: Buffer): void {
    if (pdu.length === C2_LENGTH && this.#sending === undefined) {
      this.#sending = new Sending((bytes) => this.#in.write(bytes), BULK.up, pdu.readUInt32LE(C2_WINDOW));
      if (this.#isThere()) this.#settle?.resolve();
      return;
    }
    const ack = ackOf(pdu);
    if (ack !== undefined) this.#sending?.acknowledged(ack.received, ack.available);
  }

  #heard(bytes: Buffer): void {
    if (this.#head === undefined) return this.#reader.feed(bytes);
    this.#head += bytes.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end === -1) return;
    const rest = Buffer.from(this.#head.slice(end + 4), "latin1");
    if (!this.#head.startsWith(SUCCESS)) return this.#fail(new Error(`the proxy says: ${this.#head.slice(0, 200)}`));
    this.#head = undefined;
    this.#reader.feed(rest);
  }

  async #until(isThere: () => boolean): Promise<void> {
    if (this.#failed !== undefined) throw this.#failed;
    if (isThere()) return;
    this.#isThere = isThere;
    this.#settle = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.#fail(new Error(`not done within ${DEADLINE / 1000} s`)), DEADLINE);
    try {
      await this.#settle.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    this.#settle?.reject(this.#failed);
  }

  #connect({ port, ca }: RpcTarget, localAddress: string | undefined, heard: (bytes: Buffer) => void): TLSSocket {
    const callback = (count: number, bytes: Uint8Array): boolean => {
      heard((bytes as Buffer).subarray(0, count));
      return true;
    };
    const socket = connect({
      host: "127.0.0.1",
      port,
      localAddress,
      servername: "bench.test",
      ca,
      minVersion: "TLSv1.3",
      ciphers: "TLS_AES_128_GCM_SHA256",
      ecdhCurve: "X25519",
      onread: { buffer: shared, callback },
    } as ConnectionOptions);
    socket.setNoDelay(true);
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the proxy closed a channel")));
    return socket;
  }
}

const head = (method: string, length: number, { rpcPort, authorization }: RpcTarget): Buffer =>
  Buffer.from(
    `${method} /rpc/rpcproxy.dll?mbx.bench.test:${rpcPort} HTTP/1.1\r\nHost: bench.test\r\nAccept: application/rpc\r\n` +
      `User-Agent: MSRPC\r\nAuthorization: ${authorization}\r\nContent-Length: ${length}\r\n\r\n`,
    "latin1",
  );
