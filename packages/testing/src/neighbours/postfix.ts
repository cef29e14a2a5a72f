// A real Postfix 3.7 in a folder of its own, on loopback, for tests: a submission server with a real Dovecot behind its
// AUTH; started, asked for its log and for the mail that it took, stopped by its handle. Needs /usr/sbin/postfix, Dovecot,
// and root (Postfix's master runs as nobody else). Throws Error with its own words when it does not start.

import { chmod, chown, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { CertificateAndKey } from "@postern/certs";
import { isInstalled, startDaemon, type Daemon } from "./daemon.ts";
import { startDovecot, type Dovecot } from "./dovecot.ts";
import { answers, freePorts, opens } from "./ports.ts";
import { mainConfig, masterConfig, POSTFIX_FILES, QUEUE_FOLDERS, type PostfixLayout } from "./postfix-config.ts";

const MASTER = "/usr/lib/postfix/sbin/master";

export interface PostfixOptions {
  /** Passwords by user name; names are lower case. */
  readonly users: Readonly<Record<string, string>>;
  /** Passwords of master users, who act as others by SASL's authorization identity. */
  readonly masterUsers?: Readonly<Record<string, string>>;
  /** Offers STARTTLS, and the port with TLS from the first byte. */
  readonly tls?: CertificateAndKey;
  /** Dovecot's auth_mechanisms; "plain login" by default. */
  readonly mechanisms?: string;
  /** Who may say XCLIENT; 127.0.0.0/8 by default. */
  readonly xclientHosts?: string;
  /** Who may say XFORWARD; nobody by default. */
  readonly xforwardHosts?: string;
  /** Bytes; 50 MB by default. */
  readonly messageSizeLimit?: number;
  /** Takes mail for example.com from anybody, as the server behind an MX does. */
  readonly inbound?: boolean;
  /** The only addresses that there are, in small letters; all of example.com by default. What follows a + is not looked at. */
  readonly recipients?: readonly string[];
  /** Wants a PROXY header from everybody who connects. */
  readonly proxyHeader?: boolean;
}

export interface Postfix {
  readonly port: number;
  /** 0 without TLS. */
  readonly tlsPort: number;
  /** The process id of its master. */
  readonly pid: number;
  /** All that it logged so far. */
  log(): string;
  /** Waits until the log matches, at most ten seconds; the match. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
  /** All messages that were delivered so far, with LF line ends; at any address of example.com. */
  messages(): Promise<Buffer[]>;
  /** How many messages it has taken and not delivered yet. */
  queued(): Promise<number>;
  /** Ends all its processes; its mail and its queue stay. */
  end(): Promise<void>;
  /** Starts it again, on the same port. */
  startAgain(): Promise<void>;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Starts it; resolves when it greets. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  if (userInfo().uid !== 0) throw new Error("Postfix's master runs for root only: run its tests as root");
  if (!(await isInstalled(MASTER))) throw new Error(`${MASTER} is missing: install Debian's package postfix`);
  return startDaemon({ name: "Postfix", logFile: POSTFIX_FILES.log }, async (daemon) => {
    const [port = 0, tls = 0, authPort = 0] = await freePorts(3);
    const passwords = await startDovecot({
      users: {},
      passdb: await passdb(daemon, options, authPort),
      ...(options.masterUsers && { masterUsers: options.masterUsers }),
      ...(options.mechanisms !== undefined && { mechanisms: options.mechanisms }),
    });
    const start = (): Promise<void> => startMaster(daemon, port, options);
    try {
      const tlsPort = options.tls === undefined ? undefined : tls;
      await writeFiles(daemon, options, { port, tlsPort, authPort });
      await start();
    } catch (error) {
      await passwords.stop();
      throw error;
    }
    return handle(daemon, passwords, { port, tlsPort: options.tls === undefined ? 0 : tls, startAgain: start });
  });
}

function startMaster(daemon: Daemon, port: number, { proxyHeader }: PostfixOptions): Promise<void> {
  const before = starts(daemon);
  // Where it wants a PROXY header it says nothing first.
  const isThere = proxyHeader === true ? opens : answers;
  return daemon.start({
    command: MASTER,
    args: ["-c", daemon.file(POSTFIX_FILES.config)],
    // Its log says that it has its ports; without that line, somebody else could be answering there.
    ready: async () => starts(daemon) > before && isThere(port),
  });
}

const starts = (daemon: Daemon): number => daemon.log().split("daemon started").length;

function handle(daemon: Daemon, passwords: Dovecot, rest: Pick<Postfix, "port" | "tlsPort" | "startAgain">): Postfix {
  const inbox = daemon.file(`${POSTFIX_FILES.mail}/inbox/new`);
  return {
    ...rest,
    get pid() {
      return daemon.pid;
    },
    log: () => daemon.log(),
    logged: (pattern) => logged(daemon, pattern),
    async messages() {
      const names = await readdir(inbox).catch((error: NodeJS.ErrnoException) => {
        // Nothing was delivered yet.
        if (error.code === "ENOENT") return [];
        throw error;
      });
      return Promise.all(names.map((name) => readFile(`${inbox}/${name}`)));
    },
    queued: () => queued(daemon.file(POSTFIX_FILES.queue)),
    end: () => daemon.end(),
    async stop() {
      await Promise.all([daemon.stop(), passwords.stop()]);
    },
  };
}

/** Whole messages in a queue. One that was cut short, when a process was killed, has no right to run; Postfix leaves it for a day. */
async function queued(queue: string): Promise<number> {
  let count = 0;
  // In this order one that moves on meanwhile is not missed.
  for (const name of ["maildrop", "deferred", "incoming", "active"]) {
    const entries = await readdir(join(queue, name), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const whole = await Promise.all(files.map((file) => stat(file).then(({ mode }) => (mode & 0o100) !== 0, hasMoved)));
    count += whole.filter(Boolean).length;
  }
  return count;
}

function hasMoved(error: NodeJS.ErrnoException): boolean {
  if (error.code !== "ENOENT") throw error;
  return true;
}

async function logged(daemon: Daemon, pattern: RegExp): Promise<RegExpExecArray> {
  for (let turn = 0; turn < 500; turn += 1) {
    const match = pattern.exec(daemon.log());
    if (match !== null) return match;
    await wait(20);
  }
  throw new Error(`Postfix did not log ${String(pattern)}, but: ${daemon.log()}`);
}

/** Dovecot's part: the passwords, and a port where Postfix asks about them. */
async function passdb(daemon: Daemon, { users }: PostfixOptions, port: number): Promise<string> {
  const file = daemon.file("users");
  const lines = Object.entries(users).map(
    ([name, password]) => `${name}:{PLAIN.b64}${Buffer.from(password).toString("base64")}::::::\n`,
  );
  await chmod(daemon.folder, 0o755);
  await writeFile(file, lines.join(""), { mode: 0o644 });
  return `passdb {
  driver = passwd-file
  args = ${file}
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = ${port}
  }
}`;
}

async function writeFiles(
  daemon: Daemon,
  options: PostfixOptions,
  ports: Pick<PostfixLayout, "port" | "tlsPort" | "authPort">,
): Promise<void> {
  const owner = await idsOf("postfix");
  const layout: PostfixLayout = {
    ...ports,
    folder: daemon.folder,
    xclientHosts: options.xclientHosts ?? "127.0.0.0/8",
    xforwardHosts: options.xforwardHosts ?? "",
    messageSizeLimit: options.messageSizeLimit ?? 50_000_000,
    inbound: options.inbound ?? false,
    recipients: options.recipients,
    proxyHeader: options.proxyHeader ?? false,
    owner,
  };
  const { config, queue, data, mail, cert, key } = POSTFIX_FILES;
  await mkdir(daemon.file(config));
  await mkdir(daemon.file(queue));
  const owned = [data, mail, ...QUEUE_FOLDERS.map((name) => `${queue}/${name}`)];
  for (const name of owned) {
    await mkdir(daemon.file(name));
    if (!name.endsWith("/pid")) await chown(daemon.file(name), owner.uid, owner.gid);
  }
  await writeFile(daemon.file(`${config}/main.cf`), mainConfig(layout));
  await writeFile(daemon.file(`${config}/master.cf`), masterConfig(layout));
  if (options.tls) await writeFile(daemon.file(cert), options.tls.cert);
  if (options.tls) await writeFile(daemon.file(key), options.tls.key, { mode: 0o600 });
}

async function idsOf(user: string): Promise<{ uid: number; gid: number }> {
  const line = (await readFile("/etc/passwd", "utf8")).split("\n").find((entry) => entry.startsWith(`${user}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`There is no user ${user}`);
  return { uid: Number(uid), gid: Number(gid) };
}
