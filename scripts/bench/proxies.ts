// The proxies that are measured: one row each says how to start it, pinned, with TLS in front and the fake backend behind.
// Configurations are those of a careful operator: one worker, TLS 1.3, session tickets, no connection limits.
// Never listens elsewhere than on loopback.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROXY_CORE, portOpen, startPinned, stop } from "./processes.ts";
import type { Program } from "./processes.ts";
import { dovecot, haproxy, nginxMail, nginxStream } from "./peers.ts";
import type { Site } from "./site.ts";

/** What is behind the proxy: a plain backend, or one that speaks TLS too. */
export type Behind = "plain" | "tls";

export interface Running {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** A program to start, and what to start beside it. */
export interface Launch {
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export interface ProxyRow {
  readonly name: string;
  /** Which backends it can reach. */
  readonly behind: readonly Behind[];
  /** Knows its users, or passes the dialogue through. */
  readonly kind: "logs in" | "passes through" | "yardstick";
  /** Most idle sessions that this machine can hold with it. */
  readonly sessions: number;
  readonly launch: (site: Site, folder: string, port: number, behind: Behind) => Launch;
  /** The only key exchange that it offers, when that is not X25519. */
  readonly group?: "P-256";
  /** It gets this share of the logins, because each takes it so long. */
  readonly loginShare?: number;
  /** Prints its version. */
  readonly version: readonly string[];
}

const here = import.meta.dirname;
const root = join(here, "..", "..");
const backendPort = (site: Site, behind: Behind): number => (behind === "tls" ? site.tlsPort : site.plainPort);

/** Postern with a configuration of this body: one worker, TLS, no limits of connections. */
export function posternLaunch(site: Site, folder: string, body: string): Launch {
  const config = join(folder, "postern.yaml");
  writeFileSync(
    config,
    `hostname: bench.test
workers: 1
tls: { certificates: [{ cert: ${site.cert}, key: ${site.key} }] }
limits: { connections: { total: 0, perAddress: 0, perUser: 0 } }
${body}`,
  );
  return { command: [join(root, "bin", "postern"), "serve", "--config", config] };
}

function postern(site: Site, folder: string, port: number, behind: Behind): Launch {
  const address = `127.0.0.1:${backendPort(site, behind)}`;
  const leg =
    behind === "tls" ? `{ url: "imaps://${address}", tls: { ca: ${site.cert}, serverName: bench.test } }` : `"imap://${address}"`;
  return posternLaunch(
    site,
    folder,
    `listeners: [{ protocol: imap, address: "127.0.0.1:${port}", tls: implicit }]
backends:
  mbx1:
    imap: ${leg}
routes: [{ source: static, default: mbx1 }]
`,
  );
}

function perdition(site: Site, folder: string, port: number): Launch {
  const options = {
    bind_address: "127.0.0.1",
    listen_port: port,
    pid_file: join(folder, "perdition.pid"),
    outgoing_server: "127.0.0.1",
    outgoing_port: site.plainPort,
    ssl_mode: "ssl_listen",
    ssl_cert_file: site.cert,
    ssl_key_file: site.key,
    username: "root",
    group: "root",
  };
  const pairs = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return { command: ["perdition.imap4s", "--no_daemon", "--no_lookup", ...pairs] };
}

function naive(site: Site, _folder: string, port: number, behind: Behind): Launch {
  const to = `${port}=${backendPort(site, behind)}${behind === "tls" ? ":tls" : ""}`;
  return { command: [process.execPath, join(here, "naive.ts"), site.cert, site.key, to] };
}

const MANY = 8000;
const both = ["plain", "tls"] as const;
const plain = ["plain"] as const;

export const PROXIES: readonly ProxyRow[] = [
  {
    name: "postern",
    behind: both,
    kind: "logs in",
    sessions: MANY,
    launch: postern,
    version: [join(root, "bin", "postern"), "--version"],
  },
  { name: "nginx-mail", behind: plain, kind: "logs in", sessions: MANY, launch: nginxMail, version: ["nginx", "-v"] },
  { name: "dovecot", behind: both, kind: "logs in", sessions: MANY, launch: dovecot, version: ["dovecot", "--version"] },
  {
    name: "perdition",
    behind: plain,
    kind: "logs in",
    sessions: 1000,
    group: "P-256",
    loginShare: 0.2,
    launch: perdition,
    version: ["dpkg-query", "-W", "perdition"],
  },
  { name: "nginx-stream", behind: both, kind: "passes through", sessions: MANY, launch: nginxStream, version: ["nginx", "-v"] },
  { name: "haproxy", behind: both, kind: "passes through", sessions: MANY, launch: haproxy, version: ["haproxy", "-v"] },
  { name: "naive", behind: both, kind: "yardstick", sessions: MANY, launch: naive, version: [process.execPath, "--version"] },
];

/** Starts a proxy and waits until it answers. */
export const startProxy = (row: ProxyRow, site: Site, behind: Behind): Promise<Running> =>
  startRow(row.name, site, (folder, port) => row.launch(site, folder, port, behind));

/** Starts what `launch` says, with a folder and a port of its own, on the core of the proxies. */
export async function startRow(name: string, site: Site, launch: (folder: string, port: number) => Launch): Promise<Running> {
  const port = await site.freePort();
  const folder = join(site.folder, `${name}-${port}`);
  mkdirSync(folder, { mode: 0o755 });
  const { command, env } = launch(folder, port);
  const program: Program = startPinned(PROXY_CORE, command, join(folder, "output.log"), env);
  try {
    await portOpen(program, port);
  } catch (error) {
    await stop(program);
    throw error;
  }
  return { pid: program.pid, port, stop: () => stop(program) };
}
