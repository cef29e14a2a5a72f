// A real OpenDKIM in a folder of its own, on loopback, for tests: a milter that verifies signatures, with public keys from a file
// in place of the DNS. Stopped by its handle. Needs /usr/sbin/opendkim. Throws Error with its own words when it does not start.

import { writeFile } from "node:fs/promises";
import { isInstalled, startDaemon } from "./daemon.ts";
import { freePorts, opens } from "./ports.ts";

const OPENDKIM = "/usr/sbin/opendkim";

export interface OpenDkimOptions {
  /** TXT records by name: "s1._domainkey.example.net". */
  readonly keys: Readonly<Record<string, string>>;
  /** What its Authentication-Results begin with. */
  readonly authservId: string;
}

export interface OpenDkim {
  readonly port: number;
  log(): string;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Starts it; resolves when it takes connections. */
export async function startOpenDkim({ keys, authservId }: OpenDkimOptions): Promise<OpenDkim> {
  if (!(await isInstalled(OPENDKIM))) throw new Error(`${OPENDKIM} is missing: install Debian's package opendkim`);
  return startDaemon({ name: "opendkim" }, async (daemon) => {
    const [port = 0] = await freePorts(1);
    const records = Object.entries(keys).map(([name, record]) => `${name} ${record}\n`);
    await writeFile(daemon.file("keys"), records.join(""));
    // Mail of internal hosts is not verified.
    await writeFile(daemon.file("internal"), "203.0.113.1\n");
    const lines = [
      "Mode v",
      `Socket inet:${port}@127.0.0.1`,
      `AuthservID ${authservId}`,
      "AlwaysAddARHeader yes",
      `InternalHosts ${daemon.file("internal")}`,
      `TestPublicKeys ${daemon.file("keys")}`,
      `TemporaryDirectory ${daemon.folder}`,
      `PidFile ${daemon.file("pid")}`,
    ];
    await writeFile(daemon.file("opendkim.conf"), `${lines.join("\n")}\n`);
    await daemon.start({
      command: OPENDKIM,
      // -f: in the foreground.
      args: ["-f", "-x", daemon.file("opendkim.conf")],
      ready: () => opens(port),
    });
    return { port, log: () => daemon.log(), stop: () => daemon.stop() };
  });
}
