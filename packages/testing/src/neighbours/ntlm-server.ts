// A web server that knows its users by connection, as IIS does: NTLM ([MS-NTHT]) checked by Samba's ntlm_auth, which has one
// password for everybody. Once a connection has logged in, all requests on it are that user's, whoever sends them. It watches
// that this is always one client: each request says in X-Who from which it comes. On loopback. Needs Debian's package winbind.

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createInterface } from "node:readline";

const NTLM_AUTH = "/usr/bin/ntlm_auth";

export interface NtlmServer {
  readonly port: number;
  /** Requests on a connection with a login that came from somebody else. */
  readonly mixUps: readonly string[];
  /** The connections so far. */
  readonly connections: readonly NtlmConnection[];
  stop(): Promise<void>;
}

export interface NtlmConnection {
  /** Who is logged in on it. */
  user: string | undefined;
  /** Whose login was begun on it. */
  owner: string | undefined;
  /** Logins on it that succeeded. */
  logins: number;
  /** Everybody who asked on it. */
  readonly askers: Set<string>;
}

export interface NtlmServerOptions {
  readonly name: string;
  readonly password: string;
}

/**
 * Answers `USER NAME`, where NAME is its own: to NTLM, to Basic (for that request alone), and to nobody below /public, as
 * "anonymous". X-Do: `close` ends the connection in order, `late` behind the answer and without a word, `cut` instead of one.
 */
export async function startNtlmServer({ name, password }: NtlmServerOptions): Promise<NtlmServer> {
  const helpers = new Helpers(password);
  const mixUps: string[] = [];
  const connections: NtlmConnection[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const connection = { user: undefined, owner: undefined, logins: 0, askers: new Set<string>() };
    connections.push(connection);
    const served = new Served(socket, connection, { name, password, helpers, mixUps });
    // Who asks may leave as it likes.
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => served.data(chunk));
    socket.once("close", () => {
      sockets.delete(socket);
      served.close();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    mixUps,
    connections,
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      await helpers.close();
    },
  };
}

interface ServedParts extends NtlmServerOptions {
  readonly helpers: Helpers;
  readonly mixUps: string[];
}

/** One connection, one request after the other. Bodies are not read: nobody sends one. */
class Served {
  readonly #socket: Socket;
  readonly #connection: NtlmConnection;
  readonly #parts: ServedParts;
  #text = "";
  #helper: Helper | undefined;
  #isBusy = false;

  constructor(socket: Socket, connection: NtlmConnection, parts: ServedParts) {
    this.#socket = socket;
    this.#connection = connection;
    this.#parts = parts;
  }

  data(chunk: Buffer): void {
    this.#text += chunk.toString("latin1");
    if (!this.#isBusy) void this.#answerAll();
  }

  close(): void {
    // An exchange under way gives it back itself, once it has its answer.
    if (!this.#isBusy) this.#giveBack();
  }

  async #answerAll(): Promise<void> {
    this.#isBusy = true;
    for (let end = this.#text.indexOf("\r\n\r\n"); end !== -1; end = this.#text.indexOf("\r\n\r\n")) {
      const head = this.#text.slice(0, end + 2);
      this.#text = this.#text.slice(end + 4);
      await this.#answer(head);
    }
    this.#isBusy = false;
    if (this.#socket.destroyed) this.#giveBack();
  }

  async #answer(head: string): Promise<void> {
    const field = (wanted: string): string => new RegExp(`^${wanted}: *(.*)\r$`, "im").exec(head)?.[1] ?? "";
    const who = field("x-who");
    this.#watch(who, head);
    const order = field("x-do");
    if (order === "cut") return void this.#socket.destroy();
    const [scheme = "", token = ""] = field("authorization").split(" ");
    const user = await this.#userOf(scheme.toLowerCase(), token, who, /^\S+ \/public/.test(head));
    const isClosing = order === "close";
    this.#socket.write(answerText(user, this.#parts.name, isClosing));
    if (isClosing) this.#socket.end();
    if (order === "late") this.#socket.destroySoon();
  }

  #watch(who: string, head: string): void {
    const { owner, askers } = this.#connection;
    askers.add(who);
    if (owner !== undefined && owner !== who) this.#parts.mixUps.push(`${who} on the connection of ${owner}: ${head}`);
  }

  /** Who asks; or a challenge. */
  async #userOf(scheme: string, token: string, who: string, isPublic: boolean): Promise<User> {
    if (scheme === "ntlm") return this.#ntlm(token, who);
    if (scheme === "basic") {
      const [user = "", password] = Buffer.from(token, "base64").toString().split(":");
      return password === this.#parts.password ? { user } : { challenge: undefined };
    }
    const user = this.#connection.user ?? (isPublic ? "anonymous" : undefined);
    return user === undefined ? { challenge: undefined } : { user };
  }

  async #ntlm(token: string, who: string): Promise<User> {
    const connection = this.#connection;
    connection.owner = who;
    const isFirst = Buffer.from(token, "base64")[8] === 1;
    if (isFirst) connection.user = undefined;
    this.#helper ??= this.#parts.helpers.take();
    const answer = await this.#helper.ask(`${isFirst ? "YR" : "KK"} ${token}`);
    if (answer.startsWith("TT ")) return { challenge: answer.slice(3) };
    this.#giveBack();
    if (!answer.startsWith("AF ")) return { challenge: undefined };
    connection.logins += 1;
    const user = answer.slice(3).replace(/^.*\\/, "");
    connection.user = user;
    return { user };
  }

  #giveBack(): void {
    if (this.#helper !== undefined) this.#parts.helpers.giveBack(this.#helper);
    this.#helper = undefined;
  }
}

type User = { readonly user: string } | { readonly challenge: string | undefined };

function answerText(user: User, name: string, isClosing: boolean): string {
  const more = isClosing ? "Connection: close\r\n" : "";
  const text = "user" in user ? `${user.user} ${name}` : "log in";
  const length = `Content-Length: ${text.length}\r\n\r\n${text}`;
  if ("user" in user) return `HTTP/1.1 200 OK\r\n${more}${length}`;
  const asked = user.challenge === undefined ? 'NTLM\r\nWWW-Authenticate: Basic realm="test"' : `NTLM ${user.challenge}`;
  return `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: ${asked}\r\n${more}${length}`;
}

/** Processes of ntlm_auth: one for each exchange that is under way. */
class Helpers {
  readonly #password: string;
  readonly #all: Helper[] = [];
  readonly #free: Helper[] = [];

  constructor(password: string) {
    this.#password = password;
  }

  take(): Helper {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const helper = new Helper(this.#password);
    this.#all.push(helper);
    return helper;
  }

  giveBack(helper: Helper): void {
    this.#free.push(helper);
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((helper) => helper.close()));
  }
}

class Helper {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  readonly #waiting: ((line: string) => void)[] = [];

  constructor(password: string) {
    const child = spawn(NTLM_AUTH, ["--helper-protocol=squid-2.5-ntlmssp", `--password=${password}`, "--configfile=/dev/null"]);
    this.#child = child;
    this.#closed = once(child, "close");
    child.stderr.resume();
    // One that ends answers nobody; the exchange has failed.
    child.once("close", () => this.#waiting.splice(0).forEach((tell) => tell("BH it has ended")));
    child.stdin.on("error", () => {});
    createInterface(child.stdout).on("line", (line) => this.#waiting.shift()?.(line));
  }

  ask(question: string): Promise<string> {
    if (this.#child.exitCode !== null) return Promise.resolve("BH it has ended");
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin.write(`${question}\n`);
    });
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }
}
