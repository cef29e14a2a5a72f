import test from "ava";
import { Failure, type Leg } from "@postern/contracts";
import { createFakeClock, createMemoryLogger, defaultsOf, testLeg, type FakeClock } from "@postern/testing";
import type { BackendKind, ClientChannel, Opening, RpcHttpParts } from "./parts.ts";
import { rtsPdu, type RtsName, type RtsValues } from "./rts/pdus.ts";
import { createServe } from "./serve.ts";
import { rpcHttpSettings, type RpcHttpSettings } from "./settings.ts";
import { fakeChannel, type FakeChannel } from "./test/fake-channel.ts";

const [VC, OWN, OLD] = ["1", "2", "3"].map((digit) => digit.repeat(32)) as [string, string, string];
const GIB = 1024 ** 3;
const VALUES = { connection: VC, channel: OWN, predecessor: OLD, group: OLD, window: 65_536, lifetime: GIB, keepAlive: 300_000 };
const pdu = (name: RtsName, rest: Partial<typeof VALUES> = {}): Buffer =>
  rtsPdu(name, { ...VALUES, ...rest } as unknown as RtsValues<RtsName>);

interface Taken {
  readonly client: ClientChannel;
  readonly opening: Opening;
  readonly legs: readonly Leg[];
  readonly done: PromiseWithResolvers<void>;
}

interface Scene {
  readonly clock: FakeClock;
  readonly taken: Taken[];
  readonly serve: (channel: FakeChannel, legs?: readonly Leg[]) => Promise<void>;
}

const LEG = testLeg(6001, { protocol: "rpc-http", scheme: "ncacn_http" });

