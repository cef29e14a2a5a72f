// A real Roundcube in a folder of its own, on loopback, for tests: Debian's roundcube-core, served by PHP's built-in server
// below /roundcube, with a database of its own in SQLite. Stopped by its handle. Needs /usr/bin/php and the packages
// roundcube-core, roundcube-sqlite3. Throws Error with PHP's own words when it does not start.

import { randomBytes } from "node:crypto";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startDaemon } from "./daemon.ts";
import { freePorts, opens } from "./ports.ts";

const PHP = "/usr/bin/php";
const PAGES = "/var/lib/roundcube/public_html";
const DEFAULTS = "/etc/roundcube";

export interface RoundcubeOptions {
  /** The certificate of whom the IMAP server is trusted by. */
  readonly authority: string;
  /** More lines of config.inc.php, such as "$config['x'] = 1;". */
  readonly config?: string;
}

export interface Roundcube {
  readonly port: number;
  /** Reads mail over TLS at this port of 127.0.0.1 from now on. */
  readMailAt(imapsPort: number): Promise<void>;
  /** What it logged: each request, and its own errors and logins. */
  log(): string;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Starts it; resolves when it takes connections. It has no mail before readMailAt. */
export function startRoundcube({ authority, config = "" }: RoundcubeOptions): Promise<Roundcube> {
  return startDaemon({ name: "Roundcube" }, async (daemon) => {
    const [port = 0] = await freePorts(1);
    const [settings, root, temporary] = ["settings", "root", "temporary"].map((name) => daemon.file(name)) as [
      string,
      string,
      string,
    ];
    for (const folder of [settings, root, temporary]) await mkdir(folder);
    await symlink(PAGES, join(root, "roundcube"));
    for (const name of ["defaults.inc.php", "mimetypes.php"]) await symlink(join(DEFAULTS, name), join(settings, name));
    await writeFile(daemon.file("ca.pem"), authority);
    const key = randomBytes(12).toString("hex");
    const readMailAt = (imapsPort: number): Promise<void> =>
      writeFile(
        join(settings, "config.inc.php"),
        `<?php
$config['db_dsnw'] = 'sqlite:///${daemon.file("roundcube.db")}?mode=0600';
$config['imap_host'] = 'ssl://127.0.0.1:${imapsPort}';
$config['imap_conn_options'] = ['ssl' => ['cafile' => '${daemon.file("ca.pem")}']];
$config['des_key'] = '${key}';
$config['temp_dir'] = '${temporary}';
$config['log_driver'] = 'stdout';
$config['log_logins'] = true;
$config['proxy_whitelist'] = ['127.0.0.1'];
$config['enable_spellcheck'] = false;
$config['plugins'] = [];
${config}
`,
      );
    await readMailAt(1);
    await daemon.start({
      command: PHP,
      args: ["-d", `session.save_path=${temporary}`, "-S", `127.0.0.1:${port}`, "-t", root],
      environment: { ROUNDCUBE_CONFIG_DIR: `${settings}/` },
      ready: () => opens(port),
    });
    return { port, readMailAt, log: () => daemon.log(), stop: () => daemon.stop() };
  });
}
