// A real rspamd 3 in a folder of its own, on loopback, for tests: its worker for HTTP and its proxy for milters, with its own
// rules, no DNS, no network, and headers added to every message. Stopped by its handle. Needs /usr/bin/rspamd.
// Throws Error with its own words when it does not start.

import { writeFile } from "node:fs/promises";
import { isInstalled, startDaemon, type Daemon } from "./daemon.ts";
import { freePorts, opens } from "./ports.ts";

const RSPAMD = "/usr/bin/rspamd";

/** rspamd refuses a message that holds this line. */
export const GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

export interface Rspamd {
  /** HTTP: /checkv2 */
  readonly port: number;
  readonly milterPort: number;
  log(): string;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

export interface RspamdOptions {
  /** Bytes; 1 MB by default. */
  readonly maxMessage?: number;
}

/** Starts it; resolves when both ports answer. */
export async function startRspamd({ maxMessage = 1024 * 1024 }: RspamdOptions = {}): Promise<Rspamd> {
  if (!(await isInstalled(RSPAMD))) throw new Error(`${RSPAMD} is missing: install Debian's package rspamd`);
  return startDaemon({ name: "rspamd" }, async (daemon) => {
    const [port = 0, milterPort = 0, nameserver = 0] = await freePorts(3);
    // The list of all top-level domains takes many seconds to compile.
    await writeFile(daemon.file("tld"), "com\nnet\norg\n");
    await writeFile(daemon.file("rspamd.conf"), config(daemon, { port, milterPort, nameserver, maxMessage }));
    const folders = ["DBDIR", "RUNDIR", "LOGDIR"].map((name) => `--var=${name}=${daemon.folder}`);
    await daemon.start({
      command: RSPAMD,
      // -f: in the foreground; -i: also as root.
      args: ["-f", "-i", "-c", daemon.file("rspamd.conf"), ...folders],
      ready: async () => (await opens(port)) && opens(milterPort),
    });
    return { port, milterPort, log: () => daemon.log(), stop: () => daemon.stop() };
  });
}

interface Layout {
  readonly port: number;
  readonly milterPort: number;
  /** Nobody answers there. */
  readonly nameserver: number;
  readonly maxMessage: number;
}

const config = (daemon: Daemon, { port, milterPort, nameserver, maxMessage }: Layout): string => `
options {
  pidfile = "${daemon.file("pid")}";
  tempdir = "${daemon.folder}";
  control_socket = "${daemon.file("control")} mode=0600";
  url_tld = "${daemon.file("tld")}";
  dns { nameserver = ["127.0.0.1:${nameserver}"]; timeout = 0.1s; retransmits = 1; }
  filters = "";
  local_addrs = [];
  max_message = ${maxMessage};
}
logging { type = "console"; level = "info"; }
lua = "/usr/share/rspamd/rules/rspamd.lua";
modules { path = "/usr/share/rspamd/plugins/milter_headers.lua"; }
milter_headers { use = ["x-spam-level", "x-spamd-result"]; skip_local = false; skip_authenticated = false; }
actions { reject = 15; add_header = 6; greylist = 4; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
worker "rspamd_proxy" {
  bind_socket = "127.0.0.1:${milterPort}";
  milter = yes;
  timeout = 10s;
  count = 1;
  upstream "local" { default = yes; self_scan = yes; }
}
`;
