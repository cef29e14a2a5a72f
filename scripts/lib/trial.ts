// A gateway on trial: two small mailbox servers with a message and a web page each, the real `bin/postern serve` in front of them, all on
// 127.0.0.1, all files in a temporary folder. What is started or made is handed to `cleanup`, which undoes it.
// Throws, with the gateway's own words, when it does not come up.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createMailboxServer } from "@postern/testing";
import { environment, ROOT } from "./run.ts";
import { configuration, DOORS, type MailboxPorts, PEOPLE, type Ports, welcome, writeCertificates } from "./trial-files.ts";

export interface Trial {
  readonly folder: string;
  readonly config: string;
  readonly ports: Ports;
  readonly gateway: ChildProcess;
}

export interface TrialOptions {
  /** The program that serves; bin/postern by default. */
  readonly postern?: readonly string[];
  readonly workers?: number;
  /** Takes what the gateway prints once it is up, and notes about ports. */
  readonly print: (line: string) => void;
}

/** After this the gateway is killed, milliseconds; it has been asked to end before. */
const END_MS = 10_000;

export async function startTrial(cleanup: AsyncDisposableStack, options: TrialOptions): Promise<Trial> {
  const folder = await mkdtemp(join(tmpdir(), "postern-try-"));
  cleanup.defer(() => rm(folder, { recursive: true }));
  await writeCertificates(folder);
  const ports = await choosePorts(options.print);
  const config = join(folder, "postern.yaml");
  await writeFile(config, configuration(ports, await startMailboxes(cleanup), options.workers ?? 1));
  const gateway = await startGateway(config, ports, cleanup, options);
  return { folder, config, ports, gateway };
}

/** The port if it is free, or else any that is. */
async function freePort(port: number): Promise<number> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return freePort(0);
  }
  const address = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return address.port;
}

async function choosePorts(print: TrialOptions["print"]): Promise<Ports> {
  const chosen: Partial<Record<keyof Ports, number>> = {};
  for (const { name, port } of DOORS) {
    chosen[name] = await freePort(port);
    if (chosen[name] !== port) print(`Port ${port} is taken: ${name} is on ${chosen[name]}`);
  }
  return chosen as Ports;
}

async function startMailboxes(cleanup: AsyncDisposableStack): Promise<Record<string, MailboxPorts>> {
  const backends: Record<string, MailboxPorts> = {};
  for (const [user, { password, backend }] of Object.entries(PEOPLE)) {
    const account = { password, messages: [welcome(user, backend)] };
    const server = createMailboxServer({ name: backend, users: { [`${user}@example.com`]: account, [user]: account } });
    const ports = await server.listen();
    cleanup.defer(() => server.close());
    backends[backend] = { ...ports, web: await startWeb(backend, cleanup) };
  }
  return backends;
}

/** The web side of a mailbox server: it says which one it is. */
async function startWeb(backend: string, cleanup: AsyncDisposableStack): Promise<number> {
  const server = createHttpServer((_, response) => response.end(`You reached the web side of ${backend} through Postern.\n`));
  cleanup.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

/** Resolves when the gateway has named every listener. */
async function startGateway(
  config: string,
  ports: Ports,
  cleanup: AsyncDisposableStack,
  { postern = [join(ROOT, "bin/postern")], print }: TrialOptions,
): Promise<ChildProcess> {
  if (cleanup.disposed) throw new Error("Told to end before the gateway was started");
  const gateway = spawn(postern[0]!, [...postern.slice(1), "serve", "--config", config], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // Ctrl-C reaches the one who asked for the trial alone, who then ends the gateway in order.
  });
  cleanup.defer(() => endGateway(gateway));
  const waiting = new Set(Object.values(ports).map((port) => `127.0.0.1:${port}`));
  const early: string[] = [];
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  for (const stream of [gateway.stdout, gateway.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      if (waiting.size === 0) return print(line);
      early.push(line);
      for (const address of waiting) if (line.includes(address)) waiting.delete(address);
      if (waiting.size === 0) resolve();
    });
  }
  gateway.once("error", reject);
  gateway.once("close", (code) => reject(new Error(`The gateway ended (exit code ${code}):\n${early.join("\n")}`)));
  await ready;
  return gateway;
}

async function endGateway(gateway: ChildProcess): Promise<void> {
  if (gateway.pid === undefined || gateway.exitCode !== null || gateway.signalCode !== null) return;
  const exited = once(gateway, "exit");
  gateway.kill("SIGTERM");
  const timer = setTimeout(() => process.kill(-gateway.pid!, "SIGKILL"), END_MS);
  await exited;
  clearTimeout(timer);
}
