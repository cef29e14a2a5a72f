// For the tests of scanners: mail to show them, a scripted server of one connection after the other, and time.

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import {
  systemClock,
  type Clock,
  type ContentScan,
  type FilterAnswer,
  type MailFilter,
  type MailTransaction,
  type MailVisit,
} from "@postern/contracts";
import { parseHeader } from "@postern/message";
import { createMemoryLogger, ScriptedPeer, type FakeClock, type MemoryLogger } from "@postern/testing";
import type { FilterServices } from "../row.ts";
import { recipientOf, testMail as sceneMail, testVisit as sceneVisit } from "./scene.ts";

export { recipientOf };

const PEER_MS = 5000;
const STEPS = 400;
const TURNS = 2000;

export const testVisit = (rest: Partial<MailVisit> = {}): MailVisit =>
  sceneVisit({ hello: "client.example.net", hostName: "client.example.net", ...rest });

export const HEADER = "From: <ann@example.net>\r\nTo: bob@example.com\r\nSubject: Hello\r\n";

export const testMail = (rest: Partial<MailTransaction> = {}, header: string = HEADER): MailTransaction =>
  sceneMail({
    id: "m1",
    visit: testVisit(),
    sender: { address: "ann@example.net", parameters: new Map([["SIZE", "100"]]) },
    recipients: [recipientOf("bob@example.com")],
    header: parseHeader(Buffer.from(header, "latin1")),
    ...rest,
  });

/** What filters are built with; no DNS and no state, which scanners do not ask. */
export function testServices(clock: Clock = systemClock): FilterServices & { readonly logger: MemoryLogger } {
  const unused = (): never => {
    throw new Error("scanners do not ask this");
  };
  const state = { take: unused, give: unused, count: unused };
  return {
    clock,
    logger: createMemoryLogger(),
    hostname: "mx.example.com",
    isOurs: () => false,
    state: state as unknown as FilterServices["state"],
    dns: { ask: unused },
  };
}

/** Shows a scan the whole message in pieces; its answer. */
export async function show(scan: ContentScan, message: string | Buffer, piece = 16_384): Promise<FilterAnswer> {
  const bytes = typeof message === "string" ? Buffer.from(message, "latin1") : message;
  for (let at = 0; at < bytes.length; at += piece) await scan.write(bytes.subarray(at, at + piece));
  return scan.end();
}

/** A filter's scan of a message, which must be wanted. */
export function scanOf(filter: MailFilter | undefined, mail: MailTransaction): ContentScan {
  const scan = filter?.scan?.(mail);
  if (scan === undefined) throw new Error("the filter does not want this message");
  return scan;
}

/**
 * What a promise yields while the fake time goes on, once it is `stuck`: real events come first, since no machine is so fast that
 * they could race with a clock that a test moves.
 */
export async function duringTime<T>(
  clock: FakeClock,
  stepMs: number,
  work: Promise<T>,
  stuck: () => boolean = () => true,
): Promise<T> {
  let done = false;
  const settled = work.finally(() => (done = true));
  settled.catch(() => {});
  for (let turn = 0; turn < TURNS && !done && !stuck(); turn += 1) await wait(5);
  if (!done) await wait(30);
  for (let step = 0; step < STEPS && !done; step += 1) {
    await wait(2);
    await clock.advance(stepMs);
  }
  if (!done) throw new Error("it does not end, however late it gets");
  return settled;
}

export interface ScannerServer {
  /** "127.0.0.1:PORT" */
  readonly address: string;
  readonly port: number;
  connections(): number;
  /** Ends what is open, and rejects with what a script threw. Safe to call more than once. */
  stop(): Promise<void>;
}

/** A server that plays `script` with every connection. */
export async function serveScanner(script: (peer: ScriptedPeer, socket: Socket) => Promise<void> | void): Promise<ScannerServer> {
  const sockets = new Set<Socket>();
  const problems: unknown[] = [];
  let count = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    count += 1;
    const peer = new ScriptedPeer(socket, PEER_MS);
    void Promise.resolve(script(peer, socket)).catch((error: unknown) => problems.push(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    connections: () => count,
    async stop() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      if (problems.length > 0) throw problems[0];
    },
  };
}
