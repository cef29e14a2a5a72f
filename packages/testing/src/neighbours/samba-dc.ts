// A real Samba AD domain controller in a folder of its own, for tests: a DCE/RPC server that we did not write, with an end-point mapper
// and samr over TCP, on a loopback address of its own. Stopped by its handle. Needs root, since its end-point mapper has port 135, and
// Debian's packages samba, samba-ad-dc, samba-ad-provision and samba-dsdb-modules. Throws Error with Samba's own words.

import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { promisify } from "node:util";
import { isInstalled, startDaemon, type Daemon } from "./daemon.ts";
import { freePorts } from "./ports.ts";

const SAMBA = "/usr/sbin/samba";
const TOOL = "/usr/bin/samba-tool";
const PROVISION = "/usr/share/samba/setup/provision.ldif";
const DOMAIN = "EXAMPLE";
const REALM = "DC.EXAMPLE.NET";

export interface SambaDcOptions {
  /** Passwords by name; Samba wants capitals, small letters and digits in them. */
  readonly users: Readonly<Record<string, string>>;
}

export interface SambaDc {
  /** 127.x.y.z. */
  readonly address: string;
  /** Of its users, as NTLM has it. */
  readonly domain: string;
  /** Of the end-point mapper. */
  readonly epmPort: number;
  readonly samrPort: number;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Provisions and starts it, which takes some ten seconds. */
export async function startSambaDc({ users }: SambaDcOptions): Promise<SambaDc> {
  if (!(await isInstalled(SAMBA)) || !(await isInstalled(PROVISION)))
    throw new Error("Samba's domain controller is missing: install Debian's packages samba, samba-ad-dc and samba-ad-provision");
  return startDaemon({ name: "Samba", logFile: "log" }, async (daemon) => {
    const address = `127.${randomInt(1, 250)}.${randomInt(1, 250)}.${randomInt(2, 250)}`;
    const [samrPort = 0] = await freePorts(1);
    await provision(daemon);
    for (const name of ["run", "ncalrpc", "winbindd"]) await mkdir(daemon.file(name), { mode: 0o755 });
    await writeFile(daemon.file("smb.conf"), settings(daemon.folder, address, samrPort));
    for (const [user, password] of Object.entries(users)) await tool(daemon, ["user", "create", user, password]);
    await daemon.start({
      command: SAMBA,
      args: ["--foreground", "--no-process-group", "--model=single", `--configfile=${daemon.file("smb.conf")}`],
      ready: async () => (await takes(address, 135)) && takes(address, samrPort),
    });
    return { address, domain: DOMAIN, epmPort: 135, samrPort, stop: () => daemon.stop() };
  });
}

function provision(daemon: Daemon): Promise<unknown> {
  return promisify(execFile)(TOOL, [
    "domain",
    "provision",
    `--targetdir=${daemon.folder}`,
    `--realm=${REALM}`,
    `--domain=${DOMAIN}`,
    "--host-name=dc1",
    "--host-ip=127.0.0.1",
    "--server-role=dc",
    "--dns-backend=NONE",
  ]);
}

const tool = (daemon: Daemon, args: readonly string[]): Promise<unknown> =>
  promisify(execFile)(TOOL, [...args, `--configfile=${daemon.file("smb.conf")}`, `--URL=${daemon.file("private/sam.ldb")}`]);

const settings = (folder: string, address: string, samrPort: number): string => `[global]
netbios name = DC1
realm = ${REALM}
workgroup = ${DOMAIN}
server role = active directory domain controller
server services = rpc
dcerpc endpoint servers = epmapper, samr
rpc server port:samr = ${samrPort}
interfaces = ${address}/8
bind interfaces only = yes
private dir = ${folder}/private
lock directory = ${folder}
state directory = ${folder}/state
cache directory = ${folder}/cache
pid directory = ${folder}/run
ncalrpc dir = ${folder}/ncalrpc
winbindd socket directory = ${folder}/winbindd
log file = ${folder}/log
logging = file
`;

function takes(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", end(true)).once("error", end(false)).once("timeout", end(false));
  });
}
