// A real Radicale (CalDAV and CardDAV) in a folder of its own, on loopback, for tests: it checks its users' passwords itself, or
// believes whom X-Remote-User names. Everybody sees their own collections only. Stopped by its handle. Needs /usr/bin/radicale.
// Throws Error with Radicale's own words when it does not start.

import { mkdir, writeFile } from "node:fs/promises";
import { startDaemon } from "./daemon.ts";
import { freePorts, opens } from "./ports.ts";

const RADICALE = "/usr/bin/radicale";

export interface RadicaleOptions {
  /** Passwords by user; undefined: it believes X-Remote-User. */
  readonly users?: Readonly<Record<string, string>>;
}

export interface Radicale {
  readonly port: number;
  /** All that it logged so far: each request with its user. */
  log(): string;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Starts it; resolves when it takes connections. */
export function startRadicale({ users }: RadicaleOptions = {}): Promise<Radicale> {
  return startDaemon({ name: "Radicale" }, async (daemon) => {
    const [port = 0] = await freePorts(1);
    const file = (name: string): string => daemon.file(name);
    await mkdir(file("collections"));
    const passwords = Object.entries(users ?? {}).map(([user, password]) => `${user}:${password}\n`);
    await writeFile(file("users"), passwords.join(""), { mode: 0o600 });
    const auth =
      users === undefined
        ? "type = http_x_remote_user"
        : `type = htpasswd\nhtpasswd_filename = ${file("users")}\nhtpasswd_encryption = plain\ndelay = 0`;
    await writeFile(
      file("config"),
      `[server]
hosts = 127.0.0.1:${port}
[auth]
${auth}
[rights]
type = owner_only
[storage]
filesystem_folder = ${file("collections")}
[logging]
level = debug
mask_passwords = True
`,
    );
    await daemon.start({ command: RADICALE, args: ["--config", file("config")], ready: () => opens(port) });
    return { port, log: () => daemon.log(), stop: () => daemon.stop() };
  });
}
