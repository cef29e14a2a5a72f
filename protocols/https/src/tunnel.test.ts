import test, { type ExecutionContext } from "ava";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { duplexPair, type Duplex } from "node:stream";
import { createFakeClock } from "@postern/testing";
import { tunnel } from "./tunnel.ts";

/** A wire: `stream` is ours, `peer` is who talks through it. */
function end(): { stream: Duplex; peer: Duplex } {
  const [stream, peer] = duplexPair();
  return { stream, peer };
}

const NONE = Buffer.alloc(0);

test("bytes go both ways, those that came early first, and each end is told of the other's", async (t) => {
  const [client, backend] = [end(), end()];
  const over = tunnel(
    { stream: client.stream, early: Buffer.from("early ") },
    { stream: backend.stream, early: NONE },
    0,
    createFakeClock(),
  );
  client.peer.end("hello");
  backend.peer.end("welcome");
  t.is(Buffer.concat(await backend.peer.toArray()).toString(), "early hello");
  t.is(Buffer.concat(await client.peer.toArray()).toString(), "welcome");
  t.deepEqual(await over, { bytesIn: 11, bytesOut: 7 });
});

test("an end that breaks takes the other one with it", async (t) => {
  const [client, backend] = [end(), end()];
  const over = tunnel({ stream: client.stream, early: NONE }, { stream: backend.stream, early: NONE }, 0, createFakeClock());
  backend.stream.destroy(new Error("reset"));
  await over;
  t.true(client.stream.destroyed);
});

test("a tunnel in which nothing moves is cut", async (t) => {
  const clock = createFakeClock();
  const [client, backend] = [end(), end()];
  const over = tunnel({ stream: client.stream, early: NONE }, { stream: backend.stream, early: NONE }, 60_000, clock);
  await clock.advance(120_000);
  await over;
  t.true(client.stream.destroyed && backend.stream.destroyed);
});

test("what was said last still arrives when the other side is closed already, however slowly it is read", async (t) => {
  const [backend, client] = [end(), await pair(t)];
  const over = tunnel({ stream: client.stream, early: NONE }, { stream: backend.stream, early: NONE }, 0, createFakeClock());
  client.peer.pause();
  client.peer.end();
  const said = Buffer.alloc(8_000_000, 7);
  backend.peer.resume();
  backend.peer.end(said);
  await once(backend.stream, "close");
  const heard: Buffer[] = await client.peer.toArray();
  t.is(Buffer.concat(heard).length, said.length);
  await over;
});

/** A wire with buffers of a system behind it. */
async function pair(t: ExecutionContext): Promise<{ stream: Socket; peer: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const peer = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  const [stream] = (await once(server, "connection")) as [Socket];
  server.close();
  t.teardown(() => {
    peer.destroy();
    stream.destroy();
  });
  return { stream, peer };
}

test("a side that ended is not waited for longer than a minute by one that forgets to", async (t) => {
  const clock = createFakeClock();
  const [client, backend] = [end(), end()];
  const over = tunnel({ stream: client.stream, early: NONE }, { stream: backend.stream, early: NONE }, 3_600_000, clock);
  backend.peer.end();
  await new Promise((resolve) => client.peer.resume().once("end", resolve));
  await clock.advance(90_000);
  await over;
  t.true(client.stream.destroyed);
});
