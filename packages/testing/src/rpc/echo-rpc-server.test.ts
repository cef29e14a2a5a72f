import { once } from "node:events";
import { connect } from "node:net";
import test, { type ExecutionContext } from "ava";
import { startEchoRpcServer, type EchoRpcServer } from "./echo-rpc-server.ts";
import { bindPdu, callOf, echoOf, groupOf, isLast, PduSplitter, PTYPE, requestPdus, typeOf } from "./pdus.ts";

async function scene(t: ExecutionContext): Promise<EchoRpcServer> {
  const server = await startEchoRpcServer();
  t.teardown(() => server.stop());
  return server;
}

/** Sends octets one by one; the PDUs of so many calls. */
async function ask(port: number, bytes: Buffer, calls: number): Promise<Buffer[]> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const splitter = new PduSplitter();
  const found: Buffer[] = [];
  for (const octet of bytes) socket.write(Buffer.of(octet));
  while (found.filter(isLast).length < calls) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    found.push(...splitter.feed(chunk));
  }
  socket.destroy();
  return found;
}

test("a bind is answered with its group, or a new one", async (t) => {
  const { port } = await scene(t);
  const [old, next] = await ask(port, Buffer.concat([bindPdu({ callId: 1, group: 7 }), bindPdu({ callId: 2 })]), 2);
  t.deepEqual(
    [old, next].map((pdu) => pdu && typeOf(pdu)),
    [PTYPE.bindAck, PTYPE.bindAck],
  );
  t.is(old && groupOf(old), 7);
  t.not(next && groupOf(next), 0);
});

test("a call is answered with a digest of all its octets, in as many as it asks for", async (t) => {
  const server = await scene(t);
  const stub = Buffer.alloc(20_000, "x");
  stub.writeUInt32LE(30_000);
  const call = requestPdus({ callId: 9, stub });
  const [, ...answer] = await ask(server.port, Buffer.concat([bindPdu({ callId: 1 }), call]), 2);
  t.is(answer.length, 6);
  t.true(Buffer.concat(answer).equals(echoOf(call)));
  t.true(answer.every((pdu) => callOf(pdu) === 9));
  stub[19_999] = 0;
  t.false(Buffer.concat(answer).equals(echoOf(requestPdus({ callId: 9, stub }))));
});

test("a call without a bind is cut, and what was wrong is kept", async (t) => {
  const server = await scene(t);
  const socket = connect({ port: server.port, host: "127.0.0.1" });
  socket.on("error", () => {});
  const closed = once(socket, "close");
  socket.write(requestPdus({ callId: 1, stub: Buffer.alloc(4) }));
  await closed;
  t.deepEqual(server.errors, ["Error: A call came before its bind"]);
});
