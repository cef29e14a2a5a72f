// What the fuzzers of both halves of a protocol share: scripts with mistakes in them, and sockets in memory to play them
// on. Where the choices come from (fast-check) is the caller's business, so that a failure can be shrunk and repeated.

import type { Socket } from "node:net";
import { duplexPair } from "node:stream";
import { Failure, Secret, type BackendCredentials, type FailureKind, type LegTls, type LineProtocol } from "@postern/contracts";
import { BACKEND_ROLE, Connection } from "@postern/net";
import { createFakeClock } from "./fake-clock.ts";
import { createMemoryLogger } from "./memory-logger.ts";
import { testLeg, testSession, within } from "./protocol-fixtures.ts";
import { createHarness, type CoreParts, type HarnessOptions } from "./protocol-harness.ts";

/** One line of a script, and what is wrong with it. Numbers are taken modulo what there is. */
export interface Slip {
  readonly line: number;
  /** 0 and others: none; 1 bytes are put in; 2 bytes are cut out; 3 cut off; 4 no line end; 5 bare LF; 6 doubled; 7 bytes instead. */
  readonly slip: number;
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** A dialogue of known lines with mistakes. */
export function script(lines: readonly string[], slips: readonly Slip[]): Buffer {
  return Buffer.concat(slips.map((slip) => mistaken(Buffer.from(lines[slip.line % lines.length] ?? "", "latin1"), slip)));
}

/** A whole dialogue in its order, with mistakes in some of its lines. */
export function mistakesIn(dialogue: readonly string[], slips: readonly Slip[]): Buffer {
  const lines = dialogue.map((line, index): Slip & { readonly text: string } => {
    const slip = slips.find((one) => one.line % dialogue.length === index);
    return { text: line, ...(slip ?? { line: index, slip: 0, at: 0, bytes: new Uint8Array() }) };
  });
  return Buffer.concat(lines.map((line) => mistaken(Buffer.from(line.text, "latin1"), line)));
}

function mistaken(line: Buffer, { slip, at, bytes }: Slip): Buffer {
  const end = Buffer.from("\r\n");
  const place = at % (line.length + 1);
  const [head, tail] = [line.subarray(0, place), line.subarray(place)];
  if (slip === 1) return Buffer.concat([head, bytes, tail, end]);
  if (slip === 2) return Buffer.concat([head, tail.subarray(bytes.length), end]);
  if (slip === 3) return Buffer.concat([head, end]);
  if (slip === 4) return line;
  if (slip === 5) return Buffer.concat([line, Buffer.from("\n")]);
  if (slip === 6) return Buffer.concat([line, end, line, end]);
  if (slip === 7) return Buffer.from(bytes);
  return Buffer.concat([line, end]);
}

/** Cuts bytes into pieces at the given places. */
export function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return at.slice(1).flatMap((end, index) => (end > (at[index] ?? 0) ? [bytes.subarray(at[index], end)] : []));
}

/** Two ends of a connection in memory; the first for the code under test. */
function memorySockets(): [Socket, Socket] {
  const [near, far] = duplexPair() as unknown as [Socket, Socket];
  far.on("error", () => {});
  return [near, far];
}

/** Writes the parts one by one, then FIN. */
async function sayAll(socket: Socket, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    if (socket.destroyed) return;
    socket.write(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (!socket.destroyed) socket.end();
}

/**
 * A client that says these bytes to the real path and then leaves, with time standing still: whatever it says, the
 * session must end by itself. Returns what the client was told. Throws when it hangs, leaves a place, or meets a mistake
 * of ours.
 */
export async function fuzzFront<R extends { readonly size: number }>(
  core: CoreParts<R>,
  protocol: HarnessOptions<R>["protocol"],
  parts: readonly Buffer[],
): Promise<string> {
  const harness = createHarness({
    core,
    protocol,
    legs: [],
    // The connection can be wrapped in TLS: STARTTLS is among the commands.
    listener: { tls: "starttls" },
    login: { maxErrors: 50, maxLine: 2000, maxUnread: 8000, maxLiteral: 1000 },
    house: { clock: createFakeClock() },
  });
  const [near, far] = memorySockets();
  const told: Buffer[] = [];
  far.on("data", (chunk: Buffer) => void told.push(chunk));
  const session = harness.accept(near);
  await within(5000, Promise.all([session, sayAll(far, parts)]), () => "The session has not ended");
  if (harness.places !== 0 || harness.house.registry.size !== 0) throw new Error("A place or a session is left");
  const failure = harness.ended[0]?.failure;
  if (failure?.kind === "internal") throw new Error(`A mistake of ours: ${failure.message}`, { cause: failure });
  await new Promise((resolve) => setImmediate(resolve));
  near.destroy();
  return Buffer.concat(told).toString("latin1");
}

/**
 * A mailbox server that says these bytes to the backend half of a protocol and then leaves. Returns the failure's kind, or
 * undefined when we were let in. Throws when it hangs, meets a mistake of ours, or lets words through that would break a
 * line.
 */
export async function fuzzBack(
  protocol: LineProtocol,
  parts: readonly Buffer[],
  tls: LegTls,
  credentials: BackendCredentials,
): Promise<FailureKind | undefined> {
  const [near, far] = memorySockets();
  const upgrade = (): Promise<never> => Promise.reject(new Failure("backend-tls", "No handshake in memory"));
  const connection = new Connection(near, BACKEND_ROLE, { maxLine: 64 * 1024, maxUnread: 8000 }, { secure: false, upgrade });
  far.resume();
  const context = {
    hostname: "mail.example.com",
    service: protocol.service,
    proofs: {},
    settings: {},
    mechanisms: [],
    canStartTls: false,
  };
  const login = protocol
    .login(connection, credentials, testSession(), testLeg(143, { tls }), {
      ...context,
      maxLiteral: 0,
      maxErrors: 0,
      logger: createMemoryLogger(),
    })
    .then(
      ({ text }) => refuseLines(text),
      (error: unknown) => kindOf(error),
    )
    .finally(() => near.destroy());
  await within(5000, Promise.all([login, sayAll(far, parts)]), () => "The login has not ended");
  return login;
}

function refuseLines(text: string): undefined {
  if (/\n/.test(text)) throw new Error(`The words of a welcome are more than a line: ${JSON.stringify(text)}`);
}

function kindOf(error: unknown): FailureKind {
  if (!(error instanceof Failure) || error.kind === "internal") throw new Error("A mistake of ours", { cause: error });
  if (/[\r\n]/.test(error.said?.code ?? "")) throw new Error("A response code with a line end", { cause: error });
  return error.kind;
}

/** Credentials of a password or of a token. */
export function someCredentials(token: boolean): BackendCredentials {
  const secret = new Secret("s3cret");
  return token
    ? { kind: "token", mechanism: "XOAUTH2", authcid: "alice", authzid: "", secret }
    : { kind: "password", mechanism: "PLAIN", authcid: "alice", authzid: "", secret };
}
