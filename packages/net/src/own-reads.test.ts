import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import { giveBack, type Lending } from "./lending.ts";
import { buffered, readBy, restQuiet } from "./own-reads.ts";

/** A socket that holds "one" and "two", each from a read of its own, and its peer. */
async function holding(t: ExecutionContext): Promise<{ socket: Socket; peer: Socket }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  t.teardown(() => {
    peer.destroy();
    socket.destroy();
    server.close();
  });
  socket.read(0);
  for (const [text, length] of [
    ["one", 3],
    ["two", 6],
  ] as const) {
    peer.write(text);
    while (socket.readableLength < length) await new Promise((resolve) => setImmediate(resolve));
  }
  return { socket, peer };
}

test("a reader gets all that a socket holds, in order, and then what comes", async (t) => {
  const { socket, peer } = await holding(t);
  let seen = "";
  readBy(socket, { feed: (chunk) => (seen += chunk.toString()) !== "" });
  t.is(seen, "onetwo");
  peer.write("three");
  socket.resume();
  while (seen.length < 11) await new Promise((resolve) => setImmediate(resolve));
  t.is(seen, "onetwothree");
});

test("what a socket holds is taken as a whole, and once", async (t) => {
  const { socket } = await holding(t);
  t.is(Buffer.concat(buffered(socket)).toString(), "onetwo");
  t.deepEqual(buffered(socket), []);
});

/** What a reader of `socket` got, read by read. */
function readings(socket: Socket): {
  readonly all: { readonly text: string; readonly lent: Lending | undefined }[];
  bytes: number;
} {
  const got = { all: [] as { text: string; lent: Lending | undefined }[], bytes: 0 };
  const feed = (chunk: Buffer, lent: Lending | undefined): boolean => {
    got.all.push({ text: chunk.toString(), lent });
    got.bytes += chunk.length;
    if (lent !== undefined) giveBack(lent);
    return true;
  };
  readBy(socket, { feed }, "window");
  socket.resume();
  return got;
}

test("a few small reads do not end bulk data; who reads nothing for a while has no large buffer", async (t) => {
  const { socket, peer } = await holding(t);
  const got = readings(socket);
  const send = async (text: string): Promise<void> => {
    const all = got.bytes + text.length;
    peer.write(text);
    while (got.bytes < all) await new Promise((resolve) => setImmediate(resolve));
  };
  const bulk = "b".repeat(10_000);
  await send(bulk);
  await send(bulk);
  await send("small");
  await send(bulk);
  const large = got.all.at(-1)?.lent;
  t.truthy(large, "it lies in a large buffer");
  const spare = large?.spare.length ?? 0;
  // The first look sees that it has read since the last one.
  restQuiet();
  restQuiet();
  t.is(large?.spare.length, spare + 1);
  await send(bulk);
  t.is(got.all.at(-1)?.lent, undefined);
  t.is(got.all.map(({ text }) => text).join(""), `onetwo${bulk}${bulk}small${bulk}${bulk}`);
});
