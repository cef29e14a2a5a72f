// The load: an IMAP client over TLS 1.3 that logs in and moves bulk bytes. One cipher, one key share, so that all proxies do
// the same work. All sockets read into one shared buffer, so that the generator spends little. Throws what the proxy refused.

import { connect } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";

const shared = Buffer.allocUnsafe(64 * 1024);
const BULK = Buffer.alloc(256 * 1024, "0123456789abcdef");
const DEADLINES = { login: 30_000, bulk: 300_000 };
const KEPT = 512; // bytes of what came last

export interface Target {
  readonly port: number;
  readonly user: string;
  readonly ca: Buffer;
  /** The key exchange that is offered. */
  readonly group: "X25519" | "P-256";
}

export interface LoginOptions {
  /** A TLS session to resume. */
  readonly ticket?: Buffer | undefined;
  /** Source address; loopback has 16 million of them, each with its own ports. */
  readonly from?: string;
}

export interface Session {
  readonly socket: TLSSocket;
  /** From TCP connect to the tagged OK of LOGIN, milliseconds. */
  readonly milliseconds: number;
  readonly resumed: boolean;
  /** The newest ticket that the proxy gave. */
  ticket(): Buffer | undefined;
  download(bytes: number): Promise<void>;
  upload(bytes: number): Promise<void>;
  close(): Promise<void>;
}

interface Reading {
  readonly onread: { readonly buffer: Buffer; readonly callback: (count: number, bytes: Uint8Array) => boolean };
}

/** Counts what comes in, keeps the last bytes as text, and wakes one waiter when its text has come. */
class Inbox {
  received = 0;
  private tail = "";
  private wanted = "";
  private waiter: { resolve: () => void; reject: (error: Error) => void } | undefined;
  private failed: Error | undefined;

  take(count: number, bytes: Buffer): void {
    this.received += count;
    this.tail = (this.tail + bytes.toString("latin1", Math.max(0, count - KEPT), count)).slice(-KEPT);
    const at = this.waiter === undefined ? -1 : this.tail.indexOf(this.wanted);
    if (at === -1) return;
    this.tail = this.tail.slice(at + this.wanted.length);
    this.waiter?.resolve();
    this.waiter = undefined;
  }

  fail(error: Error): void {
    this.failed ??= error;
    this.waiter?.reject(this.failed);
    this.waiter = undefined;
  }

  /** Resolves once `text` has come; one caller at a time. Rejects when the connection ends first or the deadline passes. */
  async until(text: string, deadline = DEADLINES.login): Promise<void> {
    if (this.failed !== undefined) throw this.failed;
    this.wanted = text;
    const timer = setTimeout(() => this.fail(new Error(`no "${text.trim()}" within ${deadline / 1000} s`)), deadline);
    try {
      await new Promise<void>((resolve, reject) => {
        this.waiter = { resolve, reject };
        this.take(0, shared);
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Connects, logs in and resolves with the session. */
export async function login(target: Target, options: LoginOptions = {}): Promise<Session> {
  const inbox = new Inbox();
  const began = performance.now();
  let ticket: Buffer | undefined;
  const reading: Reading = {
    onread: {
      buffer: shared,
      callback: (count, bytes) => {
        inbox.take(count, bytes as Buffer);
        return true;
      },
    },
  };
  const socket = connect({
    host: "127.0.0.1",
    port: target.port,
    localAddress: options.from,
    servername: "bench.test",
    ca: target.ca,
    session: options.ticket,
    minVersion: "TLSv1.3",
    ciphers: "TLS_AES_128_GCM_SHA256",
    ecdhCurve: target.group,
    ...reading,
  } as ConnectionOptions);
  socket.on("session", (given: Buffer) => (ticket = given));
  socket.setNoDelay(true);
  socket.on("error", (error) => inbox.fail(error));
  socket.once("close", () => inbox.fail(new Error("the proxy closed the connection")));

  await inbox.until("\r\n");
  socket.write(`a LOGIN ${target.user} secret\r\n`);
  await inbox.until("a OK");
  return {
    socket,
    milliseconds: performance.now() - began,
    resumed: socket.isSessionReused(),
    ticket: () => ticket,
    download: (bytes) => download(socket, inbox, bytes),
    upload: (bytes) => upload(socket, inbox, bytes),
    close: () => close(socket),
  };
}

async function download(socket: TLSSocket, inbox: Inbox, bytes: number): Promise<void> {
  const before = inbox.received;
  socket.write(`d FETCH ${bytes}\r\n`);
  await inbox.until("d OK", DEADLINES.bulk);
  if (inbox.received - before < bytes) throw new Error(`bytes are missing: ${inbox.received - before} of ${bytes}`);
}

async function upload(socket: TLSSocket, inbox: Inbox, bytes: number): Promise<void> {
  const done = inbox.until("u OK", DEADLINES.bulk);
  socket.write(`u APPEND INBOX {${bytes}+}\r\n`);
  const closed = new Promise<void>((resolve) => void socket.once("close", resolve));
  for (let left = bytes; left > 0 && !socket.destroyed; left -= BULK.length) {
    const chunk = left < BULK.length ? BULK.subarray(0, left) : BULK;
    if (!socket.write(chunk)) await Promise.race([new Promise<void>((resolve) => void socket.once("drain", resolve)), closed]);
  }
  socket.write("\r\n");
  await done;
}

function close(socket: TLSSocket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
    socket.destroy();
  });
}
