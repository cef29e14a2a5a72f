// One connection to a directory server (RFC 4511), with TLS from the start or by StartTLS (section 4.14). One question at a
// time: an answer with another id, of another kind, or that nobody asked for ends the connection, and so does a late one.
// Never goes back to plain text, follows no referral, and takes nothing that came before TLS for an answer inside it.
// Throws Error, with no secret in it; after any error the connection is dead.

import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { headerAt } from "./ber.ts";
import type { Deadline } from "./deadline.ts";
import type { LdapEndpoint } from "./endpoint.ts";
import { message, parseResponse, request, type LdapEntry, type LdapResult, type Operation, type Search } from "./messages.ts";

/** How servers are reached. */
export interface Dialling {
  readonly startTls: boolean;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca: string | undefined;
  readonly verify: boolean;
}

export interface SearchAnswer {
  readonly result: LdapResult;
  readonly entries: readonly LdapEntry[];
}

interface Question {
  readonly id: number;
  readonly kind: Operation;
  readonly entries: LdapEntry[];
  readonly resolve: (answer: SearchAnswer) => void;
  readonly reject: (error: Error) => void;
}

const MAX_MESSAGE = 256 * 1024;
const MAX_ENTRIES = 10;
const MAX_ID = 2 ** 31 - 1;

/** Resolves when `event` comes; the socket is destroyed when it fails or is late. */
function opened(socket: Socket, event: "connect" | "secureConnect", deadline: Deadline): Promise<void> {
  return new Promise((resolve, reject) => {
    const callOff = deadline.watch((error) => socket.destroy(error));
    const fail = (error?: Error): void => {
      callOff();
      reject(error ?? new Error("the server closed the connection"));
    };
    // They stay: what comes after `event` finds the promise settled, and is told to the connection's own listeners.
    socket.on("error", fail).on("close", () => fail());
    socket.once(event, () => {
      callOff();
      resolve();
    });
  });
}

async function secured(socket: Socket, { host }: LdapEndpoint, { ca, verify }: Dialling, deadline: Deadline): Promise<Socket> {
  const names = isIP(host) === 0 ? { host, servername: host } : { host };
  const tls = connectTls({ socket, ...names, rejectUnauthorized: verify, ...(ca !== undefined && { ca }) });
  // A failure below TLS is told by the TLS socket as well.
  socket.on("error", (error) => tls.destroy(error));
  await opened(tls, "secureConnect", deadline);
  return tls;
}

/** Connected, and secured as the settings say; bound as nobody. */
export async function dial(endpoint: LdapEndpoint, dialling: Dialling, deadline: Deadline): Promise<LdapConnection> {
  const { host, port, socketPath, secure } = endpoint;
  const socket = socketPath === undefined ? connectTcp({ host, port, noDelay: true }) : connectTcp({ path: socketPath });
  await opened(socket, "connect", deadline);
  if (secure) return new LdapConnection(await secured(socket, endpoint, dialling, deadline));
  const plain = new LdapConnection(socket);
  if (!dialling.startTls) return plain;
  const { code } = await plain.startTls(deadline);
  if (code !== 0) {
    plain.close();
    throw new Error(`refused StartTLS with code ${code}`);
  }
  return new LdapConnection(await secured(plain.handOver(), endpoint, dialling, deadline));
}

