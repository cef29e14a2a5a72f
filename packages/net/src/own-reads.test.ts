import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import { buffered, readBy } from "./own-reads.ts";

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
