import test from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { newPdu, PDU_TYPES, pdusOf } from "@postern/dcerpc";
import { HttpClientChannel } from "./client-channel.ts";
import type { ChannelListener } from "./parts.ts";
import { rtsPdu } from "./rts/pdus.ts";
import { fakeChannel, type FakeChannel } from "./test/fake-channel.ts";

const ONE = "1".repeat(32);
const B1 = rtsPdu("CONN/B1", { connection: ONE, channel: ONE, lifetime: 2 ** 30, keepAlive: 0, group: ONE });
const A1 = rtsPdu("CONN/A1", { connection: ONE, channel: ONE, window: 65_536 });
const PING = rtsPdu("Ping", {});
const call = (id: number): Buffer => newPdu(PDU_TYPES.request, id, 24);
const LENGTH = 1000;

interface Scene extends FakeChannel {
  readonly client: HttpClientChannel;
  /** What the listener heard, in order. */
  readonly heard: string[];
  readonly listener: ChannelListener;
  /** What rpc() says. */
  takes: boolean;
}

function scene(direction: "in" | "out"): Scene {
  const channel = fakeChannel(direction === "in" ? "RPC_IN_DATA" : "RPC_OUT_DATA");
  const client = new HttpClientChannel(channel, channel.body, direction, LENGTH);
  client.finished.catch(() => {});
  const heard: string[] = [];
  const made: Scene = {
    ...channel,
    client,
    heard,
    takes: true,
    listener: {
      rts: (_rts, bytes) => heard.push(`rts ${bytes.length}`),
      rpc(bytes) {
        for (const pdu of pdusOf(bytes)) heard.push(`rpc ${pdu.readUInt32LE(12)}`);
        return made.takes;
      },
      drained: () => heard.push("drained"),
      over: (failure) => heard.push(`over ${failure.kind}`),
    },
  };
  return made;
}

async function opened(direction: "in" | "out"): Promise<Scene> {
  const made = scene(direction);
  const first = made.client.first();
  made.body.sent(direction === "in" ? B1 : A1);
  await first;
  made.client.listen(made.listener);
  return made;
}

test("the first PDU is read alone; what came with it waits for a listener, and no more is read", async (t) => {
  const { client, body, heard, listener } = scene("in");
  const first = client.first();
  body.sent(B1, call(1), PING, call(2));
  t.deepEqual((await first).bytes, B1);
  t.false(body.isFlowing);
  t.deepEqual(heard, []);
  client.listen(listener);
  t.deepEqual(heard, ["rpc 1", "rts 20", "rpc 2"]);
  t.true(body.isFlowing);
  t.is(client.bytesIn, B1.length + PING.length + 80);
});

test("a listener that takes no more hears no more until it resumes, and nothing is lost", async (t) => {
  const made = await opened("in");
  const { client, body, heard } = made;
  made.takes = false;
  body.sent(call(1), PING, call(2), call(3));
  t.deepEqual(heard, ["rpc 1"]);
  t.false(body.isFlowing);
  client.resume();
  t.deepEqual(heard, ["rpc 1", "rts 20", "rpc 2", "rpc 3"]);
  t.false(body.isFlowing);
  made.takes = true;
  client.resume();
  t.true(body.isFlowing);
  body.sent(call(4));
  t.is(heard.at(-1), "rpc 4");
});

test("however the stream is cut and the listener pauses, it hears all PDUs in their order", async (t) => {
  const pdus = Array.from({ length: 30 }, (_, index) => (index % 7 === 3 ? PING : call(index)));
  const bytes = Buffer.concat(pdus);
  const expected = pdus.map((pdu) => (pdu === PING ? "rts 20" : `rpc ${pdu.readUInt32LE(12)}`));
  const run = fc.asyncProperty(
    fc.array(fc.nat({ max: bytes.length }), { maxLength: 20 }),
    fc.array(fc.boolean()),
    async (cuts, pauses) => {
      const made = await opened("in");
      const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      for (const [index, end] of at.slice(1).entries()) {
        made.takes = pauses[index] ?? true;
        made.body.sent(bytes.subarray(at[index], end));
        for (let tries = 0; !made.body.isFlowing && tries < 40; tries += 1) made.client.resume();
      }
      t.deepEqual(made.heard, expected);
    },
  );
  await fc.assert(run);
});

test("a client that leaves is told to the listener once, behind all that came, and is no failure", async (t) => {
  const made = await opened("in");
  made.takes = false;
  made.body.sent(call(1), PING, call(2));
  made.body.left();
  made.answer.onGone?.();
  t.deepEqual(made.heard, ["rpc 1", "rts 20", "rpc 2", "over client-gone"]);
  await t.notThrowsAsync(made.client.finished);
  t.true(made.client.isOver);
});

