import { connect, type Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import { startNcacnHttpServer, type NcacnHttpServer } from "./ncacn-http-server.ts";
import { bindPdu, echoOf, PduSplitter, PTYPE, requestPdus, typeOf } from "./pdus.ts";
import { DESTINATIONS, rtsNames, rtsPdu, rtsValues, type RtsValues } from "./rts.ts";

const cookie = (octet: string): string => octet.repeat(16);
const CONNECTION = { connection: cookie("11"), window: 65_536, timeout: 120_000, lifetime: 131_072 };
const GREETING = "ncacn_http/1.0";

/** One leg of a proxy that the test plays. */
class Leg {
  readonly #socket: Socket;
  readonly #splitter = new PduSplitter();
  readonly #pdus: Buffer[] = [];
  #wake: () => void = () => {};
  isOver = false;

  constructor(port: number, first: Buffer) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("error", () => {});
    this.#socket.once("close", () => {
      this.isOver = true;
      this.#wake();
    });
    let greeting = GREETING.length;
    this.#socket.on("data", (chunk: Buffer) => {
      const skipped = Math.min(greeting, chunk.length);
      greeting -= skipped;
      this.#pdus.push(...this.#splitter.feed(chunk.subarray(skipped)));
      this.#wake();
    });
    this.#socket.write(first);
  }

  say(pdu: Buffer): void {
    this.#socket.write(pdu);
  }

  async next(): Promise<Buffer> {
    for (;;) {
      const pdu = this.#pdus.shift();
      if (pdu !== undefined) return pdu;
      if (this.isOver) throw new Error("The server closed the leg");
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async closed(): Promise<void> {
    while (!this.isOver) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

interface Scene {
  readonly server: NcacnHttpServer;
  readonly out: Leg;
  readonly in: Leg;
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const server = await startNcacnHttpServer();
  t.teardown(() => server.stop());
  const out = new Leg(server.port, rtsPdu("CONN/A2", { ...CONNECTION, channel: cookie("22") }));
  const into = new Leg(server.port, rtsPdu("CONN/B2", { ...CONNECTION, channel: cookie("33"), group: cookie("55") }));
  t.deepEqual(rtsValues("CONN/B3", await into.next()), { window: 65_536 });
  t.deepEqual(rtsValues("CONN/C1", await out.next()), { window: 65_536, timeout: 120_000 });
  into.say(bindPdu({ callId: 1 }));
  t.is(typeOf(await out.next()), PTYPE.bindAck);
  return { server, out, in: into };
}

const call = (callId: number, octets: number): Buffer => {
  const stub = Buffer.alloc(4);
  stub.writeUInt32LE(octets);
  return requestPdus({ callId, stub });
};

/** Asks for an answer as large as `octets`, taken off `out`. */
async function answered(t: ExecutionContext, into: Leg, out: Leg, octets = 100): Promise<void> {
  into.say(call(2, octets));
  const answer = echoOf(call(2, octets));
  const pdus: Buffer[] = [];
  while (Buffer.concat(pdus).length < answer.length) pdus.push(await out.next());
  t.true(Buffer.concat(pdus).equals(answer));
}

test("both legs of a virtual connection are joined, and calls on one are answered on the other", async (t) => {
  const at = await scene(t);
  await answered(t, at.in, at.out, 20_000);
  t.deepEqual(at.server.errors, []);
});

test("what has a destination is passed on to it", async (t) => {
  const at = await scene(t);
  for (const [from, to, destination] of [
    [at.in, at.out, DESTINATIONS.client],
    [at.in, at.out, DESTINATIONS.outProxy],
    [at.out, at.in, DESTINATIONS.inProxy],
  ] as const) {
    const ack = rtsPdu("FlowControlAckWithDestination", { destination, channel: cookie("22"), received: 0, available: 65_536 });
    from.say(ack);
    t.deepEqual(await to.next(), ack);
  }
});

test("IN is replaced on the same leg (R2) and on another one (R1)", async (t) => {
  const at = await scene(t);
  at.in.say(rtsPdu("IN_R2/A2", { successor: cookie("34") }));
  t.is(rtsNames(await at.out.next()), "IN_R2/A3");
  const values: RtsValues = { ...CONNECTION, predecessor: cookie("34"), successor: cookie("35") };
  const next = new Leg(at.server.port, rtsPdu("IN_R1/A2", values));
  t.deepEqual(rtsValues("IN_R1/A3", await at.out.next()), { destination: 0, window: 65_536, timeout: 120_000 });
  const ack = rtsPdu("FlowControlAckWithDestination", { destination: 3, channel: cookie("22"), received: 0, available: 65_536 });
  next.say(ack);
  t.deepEqual(await at.out.next(), ack);
  at.in.say(rtsPdu("IN_R1/A6", { successor: cookie("35") }));
  await answered(t, at.in, at.out);
  at.in.say(rtsPdu("IN_R1/B1"));
  t.deepEqual(rtsValues("IN_R1/B2", await next.next()), { window: 65_536 });
  await at.in.closed();
  await answered(t, next, at.out);
  t.like(at.server.recycled, { IN_R1: 1, IN_R2: 1 });
});

for (const form of ["OUT_R1", "OUT_R2"] as const) {
  test(`OUT is replaced when its lifetime ends: ${form}`, async (t) => {
    const at = await scene(t);
    let received = 60;
    const values: RtsValues = { ...CONNECTION, predecessor: cookie("22"), successor: cookie("23") };
    let pdu: Buffer;
    for (;;) {
      at.in.say(call(2, 5000));
      pdu = await at.out.next();
      if (rtsValues("OUT_R1/A1", pdu) !== undefined) break;
      received += pdu.length;
      at.out.say(rtsPdu("FlowControlAck", { channel: cookie("22"), received, available: 65_536 }));
    }
    t.true(received > 100_000 && received < 131_072 - 8192);
    const next = form === "OUT_R1" ? new Leg(at.server.port, rtsPdu("OUT_R1/A4", values)) : at.out;
    if (form === "OUT_R2") at.out.say(rtsPdu("OUT_R2/A4", values));
    t.is(rtsNames(await at.out.next()), form === "OUT_R1" ? "OUT_R1/A5" : "OUT_R2/A5");
    at.in.say(rtsPdu(form === "OUT_R1" ? "OUT_R1/A7" : "OUT_R2/A7", { destination: DESTINATIONS.server, ...values }));
    t.not(rtsValues("OUT_R1/A9", await at.out.next()), undefined);
    t.is((await next.next()).length, 5024);
    t.is(at.server.recycled[form], 1);
    t.deepEqual(at.server.errors, []);
  });
}

test("a cookie that nobody has ends its own leg, a forged predecessor the virtual connection", async (t) => {
  const at = await scene(t);
  const stranger = new Leg(at.server.port, rtsPdu("IN_R1/A2", { ...CONNECTION, connection: cookie("99") }));
  await stranger.closed();
  await answered(t, at.in, at.out);
  const forged = new Leg(at.server.port, rtsPdu("IN_R1/A2", { ...CONNECTION, predecessor: cookie("99") }));
  await Promise.all([forged.closed(), at.in.closed(), at.out.closed()]);
  t.deepEqual(at.server.errors, [
    "A connection began with IN_R1/A2 for a connection that is not there",
    `IN_R1/A2 in state opened, for ${cookie("99")}`,
  ]);
  t.is(at.server.connections.size, 0);
});
