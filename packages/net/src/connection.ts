// One TCP or TLS connection as a dialogue: bounded lines and counted bytes on demand, batched writes, TLS started in the
// middle. It owns the bytes that were read and not yet used; handOver() gives them to whoever relays afterwards, so nothing
// is lost when a peer pipelines. Never parses a protocol. All reads reject with a Failure.

import type { Socket } from "node:net";
import { Failure, type ChannelBindingType, type Clock, type FailureKind, type Timer } from "@postern/contracts";
import { channelBinding } from "./channel-binding.ts";
import { unwatch, watch, type Owner } from "./connection-events.ts";
import {
  CLIENT_ROLE,
  type ConnectionRole,
  type ReadLimits,
  type TlsState,
  type TlsUpgrade,
  type TraceLine,
} from "./connection-role.ts";
import { giveBack, type Lending } from "./lending.ts";
import { buffered, isAvailable, onData, readIntoOwn, setReader, type Reader } from "./own-reads.ts";
import { Unread } from "./unread.ts";

export class Connection implements Reader, Owner {
  traceLine: TraceLine | undefined;
  readonly role: ConnectionRole;
  readonly limits: ReadLimits;
  #socket: Socket;
  #upgrade: TlsUpgrade | undefined;
  #secure = false;
  readonly #unread = new Unread();
  #failure: Failure | undefined;
  #waiting: { poll: () => boolean; reject: (failure: Failure) => void; forBytes?: true } | undefined;
  #deadline: Timer | undefined;
  #corked = false;
  #ended = false;

  constructor(socket: Socket, role: ConnectionRole, limits: ReadLimits, tls: TlsState) {
    this.role = role;
    this.limits = limits;
    this.#socket = socket;
    this.#secure = tls.secure;
    this.#upgrade = tls.upgrade;
    this.#attach();
  }

  get socket(): Socket {
    return this.#socket;
  }

  get secure(): boolean {
    return this.#secure;
  }

