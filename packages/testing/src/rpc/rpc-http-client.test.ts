import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import type { RpcHttpClientOptions } from "./client-parts.ts";
import { echoOf, PduSplitter, requestPdus } from "./pdus.ts";
import { RpcHttpClient } from "./rpc-http-client.ts";
import { DESTINATIONS, isRts, rtsNames, rtsPdu, rtsValues, type RtsValues } from "./rts.ts";

const SUCCESS = "HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\nContent-Length: 1073741824\r\n\r\n";
const { client: destination } = DESTINATIONS;
const timeout = 120_000;
const window = 65_536;

/** A channel as the scripted proxy sees it. */
class Seen {
  readonly socket: Socket;
  head = "";
  readonly pdus: Buffer[] = [];
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    const splitter = new PduSplitter();
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      const text = chunk.toString("latin1");
      const isHead = this.head === "";
      const end = isHead ? text.indexOf("\r\n\r\n") + 4 : 0;
      if (isHead) this.head = text.slice(0, end);
      this.pdus.push(...splitter.feed(chunk.subarray(end)));
      this.#wake();
    });
  }

  async next(): Promise<Buffer> {
    for (;;) {
      const pdu = this.pdus.shift();
      if (pdu !== undefined) return pdu;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async rts(): Promise<string> {
    return rtsNames(await this.next());
  }

  say(...pdus: (string | Buffer)[]): void {
    for (const pdu of pdus) this.socket.write(pdu);
  }
}

interface Scene {
  readonly client: RpcHttpClient;
  readonly out: Seen;
  readonly in: Seen;
  /** The next channel that is opened. */
  channel(): Promise<Seen>;
}

async function scene(t: ExecutionContext, options: Partial<RpcHttpClientOptions> = {}): Promise<Scene> {
  const waiting: Seen[] = [];
  let wake = (): void => {};
  const server = createServer((socket) => {
    waiting.push(new Seen(socket));
    wake();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const channel = async (): Promise<Seen> => {
    while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    const [first] = waiting.splice(0, 1) as [Seen];
    first.pdus.unshift(await first.next());
    return first;
  };
  const client = new RpcHttpClient({ port: (server.address() as AddressInfo).port, ...options });
  t.teardown(() => {
    client.close();
    server.close();
  });
  const both = [await channel(), await channel()];
  const [out, into] = both[0]?.head.startsWith("RPC_OUT_DATA") ? both : both.toReversed();
  if (out === undefined || into === undefined) throw new Error("unreachable");
  return { client, out, in: into, channel };
}

const open = (out: Seen): void => out.say(SUCCESS, rtsPdu("CONN/A3", { timeout }), rtsPdu("CONN/C2", { window, timeout }));

const lost = async ({ client }: Scene): Promise<string> => (await client.ended)?.message ?? "";

test("it opens both channels with heads and PDUs as the protocol says", async (t) => {
  const at = await scene(t, { authorization: "Basic abc", lifetime: 131_072 });
  t.regex(at.out.head, /^RPC_OUT_DATA \/rpc\/rpcproxy\.dll\?server:6001 HTTP\/1\.1\r\n[^]*Content-Length: 76\r\n/);
  t.regex(at.in.head, /^RPC_IN_DATA [^]*Content-Length: 131072\r\nAuthorization: Basic abc\r\n\r\n$/);
  const { connection, out } = at.client.cookies;
  t.deepEqual(rtsValues("CONN/A1", await at.out.next()), { connection, channel: out, window });
  t.like(rtsValues("CONN/B1", await at.in.next()), { connection, channel: at.client.cookies.in, lifetime: 131_072 });
  open(at.out);
  await at.client.opened();
  t.deepEqual(at.client.states, { in: "opened", out: "opened" });
});

test("it waits for 100 Continue with its body where it says so", async (t) => {
  const server = createServer((socket) => {
    socket.once("data", (chunk: Buffer) => {
      heads.push(chunk.toString("latin1"));
      socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      socket.once("data", (body: Buffer) => bodies.push(body));
    });
  });
  const heads: string[] = [];
  const bodies: Buffer[] = [];
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new RpcHttpClient({ port: (server.address() as AddressInfo).port, expect: true });
  t.teardown(() => {
    client.close();
    server.close();
  });
  while (bodies.length < 2) await new Promise((resolve) => setImmediate(resolve));
  t.true(heads.every((head) => head.endsWith("\r\nExpect: 100-continue\r\n\r\n")));
  t.true(bodies.every(isRts));
});

test("a PDU that the state does not allow ends it", async (t) => {
  const at = await scene(t);
  at.out.say(SUCCESS, rtsPdu("CONN/C2", { window, timeout }));
  t.is(await lost(at), "In state A3W came CONN/C1 or CONN/C2");
});

test("a refusal tells its reason", async (t) => {
  const at = await scene(t);
  at.in.say("HTTP/1.1 503 RPC Error: 6ba\r\nContent-Length: 0\r\n\r\n");
  t.is(await lost(at), "IN was answered: 503 RPC Error: 6ba");
  await t.throwsAsync(at.client.opened(), { message: /RPC Error: 6ba/ });
});

test("an impossible acknowledgement ends it", async (t) => {
  const at = await scene(t);
  open(at.out);
  await at.client.opened();
  const ack = (values: RtsValues): Buffer => rtsPdu("FlowControlAckWithDestination", { destination, ...values });
  at.out.say(ack({ channel: at.client.cookies.in, received: 1, available: window }));
  t.regex(await lost(at), /^An impossible acknowledgement: 1 received/);
});

test("more than the window ends it", async (t) => {
  const at = await scene(t, { window: 8192 });
  open(at.out);
  at.client.pause();
  const call = Buffer.alloc(28);
  call.writeUInt32LE(8200, 24);
  at.out.say(echoOf(call));
  t.regex(await lost(at), /^8\d\d\d octets came, where 8192 were allowed/);
});

test("it replaces an IN channel before its lifetime ends, by what it is told", async (t) => {
  const at = await scene(t, { lifetime: 131_072 });
  open(at.out);
  await at.client.opened();
  await at.in.next();
  const stub = Buffer.alloc(5000);
  for (let callId = 1; callId <= 30; callId += 1) at.client.send(requestPdus({ callId, stub }));
  let received = 0;
  // The window is 64 KiB: acknowledged as it fills.
  const acknowledge = (): void =>
    at.out.say(
      rtsPdu("FlowControlAckWithDestination", { destination, channel: at.client.cookies.in, received, available: window }),
    );
  for (let count = 0; count < 25; count += 1) {
    received += (await at.in.next()).length;
    if (count % 5 === 4) acknowledge();
  }
  const next = await at.channel();
  const values = rtsValues("IN_R1/A1", await next.next());
  t.like(values, { connection: at.client.cookies.connection, predecessor: at.client.cookies.in });
  t.is(at.client.states.in, "A4W");
  at.out.say(rtsPdu("IN_R1/A3", { destination, window, timeout }));
  t.deepEqual(rtsValues("IN_R1/A5", await at.in.next()), { successor: values?.successor ?? "" });
  for (let count = 25; count < 30; count += 1) t.is((await next.next()).length, 5024);
  t.is(at.client.recycled.IN_R1, 1);
});

for (const [how, form] of [
  ["R1", "OUT_R1"],
  ["R2", "OUT_R2"],
] as const) {
  test(`it replaces an OUT channel in form ${how}, and nothing may come behind the last PDU of the old one`, async (t) => {
    const at = await scene(t);
    open(at.out);
    await at.client.opened();
    await at.in.next();
    at.out.say(rtsPdu("OUT_R1/A1", { destination }));
    const next = await at.channel();
    t.regex(next.head, /Content-Length: 120\r\n/);
    const values = rtsValues("OUT_R1/A3", await next.next());
    t.like(values, { predecessor: at.client.cookies.out });
    at.out.say(how === "R1" ? rtsPdu("OUT_R1/A5", { destination, timeout }) : rtsPdu("OUT_R2/A5", { destination }));
    t.is(await at.in.rts(), how === "R1" ? "OUT_R1/A7" : "OUT_R2/A7");
    if (how === "R2") t.is(await next.rts(), "OUT_R2/C1");
    at.out.say(how === "R1" ? rtsPdu("OUT_R1/A9") : rtsPdu("OUT_R2/B3"));
    while (at.client.recycled[form] === 0) await new Promise((resolve) => setImmediate(resolve));
    t.is(at.client.cookies.out, values?.successor ?? "");
    next.say(SUCCESS, rtsPdu("Ping"));
    while (at.client.pings === 0) await new Promise((resolve) => setImmediate(resolve));
    at.out.say(rtsPdu("Ping"));
    t.is(await lost(at), "Octets came behind the last PDU of an OUT channel");
  });
}