function scene(rest: Partial<RpcHttpSettings> = {}): Scene {
  const clock = createFakeClock();
  const taken: Taken[] = [];
  const kind: BackendKind = {
    take(client, opening, _first, legs) {
      const done = Promise.withResolvers<void>();
      taken.push({ client, opening, legs, done });
      return done.promise;
    },
    close() {},
  };
  const settings = { ...(defaultsOf(rpcHttpSettings) as unknown as RpcHttpSettings), servers: [], tcpPorts: {}, ...rest };
  // Serving needs no more of the parts.
  const parts = {
    hostname: "mail.example.com",
    settings,
    clock,
    logger: createMemoryLogger(),
    legs: new Map(),
  } as unknown as RpcHttpParts;
  const serve = createServe(parts, new Map([["ncacn_http", kind]]));
  return { clock, taken, serve: (channel, legs = [LEG]) => serve(channel, legs) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What the client is told: the failure that serve() rejects with. */
async function told(work: Promise<void>): Promise<string> {
  try {
    await work;
    return "served";
  } catch (error) {
    return error instanceof Failure ? `${error.kind}: ${error.message}` : String(error);
  }
}

test("a request with next to no body is an echo, on both verbs, and no backend hears of it", async (t) => {
  for (const method of ["RPC_IN_DATA", "RPC_OUT_DATA"])
    for (const length of [0, 4, 16]) {
      const { serve, taken } = scene();
      const channel = fakeChannel(method, { length });
      await serve(channel);
      t.is(channel.answer.head, "200 Success Content-Type application/rpc");
      t.is(channel.answer.length, 20);
      t.is(Buffer.concat(channel.answer.out).toString("hex"), "0500140310000000140000000000000040000000");
      t.is(channel.answer.ending, "end");
      t.deepEqual(taken, []);
    }
});

test("an echo request without a body is answered; one to a server that may not be asked for is not", async (t) => {
  const { serve } = scene();
  const { body: _none, ...rest } = fakeChannel("RPC_OUT_DATA");
  await serve({ ...rest, body: undefined } as unknown as FakeChannel);
  t.is(rest.answer.ending, "end");
  const other = fakeChannel("RPC_OUT_DATA", { length: 4, target: "/rpc/rpcproxy.dll?10.0.0.9:6001" });
  t.regex(await told(serve(other)), /^route-refused/);
  t.is(other.answer.status, undefined);
});

const OPENINGS: readonly (readonly [string, RtsName, Opening])[] = [
  ["RPC_OUT_DATA", "CONN/A1", { kind: "conn-a1", connection: VC, channel: OWN, window: 65_536 }],
  ["RPC_OUT_DATA", "OUT_R1/A3", { kind: "out-r-a3", connection: VC, predecessor: OLD, channel: OWN, window: 65_536 }],
  ["RPC_IN_DATA", "CONN/B1", { kind: "conn-b1", connection: VC, channel: OWN, lifetime: GIB, keepAlive: 300_000, group: OLD }],
  ["RPC_IN_DATA", "IN_R1/A1", { kind: "in-r-a1", connection: VC, predecessor: OLD, channel: OWN }],
];

for (const [method, name, opening] of OPENINGS) {
  test(`${name} opens a channel of ${method}, and none of the other direction`, async (t) => {
    const { serve, taken } = scene();
    const channel = fakeChannel(method);
    const served = serve(channel);
    channel.body.sent(pdu(name));
    await turn();
    t.deepEqual(taken[0]?.opening, opening);
    t.is(taken[0]?.client.user, "alice@example.com");
    t.deepEqual(
      taken[0]?.legs.map(({ port }) => port),
      [6001],
    );
    taken[0]?.done.resolve();
    await served;
    t.is(channel.answer.ending, "leave");
    const other = fakeChannel(method === "RPC_IN_DATA" ? "RPC_OUT_DATA" : "RPC_IN_DATA");
    const refused = told(serve(other));
    other.body.sent(pdu(name));
    t.regex(await refused, /^syntax: RPC: an RTS PDU that does not begin/);
  });
}

test("numbers that the specification does not have are refused", async (t) => {
  const cases: [string, Buffer][] = [
    ["RPC_OUT_DATA", pdu("CONN/A1", { window: 8191 })],
    ["RPC_OUT_DATA", pdu("CONN/A1", { window: 262_145 })],
    ["RPC_OUT_DATA", pdu("OUT_R1/A3", { window: 0 })],
    ["RPC_IN_DATA", pdu("CONN/B1", { lifetime: 131_071 })],
    ["RPC_IN_DATA", pdu("CONN/B1", { lifetime: 2 * GIB + 1 })],
    ["RPC_IN_DATA", pdu("CONN/B1", { keepAlive: 59_999 })],
    ["RPC_IN_DATA", pdu("Ping")],
  ];
  for (const [method, first] of cases) {
    const { serve, taken } = scene();
    const channel = fakeChannel(method);
    const refused = told(serve(channel));
    channel.body.sent(first);
    t.regex(await refused, /^syntax: RPC: /, first.toString("hex"));
    t.deepEqual(taken, []);
    t.is(channel.answer.status, undefined);
  }
});

test("a client that opens no channel in time is told", async (t) => {
  const { serve, clock } = scene({ openTimeout: 30_000 });
  const channel = fakeChannel("RPC_IN_DATA");
  const served = told(serve(channel));
  channel.body.sent(pdu("CONN/B1").subarray(0, 50));
  await clock.advance(29_999);
  t.false(channel.answer.isOver);
  await clock.advance(1);
  t.is(await served, "idle: RPC: no PDU came within 30000 ms");
});

test("a channel that is open waits for nothing more", async (t) => {
  const { serve, clock, taken } = scene();
  const channel = fakeChannel("RPC_IN_DATA");
  void serve(channel);
  channel.body.sent(pdu("CONN/B1"));
  await turn();
  t.is(clock.pending, 0);
  t.is(taken.length, 1);
});

test("what the kind of the backend fails with is told to the client", async (t) => {
  const { serve, taken } = scene();
  const channel = fakeChannel("RPC_OUT_DATA");
  const served = told(serve(channel));
  channel.body.sent(pdu("CONN/A1"));
  await turn();
  taken[0]?.done.reject(new Failure("backend-unreachable", "refused"));
  t.is(await served, "backend-unreachable: refused");
  t.is(channel.answer.status, undefined);
});

test("the answer of an OUT channel has room for its lifetime and for what follows, up to 2 GiB", async (t) => {
  for (const [channelLifetime, length] of [
    [GIB, GIB + 131_072],
    [2 * GIB, 2 * GIB],
  ] as const) {
    const { serve, taken } = scene({ channelLifetime });
    const channel = fakeChannel("RPC_OUT_DATA");
    void serve(channel);
    channel.body.sent(pdu("CONN/A1"));
    await turn();
    taken[0]?.client.begin();
    t.is(channel.answer.length, length);
  }
});

test("a user has places for so many virtual connections; others have their own, and places come back", async (t) => {
  const { serve, taken } = scene({ connectionsPerUser: 1 });
  const open = async (user: string): Promise<void> => {
    const channel = fakeChannel("RPC_IN_DATA", { user });
    void serve(channel);
    channel.body.sent(pdu("CONN/B1"));
    await turn();
  };
  await open("alice");
  await open("alice");
  t.regex(await told(serve(fakeChannel("RPC_IN_DATA", { user: "alice" }))), /^too-many-of-user: alice has 2 channels/);
  await open("bob");
  taken[0]?.client.leave();
  await turn();
  await open("alice");
  t.is(taken.length, 4);
});

test("another method, and a user without an RPC server, are refused", async (t) => {
  const { serve } = scene();
  t.regex(await told(serve(fakeChannel("GET"))), /^unknown-command/);
  t.regex(await told(serve(fakeChannel("RPC_IN_DATA"), [])), /^no-candidate/);
  t.regex(await told(serve(fakeChannel("RPC_IN_DATA"), [testLeg(1, { scheme: "other" })])), /^(no-candidate|route-refused)/);
});