  bindings(type: ChannelBindingType): Buffer | undefined {
    return channelBinding(this.#socket, type);
  }

  get pending(): number {
    return this.#unread.length + this.#socket.readableLength;
  }

  /** The peer has said that it sends no more (FIN). */
  get ended(): boolean {
    return this.#ended;
  }

  readLine(): Promise<string> {
    return this.#read(() => this.#unread.line(this.limits.maxLine));
  }

  readBytes(count: number): Promise<Buffer> {
    return this.#read(() => this.#unread.bytes(count));
  }

  /** Resolves when anything has arrived. */
  async firstBytes(): Promise<void> {
    await this.#read(() => this.#unread.length > 0 || undefined);
  }

  write(data: string | Buffer): void {
    if (this.traceLine !== undefined) this.#traceWritten(typeof data === "string" ? data : data.toString("latin1"));
    this.#send(data);
  }

  writeSecret(data: string | Buffer, masked: string): void {
    if (this.traceLine !== undefined) this.#traceWritten(masked);
    this.#send(data);
  }

  trace(text: string): void {
    this.traceLine?.(this.role.says, text);
  }

  /** TLS handshake on this connection. Failure: bytes-behind-starttls / backend-garbled when bytes are pending; what the upgrade throws. */
  async startTls(): Promise<void> {
    if (this.pending > 0) {
      const kind = this.role === CLIENT_ROLE ? "bytes-behind-starttls" : "backend-garbled";
      throw new Failure(kind, `${this.pending} bytes arrived behind STARTTLS, before the handshake`);
    }
    if (this.#upgrade === undefined) throw new Failure("internal", "This connection has no TLS policy");
    this.#uncork();
    this.#detach();
    const plain = this.#socket;
    const broken = new Promise<never>((_, reject) => {
      this.#waiting = { poll: () => false, reject };
    });
    try {
      this.#socket = await Promise.race([this.#upgrade(plain), broken]);
    } catch (error) {
      plain.destroy();
      throw error;
    } finally {
      this.#waiting = undefined;
    }
    this.#secure = true;
    this.#attach();
  }

  /** Fails the present read and all later ones after `ms`. Replaces an earlier deadline; `ms` of 0 removes it. */
  deadline(clock: Clock, ms: number, kind: FailureKind, reason: string): void {
    this.#deadline?.cancel();
    this.#deadline = ms > 0 ? clock.after(ms, () => this.fail(new Failure(kind, reason))) : undefined;
  }

  /** Makes the present read and all later ones reject. */
  fail(failure: Failure): void {
    this.#failure ??= failure;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#failure);
  }

  /**
   * Ends the dialogue: what arrives from now on goes to `reader`. Returns the bytes that were received and not read. The
   * socket is left paused.
   */
  handOver(reader: Reader): Buffer {
    this.#deadline?.cancel();
    this.#uncork();
    this.#detach();
    const rest = Buffer.concat([this.#unread.all(), ...buffered(this.#socket)]);
    setReader(this.#socket, reader);
    if (!this.#readsOwn) this.#readOwn();
    return rest;
  }

  /** Sends what is queued and FIN, and gives the peer a moment to take it before the socket is destroyed. */
  close(clock: Clock, lingerMs = 2000): void {
    this.#deadline?.cancel();
    this.#uncork();
    const socket = this.#socket;
    if (socket.destroyed) return;
    const timer = clock.after(lingerMs, () => socket.destroy());
    socket.once("close", () => timer.cancel());
    // A socket that is being closed may still report an error; there is nobody left to tell.
    socket.on("error", () => {});
    socket.resume();
    socket.end();
  }

  destroy(): void {
    this.#deadline?.cancel();
    this.#socket.destroy();
  }

  /** Takes bytes that arrived: from the data event, or the socket's own buffer, which must not be kept. */
  feed(chunk: Buffer, lent?: Lending): boolean {
    if (lent !== undefined) {
      chunk = Buffer.from(chunk);
      giveBack(lent);
    }
    this.#unread.push(chunk);
    this.#poll();
    // Whoever waits for more bytes than that has bounded their number: to pause now would be to wait for ever.
    if (this.#waiting?.forBytes === true || this.#unread.length <= this.limits.maxUnread) return true;
    this.#socket.pause();
    return false;
  }

  #readsOwn = false;

  /** A socket that STARTTLS may still wrap goes on with data events: its bytes are not for us then. */
  #readOwn(): void {
    this.#readsOwn = isAvailable;
    // What came in one packet with a PROXY header or the end of a handshake waits in the socket.
    for (const chunk of buffered(this.#socket)) onData.call(this.#socket, chunk);
    if (isAvailable) readIntoOwn(this.#socket, this.#secure ? "tls" : "plain");
    else this.#socket.on("data", onData);
  }

  #attach(): void {
    const socket = this.#socket;
    setReader(socket, this);
    if (this.#upgrade === undefined || this.#secure) this.#readOwn();
    else socket.on("data", onData);
    watch(socket, this);
    socket.resume();
  }

  #detach(): void {
    const socket = this.#socket;
    socket.pause();
    socket.off("data", onData);
    unwatch(socket);
  }

  /** The peer sends no more. Later reads may still take complete lines that arrived before the end. */
  gone(reason: string, cause?: Error): void {
    this.#ended = true;
    const who = this.role === CLIENT_ROLE ? "The client" : "The backend";
    this.fail(new Failure(this.role.gone, `${who}: ${reason}`, { cause }));
  }

  #read<T>(take: () => T | undefined): Promise<T> {
    // Who asks and asks and never reads the answers would fill the memory with them.
    if (this.#socket.writableNeedDrain && this.#failure === undefined) return this.#drained().then(() => this.#read(take));
    try {
      const got = take();
      if (got !== undefined) return Promise.resolve(got);
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#waiting !== undefined) return Promise.reject(new Failure("internal", "Two reads at a time"));
    return new Promise<T>((resolve, reject) => {
      const poll = (): boolean => {
        const got = take();
        if (got === undefined) return false;
        resolve(got);
        return true;
      };
      this.#waiting = { poll, reject, forBytes: true };
      this.#socket.resume();
    });
  }

  /** Resolves when there is room for more to write; undefined: there is. Not while a read waits. */
  drained(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#socket.writableNeedDrain ? this.#drained() : undefined;
  }

  /** Resolves when the peer has taken what was written to it. */
  #drained(): Promise<void> {
    if (this.#waiting !== undefined) return Promise.reject(new Failure("internal", "Two reads at a time"));
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const onDrain = (): void => {
        this.#waiting = undefined;
        resolve();
      };
      socket.once("drain", onDrain);
      const gone = (failure: Failure): void => {
        socket.off("drain", onDrain);
        reject(failure);
      };
      this.#waiting = { poll: () => false, reject: gone };
    });
  }

  #poll(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    try {
      if (waiting.poll()) this.#waiting = undefined;
    } catch (error) {
      this.#waiting = undefined;
      waiting.reject(error as Failure);
    }
  }

  #send(data: string | Buffer): void {
    if (this.#socket.destroyed) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => this.#uncork());
    }
    if (typeof data === "string") this.#socket.write(data, "latin1");
    else this.#socket.write(data);
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  #traceWritten(text: string): void {
    for (const line of text.split("\r\n")) if (line !== "") this.traceLine?.(this.role.told, line);
  }
}
