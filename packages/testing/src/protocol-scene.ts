// Where the protocol suite plays: the real path around one protocol, a mailbox server of a few lines behind it, and clients
// that have been greeted. Loopback only.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { LineProtocol } from "@postern/contracts";
import { testLeg } from "./protocol-fixtures.ts";
import { createHarness, type CoreParts, type Harness, type HarnessOptions } from "./protocol-harness.ts";
import { ScriptedPeer } from "./scripted-peer.ts";

export interface ProtocolCase {
  readonly protocol: LineProtocol;
  /** The front's greeting. */
  readonly greeting: RegExp;
  /** Every line that the front may say, without its CRLF. */
  readonly line: RegExp;
  /** What a client sends to log in by the protocol's own command, complete with CRLF. */
  readonly login: (user: string, password: string) => string;
  /** A SASL exchange that is begun and not finished, complete with CRLF. */
  readonly halfLogin: string;
  /** How many lines the front says before the challenge of `halfLogin`; none when left out. */
  readonly beforeChallenge?: number;
  /** How many lines the front says before the answer to the login's last line. */
  readonly before: number;
  /** The answer to a login that succeeds and to one that does not; the line that says goodbye. */
  readonly yes: RegExp;
  readonly no: RegExp;
  readonly farewell: RegExp;
  /** A mailbox server: its greeting, and what it says to a line; undefined: nothing more to say, the login is done. */
  readonly backendGreeting: string;
  readonly backendSays: (line: string, password: string) => string;
}

/** The one password that the mailbox server knows. */
export const PASSWORD = "s3cret-password";

export interface Scene<R> {
  readonly harness: Harness<R>;
  readonly port: number;
  /** The backend's ends. */
  readonly sockets: Socket[];
  readonly clients: Socket[];
  /** Takes the backend's socket when the login is done; says yes itself. */
  onLogin: (socket: Socket, yes: string) => void;
  readonly close: () => void;
}

export interface SceneOptions<R> {
  /** The backend speaks; otherwise it is silent. */
  readonly greet: boolean;
  /** The backend greets, but does not answer. */
  readonly mute?: boolean;
  readonly more?: Partial<HarnessOptions<R>>;
}

export async function open<R>(
  core: CoreParts<R>,
  given: ProtocolCase,
  { greet, mute = false, more }: SceneOptions<R>,
): Promise<Scene<R>> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    if (!greet) return void socket.resume().on("end", () => socket.end());
    socket.on("end", () => setImmediate(() => socket.end()));
    socket.write(given.backendGreeting);
    if (mute) socket.resume();
    else answerLines(socket, given, (yes) => scene.onLogin(socket, yes));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const leg = testLeg((server.address() as AddressInfo).port, { protocol: given.protocol.name });
  const harness = createHarness({ legs: [leg], ...more, core, protocol: given.protocol });
  const scene: Scene<R> = {
    harness,
    port: await harness.listen(),
    sockets,
    clients: [],
    onLogin: (socket, yes) => void socket.write(yes),
    close() {
      for (const socket of [...sockets, ...scene.clients]) socket.destroy();
      server.close();
    },
  };
  return scene;
}

/** Answers line by line until the login is decided; then the socket is the caller's, without listeners for data. */
function answerLines(socket: Socket, given: ProtocolCase, done: (yes: string) => void): void {
  let text = "";
  const onData = (chunk: Buffer): void => {
    text += chunk.toString("latin1");
    for (let end = text.indexOf("\r\n"); end !== -1; end = text.indexOf("\r\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      const said = given.backendSays(line, PASSWORD);
      if (!given.yes.test(said.trim()) || !holdsPassword(line)) {
        socket.write(said);
        continue;
      }
      socket.off("data", onData);
      if (text !== "") socket.unshift(Buffer.from(text, "latin1"));
      return done(said);
    }
  };
  socket.on("data", onData);
}

/** As it is, or in base64 as the last word. */
const holdsPassword = (line: string): boolean =>
  line.includes(PASSWORD) || Buffer.from(line.split(" ").at(-1) ?? "", "base64").includes(PASSWORD);

export interface Client {
  readonly peer: ScriptedPeer;
  readonly socket: Socket;
}

/** A client that has been greeted. */
export async function client<R>({ port, clients }: Scene<R>, given: ProtocolCase): Promise<Client> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  clients.push(socket);
  const peer = new ScriptedPeer(socket, 5000);
  assert.match(String(await peer.line("a greeting")), given.greeting);
  return { peer, socket };
}

/** Reads up to the answer to a login. */
export async function answer(given: ProtocolCase, peer: ScriptedPeer, expected: RegExp): Promise<void> {
  for (let line = 0; line < given.before; line++) assert.match(String(await peer.line("an answer")), given.line);
  assert.match(String(await peer.line("the answer to the login")), expected);
}

export async function over<R>(scene: Scene<R>): Promise<void> {
  scene.close();
  await scene.harness.close();
  await scene.harness.settled();
  assert.equal(scene.harness.places, 0, "places are left");
  assert.equal((scene.harness.house.registry as { readonly size: number }).size, 0, "sessions are left");
  for (const { failure } of scene.harness.ended) assert.notEqual(failure?.kind, "internal", failure?.message ?? "");
}

export async function writeAll(socket: Socket, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
}
