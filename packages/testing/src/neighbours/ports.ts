// Free ports for servers that cannot be told to take any. Another program may take one in between: whoever uses them
// tries again with others.

import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";

/** `count` different ports of 127.0.0.1 that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(
    servers.map(
      (server) =>
        new Promise<void>((resolve, reject) => {
          server.once("error", reject).listen(0, "127.0.0.1", resolve);
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Does somebody answer on this port of 127.0.0.1, and say something? */
export function answers(port: number): Promise<boolean> {
  return sees(port, "data");
}

/** Does somebody take a connection on this port of 127.0.0.1? For servers that say nothing first. */
export function opens(port: number): Promise<boolean> {
  return sees(port, "connect");
}

function sees(port: number, event: "connect" | "data"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: 1000 });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once(event, end(true)).once("error", end(false)).once("end", end(false)).once("timeout", end(false));
  });
}
