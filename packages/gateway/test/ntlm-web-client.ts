// A web client with NTLM for tests, on one connection that is kept: sends what it is told in the order in which it is told, and
// takes answers apart. NTLMv2 ([MS-NLMP] sections 3.1.5.1 and 3.3.2) in its shortest form: no MIC, no session key.

import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { authority } from "./mailboxes.ts";

/** The one password that users have here, and its NT hash: [MS-NLMP] section 4.2.2.1.2. */
export const PASSWORD = "Password";
const NT_HASH = Buffer.from("a4f49c406510bdcab6824ee7c30fd852", "hex");
const DOMAIN = "EXAMPLE";
/** Unicode, target, NTLM, extended security, target information. */
const FLAGS = 0x880205;

const utf16 = (text: string): Buffer => Buffer.from(text, "utf16le");
const hmac = (key: Buffer, ...parts: readonly Buffer[]): Buffer => createHmac("md5", key).update(Buffer.concat(parts)).digest();

function messageOf(type: number, bytes: number): Buffer {
  const message = Buffer.alloc(bytes);
  message.write("NTLMSSP\0", "latin1");
  message.writeUInt32LE(type, 8);
  return message;
}

/** The first message, in base64. */
export function negotiateMessage(): string {
  const message = messageOf(1, 32);
  message.writeUInt32LE(FLAGS, 12);
  return message.toString("base64");
}

/** The last one, for a challenge in base64. */
export function authenticateMessage(user: string, challenge: string): string {
  const theirs = Buffer.from(challenge, "base64");
  const infoAt = theirs.readUInt32LE(44);
  const info = theirs.subarray(infoAt, infoAt + theirs.readUInt16LE(40));
  const temp = Buffer.concat([
    Buffer.from("0101000000000000", "hex"),
    now(),
    randomBytes(8),
    Buffer.alloc(4),
    info,
    Buffer.alloc(4),
  ]);
  const key = hmac(NT_HASH, utf16(user.toUpperCase() + DOMAIN));
  const proof = hmac(key, theirs.subarray(24, 32), temp);
  const parts = [Buffer.alloc(24), Buffer.concat([proof, temp]), utf16(DOMAIN), utf16(user), utf16("PC"), Buffer.alloc(0)];
  const header = messageOf(3, 64);
  let at = header.length;
  for (const [index, { length }] of parts.entries()) {
    header.writeUInt16LE(length, 12 + index * 8);
    header.writeUInt16LE(length, 14 + index * 8);
    header.writeUInt32LE(at, 16 + index * 8);
    at += length;
  }
  header.writeUInt32LE(FLAGS, 60);
  return Buffer.concat([header, ...parts]).toString("base64");
}

function now(): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64LE(BigInt(Date.now() + 11_644_473_600_000) * 10_000n);
  return time;
}

export interface Heard {
  readonly status: number;
  /** Lines with CR LF. */
  readonly head: string;
  readonly body: string;
}

/** One connection. */
export class WebWire {
  readonly #socket: TLSSocket;
  readonly #waiting: ((heard: Heard | undefined) => void)[] = [];
  #text = "";
  #isOver = false;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#data(chunk));
    // How it ends makes no difference.
    socket.on("error", () => {});
    socket.once("end", () => this.#over());
    socket.once("close", () => this.#over());
  }

  static async open(port: number): Promise<WebWire> {
    const socket = connect({
      port,
      host: "127.0.0.1",
      ca: authority.cert,
      servername: "mail.example.com",
      ALPNProtocols: ["http/1.1"],
    });
    await once(socket, "secureConnect");
    socket.setNoDelay();
    return new WebWire(socket);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** undefined: the connection ended first. */
  get(target: string, fields: readonly string[]): Promise<Heard | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    const lines = ["Host: mail.example.com", ...fields].map((line) => `${line}\r\n`).join("");
    this.#socket.write(`GET ${target} HTTP/1.1\r\n${lines}\r\n`);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.#socket.destroy();
    this.#over();
  }

  #data(chunk: Buffer): void {
    this.#text += chunk.toString("latin1");
    for (;;) {
      const end = this.#text.indexOf("\r\n\r\n");
      if (end === -1) return;
      const head = this.#text.slice(0, end + 2);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      if (this.#text.length < end + 4 + length) return;
      const body = this.#text.slice(end + 4, end + 4 + length);
      this.#text = this.#text.slice(end + 4 + length);
      this.#waiting.shift()?.({ status: Number(head.slice(9, 12)), head, body });
      if (/^connection: *close/im.test(head)) this.close();
    }
  }

  #over(): void {
    this.#isOver = true;
    for (const tell of this.#waiting.splice(0)) tell(undefined);
  }
}
