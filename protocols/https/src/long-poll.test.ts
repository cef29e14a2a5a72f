// Requests that wait for long, by a clock that stands still: what a phone, an event stream or Outlook waits for comes through
// after an hour and more, and what never comes is given up in the client's own words.

import type { Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import { webScene, type WebOptions, type WebScene } from "../test/web-scene.ts";
import type { Wire } from "./front/test/scene.ts";

const MINUTE = 60_000;

interface Held extends WebScene {
  readonly wire: Wire;
  /** The backend's, with a request on it. */
  readonly backend: Socket;
}

/** A client has asked, and its backend says nothing. */
async function held(t: ExecutionContext, target: string, options: WebOptions = {}): Promise<Held> {
  let asked: (socket: Socket) => void = () => {};
  const request = new Promise<Socket>((resolve) => (asked = resolve));
  const scene = await webScene(t, { answer: (socket) => asked(socket), ...options });
  const wire = await scene.connect();
  wire.say(`POST ${target} HTTP/1.1\r\nHost: mail\r\nContent-Length: 4\r\n\r\nping`);
  const backend = await request;
  return { ...scene, wire, backend };
}

const PING = "/Microsoft-Server-ActiveSync?Cmd=Ping";

test("a phone's Ping is held for 64 minutes without a byte, and then answered", async (t) => {
  const { clock, wire, backend, hosted } = await held(t, PING);
  await clock.advance(64 * MINUTE);
  t.is(wire.text, "");
  t.false(wire.isOver);
  t.true(hosted[0]?.owes);
  backend.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnews");
  t.regex(await wire.until(/news$/), /^HTTP\/1\.1 200 OK\r\n/);
});

test("a phone's Ping that nobody has answered after 66 minutes is told to come back later, and the backend is let go", async (t) => {
  const { clock, wire, backend, logger } = await held(t, PING);
  const gone = new Promise((resolve) => backend.once("close", resolve));
  await clock.advance(66 * MINUTE);
  const answer = await wire.until(/\r\n\r\n[^]*\n$/);
  t.regex(answer, /^HTTP\/1\.1 503 Service Unavailable\r\nRetry-After: \d+\r\n/);
  await gone;
  const line = logger.records.find(({ message }) => message === "request");
  t.like(line?.fields, { status: 503, kind: "backend-silent", service: "activesync" });
});

test("an event stream goes on for 70 minutes and longer, as long as something comes", async (t) => {
  const { clock, wire, backend } = await held(t, "/EWS/Exchange.asmx");
  backend.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  await wire.until(/\r\n\r\n$/);
  for (let minutes = 30; minutes <= 120; minutes += 30) {
    await clock.advance(30 * MINUTE);
    const event = `at ${String(minutes).padStart(3, "0")}\r\n`;
    backend.write(`6\r\n${event}`);
    t.regex(await wire.until(new RegExp(`${event}$`)), /^HTTP\/1\.1 200/);
  }
  backend.write("0\r\n\r\n");
  await wire.until(/\r\n0\r\n\r\n$/);
});

test("an event stream that falls silent for longer than it may is cut, so that its client sees that it is not whole", async (t) => {
  const { clock, wire, backend } = await held(t, "/EWS/Exchange.asmx");
  backend.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
  await wire.until(/first\r\n$/);
  await clock.advance(36 * MINUTE);
  t.notRegex(await wire.all(), /\r\n0\r\n\r\n$/);
});

test("Outlook's PENDING every 30 seconds keeps an Execute alive, each at once", async (t) => {
  const { clock, wire, backend } = await held(t, "/mapi/emsmdb/?MailboxId=6b2b0c1e-0000-4000-8000-000000000000@example.com");
  backend.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nC\r\nPROCESSING\r\n\r\n");
  await wire.until(/PROCESSING\r\n\r\n$/);
  for (let count = 1; count <= 140; count += 1) {
    await clock.advance(30_000);
    backend.write("9\r\nPENDING\r\n\r\n");
    t.is((await wire.until(new RegExp(`(PENDING[^P]*){${count}}$`))).split("PENDING").length, count + 1);
  }
});

test("a client that leaves its poll takes its backend's connection along", async (t) => {
  const { clock, wire, backend, hosted, logger } = await held(t, PING);
  const gone = new Promise((resolve) => backend.once("close", resolve));
  await clock.advance(10 * MINUTE);
  wire.socket.destroy();
  await gone;
  await hosted[0]?.over;
  t.like(logger.records.find(({ message }) => message === "request")?.fields, { kind: "client-gone", service: "activesync" });
});
