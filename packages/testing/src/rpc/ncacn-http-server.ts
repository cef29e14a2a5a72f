// An ncacn_http server for tests, on loopback: the server's role of [MS-RPCH] section 3.2.5, as strict as it is written there, with the echo
// server behind it. What proxies do wrong is kept in `errors`, and ends their virtual connection. Stopped by its handle.

import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { Recycling } from "./client-parts.ts";
import { NcacnConnection } from "./ncacn-connection.ts";
import { NcacnLeg } from "./ncacn-leg.ts";
import { rtsNames, rtsValues, type RtsName } from "./rts.ts";

export interface NcacnHttpServer {
  readonly port: number;
  /** What proxies did wrong. */
  readonly errors: readonly string[];
  /** How often which form of recycling was seen through. */
  readonly recycled: Readonly<Record<Recycling, number>>;
  /** The virtual connections that are there, by their cookies. */
  readonly connections: ReadonlyMap<string, NcacnConnection>;
  /** TCP connections that are open. */
  legs(): number;
  /** Safe to call more than once. */
  stop(): Promise<void>;
}

export interface NcacnHttpServerOptions {
  /** Of IN channels; 64 KiB by default. */
  readonly window?: number;
}

const FIRST: readonly RtsName[] = ["CONN/A2", "CONN/B2", "IN_R1/A2", "OUT_R1/A4"];

/** Resolves when it takes connections. */
export async function startNcacnHttpServer({ window = 64 * 1024 }: NcacnHttpServerOptions = {}): Promise<NcacnHttpServer> {
  const errors: string[] = [];
  const recycled = { IN_R1: 0, IN_R2: 0, OUT_R1: 0, OUT_R2: 0 };
  const connections = new Map<string, NcacnConnection>();
  const legs = new Set<NcacnLeg>();
  let groups = 0;
  const nextGroup = (): number => (groups += 1);
  const create = (cookie: string): NcacnConnection => {
    const { port } = server.address() as AddressInfo;
    const connection = new NcacnConnection({ port, nextGroup }, window, {
      recycled: (how) => void (recycled[how] += 1),
      over(over, error) {
        if (connections.get(cookie) !== over) return;
        connections.delete(cookie);
        if (error !== undefined) errors.push(error);
      },
    });
    connections.set(cookie, connection);
    return connection;
  };
  const first = (leg: NcacnLeg, pdu: Buffer): void => {
    const name = FIRST.find((one) => rtsValues(one, pdu) !== undefined);
    const values = name === undefined ? {} : (rtsValues(name, pdu) ?? {});
    const { connection: cookie = "" } = values;
    const isNew = name === "CONN/A2" || name === "CONN/B2";
    const connection = connections.get(cookie) ?? (isNew ? create(cookie) : undefined);
    if (name === undefined || connection === undefined) {
      errors.push(`A connection began with ${rtsNames(pdu)}${name === undefined ? "" : " for a connection that is not there"}`);
      return leg.cut();
    }
    connection.join(leg, name, values);
  };
  const server = createServer({ noDelay: true }, (socket) => {
    const leg = new NcacnLeg(socket, first);
    legs.add(leg);
    socket.once("close", () => legs.delete(leg));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    errors,
    recycled,
    connections,
    legs: () => legs.size,
    async stop() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const leg of legs) leg.cut();
      await closed;
    },
  };
}
