// Shows the gateway running: two small mailbox servers with one message each, the gateway in front, and what to type.
// All on 127.0.0.1; all files in a temporary folder. Ctrl-C, SIGTERM and a closed terminal end it and leave nothing
// behind: no process, no file.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createMailboxServer } from "@postern/testing";
import { environment, ROOT } from "./lib/run.ts";
import {
  configuration,
  DOORS,
  type MailboxPorts,
  PEOPLE,
  type Ports,
  welcome,
  whatToType,
  writeCertificates,
} from "./lib/try-files.ts";

/** After this the gateway is killed, milliseconds; it has been asked to end before. */
const END_MS = 10_000;

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

async function choosePorts(): Promise<Ports> {
  const chosen: Partial<Record<keyof Ports, number>> = {};
  for (const { name, port } of DOORS) {
    chosen[name] = await freePort(port);
    if (chosen[name] !== port) console.log(`Port ${port} is taken: ${name} is on ${chosen[name]}`);
  }
  return chosen as Ports;
}

async function startMailboxes(cleanup: AsyncDisposableStack): Promise<Record<string, MailboxPorts>> {
  const backends: Record<string, MailboxPorts> = {};
  for (const [user, { password, backend }] of Object.entries(PEOPLE)) {
    const account = { password, messages: [welcome(user, backend)] };
    const server = createMailboxServer({ name: backend, users: { [`${user}@example.com`]: account, [user]: account } });
    backends[backend] = await server.listen();
    cleanup.defer(() => server.close());
  }
  return backends;
}

/** Starts the gateway and resolves when it has named every listener. Throws with its words when it ends before. */
async function startGateway(config: string, ports: Ports, cleanup: AsyncDisposableStack): Promise<ChildProcess> {
  if (cleanup.disposed) throw new Error("Told to end before the gateway was started");
  const gateway = spawn(join(ROOT, "bin/postern"), ["serve", "--config", config], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // Ctrl-C reaches this process alone, which then ends the gateway in order.
  });
  cleanup.defer(() => endGateway(gateway));
  const waiting = new Set(Object.values(ports).map((port) => `127.0.0.1:${port}`));
  const early: string[] = [];
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  for (const stream of [gateway.stdout, gateway.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      if (waiting.size === 0) return console.log(line);
      early.push(line);
      for (const address of waiting) if (line.includes(address)) waiting.delete(address);
      if (waiting.size === 0) resolve();
    });
  }
  gateway.once("error", reject);
  gateway.once("exit", (code) => reject(new Error(`The gateway ended (exit code ${code}):\n${early.join("\n")}`)));
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

async function main(): Promise<void> {
  // Before anything is made that would have to go again; a second Ctrl-C must not cut the clean-up short.
  const told = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => resolve());
  });
  process.stdout.on("error", () => {}); // A closed terminal takes no more words; the clean-up goes on.
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "postern-try-"));
  cleanup.defer(() => rm(folder, { recursive: true }));
  const start = async (): Promise<void> => {
    await writeCertificates(folder);
    const ports = await choosePorts();
    const config = join(folder, "postern.yaml");
    await writeFile(config, configuration(ports, await startMailboxes(cleanup)));
    const gateway = await startGateway(config, ports, cleanup);
    console.log(whatToType(folder, ports));
    await once(gateway, "exit");
    throw new Error("The gateway ended by itself; its last words are above");
  };
  await Promise.race([told, start()]);
  console.log("\nEnding …");
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
process.exit(); // A start that was interrupted may still hold something open.
