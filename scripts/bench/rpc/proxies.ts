// Postern in front of each kind of RPC backend, and HAProxy, which relays the two channels to the RPC proxy: one worker, TLS in front,
// a plain backend on loopback. Never listens elsewhere than on loopback.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { haproxyHttp } from "../peers.ts";
import { posternLaunch, type Launch } from "../proxies.ts";
import type { Site } from "../site.ts";

export interface RpcSite extends Site {
  /** Of the RPC proxy, the ncacn_http server, and the server of plain TCP. */
  readonly httpPort: number;
  readonly ncacnPort: number;
  readonly tcpPort: number;
}

export interface RpcRow {
  /** Of the column. */
  readonly name: string;
  readonly launch: (site: RpcSite, folder: string, port: number) => Launch;
  /** The port that clients ask for. */
  readonly rpcPort: (site: RpcSite) => number;
}

const USER = "alice@example.com";
const PASSWORD = "secret";
export const AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`;
const ENOUGH = 100_000;

interface Leg {
  readonly leg: (site: RpcSite) => string;
  readonly authentication: "pass" | "edge";
  readonly rpcPort: (site: RpcSite) => number;
}

function postern({ leg, authentication, rpcPort }: Leg): RpcRow {
  return {
    name: "postern",
    rpcPort,
    launch(site, folder, port) {
      const hash = execFileSync("openssl", ["passwd", "-6", PASSWORD], { encoding: "utf8" }).trim();
      writeFileSync(join(folder, "users"), `${USER}:${hash}\n`, { mode: 0o600 });
      return posternLaunch(
        site,
        folder,
        `listeners: [{ protocol: https, address: "127.0.0.1:${port}", tls: implicit }]
https: { accessLog: none, requestsPerUser: 0, services: { rpc: { authentication: ${authentication} } } }
authentication: { verifiers: [{ verifier: file, path: users }] }
rpc-http: { servers: "*", ports: [${rpcPort(site)}], connectionsPerUser: ${ENOUGH} }
backends: { mbx1: { ${leg(site)} } }
routes: [{ source: static, default: mbx1 }]
`,
      );
    },
  };
}

const haproxy = (site: RpcSite, folder: string, port: number): Launch =>
  haproxyHttp(site, folder, ["option http-no-delay"], port, site.httpPort);

const STORE = 6001;

export const HAPROXY: RpcRow = { name: "haproxy-rpc", rpcPort: () => STORE, launch: haproxy };

/** By the kind of backend, as the table names it. */
export const KINDS: readonly (readonly [string, RpcRow])[] = [
  [
    "another RPC proxy",
    postern({
      leg: ({ httpPort }) => `https: "http://127.0.0.1:${httpPort}"`,
      authentication: "pass",
      rpcPort: () => STORE,
    }),
  ],
  [
    "ncacn_http",
    postern({
      leg: () => 'rpc-http: "ncacn_http://127.0.0.1"',
      authentication: "edge",
      rpcPort: ({ ncacnPort }) => ncacnPort,
    }),
  ],
  [
    "ncacn_ip_tcp",
    postern({
      leg: ({ tcpPort }) => `rpc-http: "ncacn_ip_tcp://127.0.0.1:${tcpPort}"`,
      authentication: "edge",
      rpcPort: () => STORE,
    }),
  ],
];
