import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import test from "ava";
import { createFakeClock } from "@postern/testing";
import { rpc } from "./proxy/test/scene.ts";
import { ServerLeg } from "./server-leg.ts";
import { rpcLeg } from "./server/test/scene.ts";

const KB = 1024;

test("server leg: what the client said last reaches a slow backend, though the backend is not listened to any more", async (t) => {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  socket.pause();
  const [there] = await accepted;
  t.teardown(() => there.destroy());
  const backend = new ServerLeg(
    socket,
    rpcLeg(port),
    { fromServer: () => {}, runFromServer: () => {}, legDrained: () => {}, legOver: () => {} },
    { mayGreet: false, maxUnsent: Infinity },
  );
  backend.pause();
  await new Promise((resolve) => there.write(rpc(60 * KB), resolve));
  const last = Array.from({ length: 64 }, (_, fill) => rpc(60 * KB, fill));
  for (const run of last) backend.write(run, undefined);
  backend.close(createFakeClock());
  const heard: Buffer[] = [];
  there.on("data", (chunk: Buffer) => heard.push(chunk));
  there.resume();
  await once(there, "end");
  t.deepEqual(Buffer.concat(heard), Buffer.concat(last));
});