export class LdapConnection {
  readonly #socket: Socket;
  #lastId = 0;
  #question: Question | undefined;
  #chunks: Buffer[] = [];
  #size = 0;
  #dead: Error | undefined;
  #onClose: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", this.#onData).on("error", this.#onError).on("close", this.#onEnd).on("end", this.#onEnd);
  }

  get alive(): boolean {
    return this.#dead === undefined;
  }

  /** `listener` is called once, when the connection ends. */
  onClose(listener: () => void): void {
    if (this.alive) this.#onClose = listener;
    else listener();
  }

  /** Simple authentication. An empty password would be no authentication at all (RFC 4513 section 5.1.2), and is refused. */
  async bind(dn: string, password: Buffer, deadline: Deadline): Promise<LdapResult> {
    if (dn === "" || password.length === 0) throw new Error("a bind without a name or a password proves nothing");
    return (await this.#ask("bind", request.bind(dn, password), deadline)).result;
  }

  async search(search: Search, deadline: Deadline): Promise<SearchAnswer> {
    return this.#ask("search", request.search(search), deadline);
  }

  async compare(dn: string, attribute: string, value: Buffer, deadline: Deadline): Promise<LdapResult> {
    return (await this.#ask("compare", request.compare(dn, attribute, value), deadline)).result;
  }

  async startTls(deadline: Deadline): Promise<LdapResult> {
    return (await this.#ask("extended", request.startTls(), deadline)).result;
  }

  /** Gives the socket away, for TLS. Throws when the server has sent anything that would be read after the handshake. */
  handOver(): Socket {
    const unread = this.#size > 0 || this.#socket.readableLength > 0;
    if (unread) this.#die(new Error("sent something behind its answer to StartTLS"));
    if (this.#dead !== undefined) throw this.#dead;
    this.#dead = new Error("the connection is inside TLS");
    this.#socket.off("data", this.#onData).off("error", this.#onError).off("close", this.#onEnd).off("end", this.#onEnd);
    return this.#socket;
  }

  /** Says goodbye and closes. */
  close(): void {
    if (!this.alive) return;
    this.#socket.end(message(this.#nextId(), request.unbind()));
    this.#socket.destroySoon();
    this.#over(new Error("the connection was closed"));
  }

  #nextId(): number {
    this.#lastId = this.#lastId >= MAX_ID ? 1 : this.#lastId + 1;
    return this.#lastId;
  }

  #ask(kind: Operation, operation: Buffer, deadline: Deadline): Promise<SearchAnswer> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    if (this.#question !== undefined) return Promise.reject(new Error("a question is under way already"));
    const id = this.#nextId();
    const bytes = message(id, operation);
    return new Promise((resolve, reject) => {
      const callOff = deadline.watch((error) => this.#die(error));
      const over = (): void => {
        callOff();
        this.#question = undefined;
        // They may hold a password.
        operation.fill(0);
        bytes.fill(0);
      };
      this.#question = {
        id,
        kind,
        entries: [],
        resolve: (answer) => (over(), resolve(answer)),
        reject: (error) => (over(), reject(error)),
      };
      this.#socket.write(bytes);
    });
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    try {
      for (let next = this.#nextMessage(); next !== undefined; next = this.#nextMessage()) this.#take(next);
    } catch (error) {
      this.#die(error instanceof Error ? error : new Error(String(error)));
    }
  };

  /** The next whole message, when it is there. Chunks are joined only when that can help. */
  #nextMessage(): Buffer | undefined {
    if (this.#dead !== undefined || this.#size < 2) return undefined;
    if (this.#chunks[0]!.length < 6 && this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    const header = headerAt(this.#chunks[0]!, 0);
    if (header === undefined) return undefined;
    const length = header.size + header.length;
    if (length > MAX_MESSAGE) throw new Error(`an answer is longer than ${MAX_MESSAGE} bytes`);
    if (this.#size < length) return undefined;
    const bytes = Buffer.concat(this.#chunks);
    this.#size -= length;
    this.#chunks = this.#size === 0 ? [] : [bytes.subarray(length)];
    return bytes.subarray(0, length);
  }

  #take(bytes: Buffer): void {
    const response = parseResponse(bytes);
    const question = this.#question;
    if (question === undefined || response.id !== question.id) throw new Error("sent an answer that nobody asked for");
    if (response.kind === "entry" || response.kind === "reference") {
      if (question.kind !== "search") throw new Error(`answered ${question.kind} with an entry`);
      if (response.kind === "entry") question.entries.push(response.entry);
      if (question.entries.length > MAX_ENTRIES) throw new Error("sent more entries than it may");
      return;
    }
    if (response.kind !== question.kind) throw new Error(`answered ${question.kind} with ${response.kind}`);
    question.resolve({ result: response.result, entries: question.entries });
  }

  readonly #onError = (error: Error): void => this.#die(error);
  readonly #onEnd = (): void => this.#die(new Error("the server closed the connection"));

  #die(error: Error): void {
    if (!this.alive) return;
    this.#socket.destroy();
    this.#over(error);
  }

  #over(error: Error): void {
    this.#dead = error;
    this.#chunks = [];
    this.#size = 0;
    this.#question?.reject(error);
    this.#onClose();
  }
}