test("a client that left before anybody listened is told to who listens then", async (t) => {
  const { client, body, heard, listener } = scene("in");
  const first = client.first();
  body.sent(B1, call(1));
  await first;
  body.left();
  client.listen(listener);
  t.deepEqual(heard, ["over client-gone"]);
});

test("nonsense ends the channel: the listener hears it, an answer is cut, and without one the failure is told", async (t) => {
  for (const direction of ["in", "out"] as const) {
    const { client, body, answer, heard } = await opened(direction);
    if (direction === "out") client.begin();
    body.sent(call(1), Buffer.alloc(40));
    t.is(heard.at(-1), "over syntax");
    t.is(answer.ending, direction === "out" ? "cut" : undefined);
    await t.throwsAsync(client.finished, { instanceOf: Failure, message: /^RPC: / });
    body.sent(call(2));
    t.false(heard.includes("rpc 2"));
  }
});

test("a Failure of the listener ends the channel", async (t) => {
  const { client, body, heard, listener } = await opened("in");
  client.listen({
    ...listener,
    rts() {
      throw new Failure("syntax", "not now");
    },
  });
  body.sent(PING, call(1));
  t.deepEqual(heard, ["over syntax"]);
  await t.throwsAsync(client.finished, { message: "not now" });
});

test("a channel that begins with RPC, or ends within its first PDU, is refused", async (t) => {
  const rpc = scene("in");
  const first = rpc.client.first();
  rpc.body.sent(call(1));
  await t.throwsAsync(first, { instanceOf: Failure, message: /begins with no RTS PDU/ });
  for (const bytes of [Buffer.alloc(0), A1.subarray(0, 30)]) {
    const short = scene("out");
    const none = short.client.first();
    short.body.sent(bytes);
    short.body.sink.end();
    await t.throwsAsync(none, { instanceOf: Failure, message: /ends within a PDU/ });
  }
});

test("an OUT channel whose body is complete lives on; an IN channel is over with it", async (t) => {
  const out = await opened("out");
  out.body.sink.end();
  t.false(out.client.isOver);
  const into = await opened("in");
  into.body.sink.end();
  t.deepEqual(into.heard, ["over client-gone"]);
});

test("OUT: the answer begins with Success and the length, and what was written before follows", async (t) => {
  const { client, answer, heard } = await opened("out");
  t.true(client.write(PING));
  t.is(client.bytesLeft, LENGTH - 20);
  t.deepEqual(answer.out, []);
  client.begin();
  client.begin();
  t.is(answer.head, "200 Success Content-Type application/rpc");
  t.is(answer.length, LENGTH);
  answer.takes = false;
  t.false(client.write(call(1)));
  t.deepEqual(answer.out, [PING, call(1)]);
  t.is(client.bytesLeft, LENGTH - 60);
  answer.onDrain?.();
  t.deepEqual(heard, ["drained"]);
});

test("OUT: nothing is written beyond the length that was announced", async (t) => {
  const { client, answer, heard } = await opened("out");
  client.begin();
  client.write(Buffer.alloc(LENGTH));
  t.is(client.bytesLeft, 0);
  client.write(PING);
  t.is(answer.bytes, LENGTH);
  t.deepEqual(heard, ["over syntax"]);
  t.is(answer.ending, "cut");
});

test("IN: nothing can be written", async (t) => {
  const { client } = await opened("in");
  t.is(client.bytesLeft, 0);
  t.throws(() => client.write(PING), { instanceOf: Error });
});

test("who leaves hears nothing more; what was written is not cut", async (t) => {
  const { client, answer, body, heard } = await opened("out");
  client.begin();
  client.write(PING);
  client.leave();
  client.leave(new Failure("backend-lost", "late"));
  body.sent(call(1));
  answer.onGone?.();
  t.deepEqual(heard, []);
  t.is(answer.ending, "leave");
  t.deepEqual(answer.out, [PING]);
  await t.notThrowsAsync(client.finished);
});

test("who leaves with a failure before an answer leaves the answer to others; an IN channel ends without one", async (t) => {
  const refused = await opened("out");
  refused.client.leave(new Failure("backend-lost", "lost"));
  t.is(refused.answer.ending, undefined);
  await t.throwsAsync(refused.client.finished, { message: "lost" });
  const lost = await opened("out");
  lost.client.begin();
  lost.client.leave(new Failure("backend-lost", "lost"));
  t.is(lost.answer.ending, "leave");
  await t.throwsAsync(lost.client.finished, { message: "lost" });
  const done = await opened("in");
  done.client.leave();
  t.is(done.answer.ending, "leave");
  t.is(done.answer.status, undefined);
});

test("a channel that is left because its client left another one ends without an answer, and is no failure", async (t) => {
  const { client, answer } = await opened("in");
  client.leave(new Failure("client-gone", "The client left the channel"));
  t.is(answer.ending, "leave");
  t.is(answer.status, undefined);
  await t.notThrowsAsync(client.finished);
});
