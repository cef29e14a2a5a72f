// A real Cyrus with JMAP and CalDAV in a folder of its own, on loopback, for tests: its httpd and its lmtpd under its master, and a
// saslauthd of ours that knows the passwords. Stopped by its handle. It says its troubles to syslog alone. Needs Debian's package
// cyrus-caldav. Throws Error when it does not start.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { userInfo } from "node:os";
import { promisify } from "node:util";
import { isInstalled, startDaemon } from "./daemon.ts";
import { freePorts, opens } from "./ports.ts";

const MASTER = "/usr/sbin/cyrmaster";
const HTTPD = "/usr/lib/cyrus/bin/httpd";

/** It refuses to run as root. */
const isRoot = process.getuid?.() === 0;
const OWNER = isRoot ? "cyrus" : userInfo().username;

export interface CyrusOptions {
  /** Passwords by address. */
  readonly users: Readonly<Record<string, string>>;
}

export interface Cyrus {
  /** Of JMAP (/jmap) and CalDAV (/dav). */
  readonly port: number;
  /** The first message to a user makes the mailbox. */
  readonly lmtpPort: number;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Starts it; resolves when it takes connections. */
export async function startCyrus({ users }: CyrusOptions): Promise<Cyrus> {
  if (!(await isInstalled(HTTPD))) throw new Error(`${HTTPD} is missing: install Debian's package cyrus-caldav`);
  return startDaemon({ name: "Cyrus" }, async (daemon) => {
    const [port = 0, lmtpPort = 0] = await freePorts(2);
    for (const name of ["conf", "conf/db", "conf/socket", "spool", "search", "sieve", "temporary"])
      await mkdir(daemon.file(name));
    await writeFile(daemon.file("imapd.conf"), settings(daemon.folder));
    await writeFile(daemon.file("cyrus.conf"), services(daemon.file("imapd.conf"), port, lmtpPort));
    const checker = await startSaslauthd(daemon.file("saslauthd"), users);
    try {
      if (isRoot) await promisify(execFile)("chown", ["-R", `${OWNER}:`, daemon.folder]);
      // A session of its own: at its end the master signals its whole group.
      const args = [MASTER, "-D", "-C", daemon.file("imapd.conf"), "-M", daemon.file("cyrus.conf"), "-p", daemon.file("pid")];
      await daemon.start({ command: "/usr/bin/setsid", args, ready: () => opens(port) });
    } catch (error) {
      checker.close();
      throw error;
    }
    const stop = async (): Promise<void> => {
      checker.close();
      await daemon.stop();
    };
    return { port, lmtpPort, stop };
  });
}

const settings = (folder: string): string => `configdirectory: ${folder}/conf
partition-default: ${folder}/spool
defaultpartition: default
sievedir: ${folder}/sieve
temp_path: ${folder}/temporary
cyrus_user: ${OWNER}
servername: cyrus.example.net
virtdomains: userid
defaultdomain: example.net
unixhierarchysep: yes
httpmodules: jmap caldav
conversations: yes
search_engine: xapian
defaultsearchtier: t1
t1searchpartition-default: ${folder}/search
autocreate_quota: 0
autocreate_post: yes
autocreate_inbox_folders: Drafts
sendmail: /bin/false
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: ${folder}/saslauthd
`;

const services = (config: string, port: number, lmtpPort: number): string => `START {
  recover cmd="ctl_cyrusdb -C ${config} -r"
}
SERVICES {
  http cmd="httpd -C ${config}" listen="127.0.0.1:${port}"
  lmtp cmd="lmtpd -a -C ${config}" listen="127.0.0.1:${lmtpPort}"
}
EVENTS {
}
`;

/** saslauthd's side of its protocol: four counted strings come, one goes back. */
async function startSaslauthd(path: string, users: CyrusOptions["users"]): Promise<Server> {
  const server = createServer((socket) => answer(socket, users));
  server.listen(path);
  await once(server, "listening");
  return server;
}

function answer(socket: Socket, users: CyrusOptions["users"]): void {
  let heard = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    heard = Buffer.concat([heard, chunk]);
    const [name, password, service, realm] = stringsIn(heard);
    if (name === undefined || service === undefined || realm === undefined) return;
    const isGood = password !== "" && users[`${name}@${realm}`] === password;
    socket.end(counted(isGood ? "OK" : "NO"));
  });
}

function stringsIn(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) break;
    found.push(bytes.toString("utf8", at + 2, end));
    at = end;
  }
  return found;
}

const counted = (text: string): Buffer => Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)]);
