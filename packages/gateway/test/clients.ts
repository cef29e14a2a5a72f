// Clients for tests: programs that we did not write, run to their end; and a bare conversation over TCP or TLS.

import { spawn } from "node:child_process";
import { connect as connectTcp } from "node:net";
import type { Socket, TcpNetConnectOpts } from "node:net";
import { connect as connectTls, createSecureContext } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { authority } from "./mailboxes.ts";
import { until } from "./until.ts";

export interface Outcome {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Runs a program to its end; it is killed by its handle after the time-out (one minute by default). */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(program, args, {
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs ?? 60_000,
    killSignal: "SIGKILL",
  });
  const out: Buffer[] = [];
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // A program that ends before it has read its input has said why in its exit code.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout: Buffer.concat(out), stderr }));
  });
}

/** As run, but rejects with the program's own words when it fails; what it wrote on stdout. */
export async function succeed(program: string, args: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${stderr}${stdout.toString()}`);
  return stdout;
}

export interface TalkOptions {
  readonly port?: number;
  /** A unix socket instead of a port. */
  readonly path?: string;
  /** The address to come from: 127.0.0.5. */
  readonly from?: string;
  /** What is sent before TLS. */
  readonly prelude?: string | Buffer;
  readonly tls?: ConnectionOptions | false;
}

/** A conversation in raw bytes: what is sent is sent as it is, what comes is waited for by pattern. */
export class Talk {
  readonly socket: Socket;
  /** All that came. */
  said = "";
  #seen = 0;
  #ended = false;
  #error: Error | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => (this.said += chunk.toString("latin1")));
    socket.on("end", () => (this.#ended = true));
    socket.on("close", () => (this.#ended = true));
    socket.on("error", (error) => (this.#error = error));
  }

  /** Connects; with TLS and the tests' authority unless told otherwise. */
  static async open({ port = 0, path, from, prelude, tls = {} }: TalkOptions): Promise<Talk> {
    const target: TcpNetConnectOpts = { port, host: "127.0.0.1", ...(from !== undefined && { localAddress: from }) };
    const raw = connectTcp(path === undefined ? target : { path });
    await opened(raw, "connect");
    if (prelude !== undefined) raw.write(prelude);
    if (tls === false) return new Talk(raw);
    return new Talk(await secure(raw, tls));
  }

  /** A conversation that goes on over TLS, after STARTTLS. */
  async startTls(tls: ConnectionOptions = {}): Promise<Talk> {
    this.socket.removeAllListeners("data");
    return new Talk(await secure(this.socket, tls));
  }

  send(text: string | Buffer): void {
    if (typeof text === "string") this.socket.write(text, "latin1");
    else this.socket.write(text);
  }

  /** Waits until what came since the last call matches; all that came since, up to the end of the match. */
  async until(pattern: RegExp, ms = 15_000): Promise<string> {
    return until(
      () => {
        const fresh = this.said.slice(this.#seen);
        const match = pattern.exec(fresh);
        if (match === null) {
          if (this.#ended)
            throw new Error(`closed before ${String(pattern)}: ${this.#error?.message ?? ""} ${this.said.slice(-2000)}`);
          return undefined;
        }
        const end = match.index + match[0].length;
        this.#seen += end;
        return fresh.slice(0, end);
      },
      () => `${String(pattern)} in ${this.said.slice(-2000)}`,
      ms,
    );
  }

  /** Sends, and waits for the pattern. */
  ask(text: string, pattern: RegExp): Promise<string> {
    this.send(text);
    return this.until(pattern);
  }

  get isOver(): boolean {
    return this.#ended;
  }

  get error(): Error | undefined {
    return this.#error;
  }

  /** Waits until the other side has closed; what came since the last `until`. */
  async over(ms = 15_000): Promise<string> {
    await until(
      () => this.#ended || undefined,
      () => `the end of ${this.said.slice(-2000)}`,
      ms,
    );
    return this.said.slice(this.#seen);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** One for all who want nothing else: to make one takes longer than a handshake. */
const usual = createSecureContext({ ca: authority.cert });

async function secure(raw: Socket, options: ConnectionOptions): Promise<TLSSocket> {
  const trust = Object.keys(options).length === 0 ? { secureContext: usual } : { ca: authority.cert };
  const secured = connectTls({ socket: raw, ...trust, servername: "mail.example.com", ...options });
  await opened(secured, "secureConnect");
  return secured;
}

function opened(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error(`closed before ${event}`));
    socket.once("error", reject);
    socket.once("close", gone);
    socket.once(event, () => {
      socket.off("error", reject);
      socket.off("close", gone);
      resolve();
    });
  });
}

/** A quoted string of IMAP. */
export const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
