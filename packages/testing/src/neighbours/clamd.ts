// A real clamd in a folder of its own, on loopback and a unix socket, for tests: its only signature is one of ours. Stopped by
// its handle. Needs /usr/sbin/clamd. Throws Error with its own words when it does not start.

import { mkdir, writeFile } from "node:fs/promises";
import { isInstalled, startDaemon } from "./daemon.ts";
import { freePorts, opens } from "./ports.ts";

const CLAMD = "/usr/sbin/clamd";

/** What its signature finds. */
export const VIRUS = "postern-test-virus-0123456789";
/** The signature's name, as clamd tells it. */
export const VIRUS_NAME = "Postern.Test.UNOFFICIAL";

export interface Clamd {
  readonly port: number;
  readonly socketPath: string;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

export interface ClamdOptions {
  /** Bytes; 1 MB by default. */
  readonly streamMaxLength?: number;
}

/** Starts it; resolves when it takes connections. */
export async function startClamd({ streamMaxLength = 1024 * 1024 }: ClamdOptions = {}): Promise<Clamd> {
  if (!(await isInstalled(CLAMD))) throw new Error(`${CLAMD} is missing: install Debian's package clamav-daemon`);
  return startDaemon({ name: "clamd" }, async (daemon) => {
    const [port = 0] = await freePorts(1);
    const socketPath = daemon.file("clamd.sock");
    await mkdir(daemon.file("database"));
    await writeFile(daemon.file("database/postern.ndb"), `Postern.Test:0:*:${Buffer.from(VIRUS).toString("hex")}\n`);
    const lines = [
      "Foreground yes",
      `DatabaseDirectory ${daemon.file("database")}`,
      `TemporaryDirectory ${daemon.folder}`,
      `LocalSocket ${socketPath}`,
      `TCPSocket ${port}`,
      "TCPAddr 127.0.0.1",
      `StreamMaxLength ${streamMaxLength}`,
    ];
    await writeFile(daemon.file("clamd.conf"), `${lines.join("\n")}\n`);
    await daemon.start({ command: CLAMD, args: ["-c", daemon.file("clamd.conf")], ready: () => opens(port) });
    return { port, socketPath, stop: () => daemon.stop() };
  });
}
