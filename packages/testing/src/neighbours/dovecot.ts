// A real Dovecot 2.3 in a folder of its own, on loopback, for tests and benchmarks: started, asked for its log, stopped
// by its handle. Needs /usr/sbin/dovecot with the imapd and pop3d packages; runs as root and as an ordinary user.
// Throws Error with Dovecot's own words when it does not start.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { access, chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { CertificateAndKey } from "@postern/certs";
import { dovecotConfig, FILES, PORT_NAMES } from "./dovecot-config.ts";
import type { PortName } from "./dovecot-config.ts";
import { answers, freePorts } from "./ports.ts";

export const DOVECOT = "/usr/sbin/dovecot";

export interface DovecotOptions {
  /** Passwords by user name; names are lower case. */
  readonly users: Readonly<Record<string, string>>;
  /** Offers STARTTLS, and the imaps and pop3s ports. */
  readonly tls?: CertificateAndKey;
  /** Opens the two ports that want a PROXY header (v1 or v2) from 127.0.0.0/8. */
  readonly haproxy?: boolean;
  /** Who may forward a client's address by ID and XCLIENT: "127.0.0.0/8". Nobody by default. */
  readonly trustedNetworks?: string;
  /** Passwords of master users, who log in as `user*master`. */
  readonly masterUsers?: Readonly<Record<string, string>>;
  /** The text of a passdb block instead of that which asks for the passwords of `users`. */
  readonly passdb?: string;
  /** auth_mechanisms; "plain login" by default. */
  readonly mechanisms?: string;
  /** How long a wrong password is held back; 0 by default, Dovecot's own is 2. */
  readonly failureDelaySeconds?: number;
  /** Ports to take; free ones by default. */
  readonly ports?: Partial<Readonly<Record<PortName, number>>>;
}

export interface Dovecot {
  readonly imapPort: number;
  readonly imapsPort: number;
  readonly pop3Port: number;
  readonly pop3sPort: number;
  readonly imapHaproxyPort: number;
  readonly pop3HaproxyPort: number;
  /** The process id of its master. */
  readonly pid: number;
  /** All that it logged so far: its lines tell rip=, rport= and session= as it believed them. */
  log(): string;
  /** Waits until the log matches, at most five seconds; the match. Dovecot logs a login a moment after it answers. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
  /** The user's maildir. */
  folder(user: string): string;
  /** Delivers a message to the user's inbox (LF or CRLF line ends). */
  deliver(user: string, message: string): Promise<void>;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Is Dovecot installed here? */
export async function hasDovecot(): Promise<boolean> {
  return access(DOVECOT).then(
    () => true,
    () => false,
  );
}

// Another program can take a port between our look and Dovecot's start.
const TRIES = 3;
const START_MS = 15_000;

/** Starts it; resolves when it greets on its IMAP and POP3 ports. */
export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  for (let attempt = 1; ; attempt += 1) {
    const server = new Server(await mkdtemp(join(tmpdir(), "dovecot-")));
    try {
      return await server.start(options);
    } catch (error) {
      await server.stop();
      if (attempt === TRIES || !/Address already in use/.test(String(error))) throw error;
    }
  }
}

class Server {
  readonly #root: string;
  #child: ChildProcess | undefined;
  #deliveries = 0;
  #lastLog = "";

  constructor(root: string) {
    this.#root = root;
  }

  async start(options: DovecotOptions): Promise<Dovecot> {
    const free = await freePorts(PORT_NAMES.length);
    const given = PORT_NAMES.map((name, index) => [name, options.ports?.[name] ?? free[index] ?? 0] as const);
    const ports = Object.fromEntries(given) as Record<PortName, number>;
    await this.#writeFiles(options, ports);
    this.#child = spawn(DOVECOT, ["-F", "-c", join(this.#root, FILES.config)], { stdio: ["ignore", "pipe", "pipe"] });
    let words = "";
    const child = this.#child;
    process.once("exit", this.#killNow);
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text: string) => (words += text));
    child.on("error", (error) => (words += error.message));
    const began = Date.now();
    // Its log says that it has its ports; without that line, somebody else could be answering there.
    const ready = async (): Promise<boolean> =>
      this.log().includes("starting up for") && (await answers(ports.imap)) && (await answers(ports.pop3));
    while (!(await ready())) {
      const over = child.exitCode !== null || child.pid === undefined;
      if (over || Date.now() - began > START_MS) throw new Error(`Dovecot does not start: ${words}${this.log()}`);
      await wait(20);
    }
    return this.#handle(ports, child.pid ?? 0, options);
  }

  log(): string {
    try {
      this.#lastLog = readFileSync(join(this.#root, FILES.log), "utf8");
    } catch (error) {
      // Not written yet, or removed by stop(): what was read last stands.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
    return this.#lastLog;
  }

  // A test run that is cut short must not leave it behind.
  readonly #killNow = (): void => {
    this.#child?.kill("SIGTERM");
  };

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    process.off("exit", this.#killNow);
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await exit;
      clearTimeout(killer);
    }
    this.log();
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  #handle(ports: Record<PortName, number>, pid: number, options: DovecotOptions): Dovecot {
    const port = (name: PortName, there: boolean): number => (there ? ports[name] : 0);
    return {
      imapPort: ports.imap,
      pop3Port: ports.pop3,
      imapsPort: port("imaps", options.tls !== undefined),
      pop3sPort: port("pop3s", options.tls !== undefined),
      imapHaproxyPort: port("imapHaproxy", options.haproxy === true),
      pop3HaproxyPort: port("pop3Haproxy", options.haproxy === true),
      pid,
      log: () => this.log(),
      logged: (pattern) => this.#logged(pattern),
      folder: (user) => this.#folder(user),
      deliver: (user, message) => this.#deliver(user, message),
      stop: () => this.stop(),
    };
  }

  async #writeFiles(options: DovecotOptions, ports: Record<PortName, number>): Promise<void> {
    const file = (name: string): string => join(this.#root, name);
    const config = dovecotConfig({
      folder: this.#root,
      ports,
      tls: options.tls !== undefined,
      haproxy: options.haproxy ?? false,
      trustedNetworks: options.trustedNetworks ?? "",
      masterUsers: options.masterUsers !== undefined,
      passdb: options.passdb,
      mechanisms: options.mechanisms ?? "plain login",
      failureDelaySeconds: options.failureDelaySeconds ?? 0,
    });
    // Dovecot's own users must come through to the mail and the password files.
    await chmod(this.#root, 0o755);
    await mkdir(file(FILES.mail));
    await ownByMail(file(FILES.mail));
    await writeFile(file(FILES.users), passwords(options.users), { mode: 0o644 });
    if (options.masterUsers) await writeFile(file(FILES.masters), passwords(options.masterUsers), { mode: 0o644 });
    if (options.tls) await writeFile(file("cert.pem"), options.tls.cert);
    if (options.tls) await writeFile(file("key.pem"), options.tls.key, { mode: 0o600 });
    await writeFile(file(FILES.config), config);
  }

  #folder(user: string): string {
    return join(this.#root, FILES.mail, user.toLowerCase(), "Maildir");
  }

  async #deliver(user: string, message: string): Promise<void> {
    const home = join(this.#root, FILES.mail, user.toLowerCase());
    const maildir = this.#folder(user);
    const folders = [home, maildir, ...["new", "cur", "tmp"].map((name) => join(maildir, name))];
    for (const folder of folders) {
      await mkdir(folder, { recursive: true });
      await ownByMail(folder);
    }
    this.#deliveries += 1;
    const target = join(maildir, "new", `${Date.now()}.${process.pid}_${this.#deliveries}.localhost`);
    await writeFile(target, message);
    await ownByMail(target);
  }

  async #logged(pattern: RegExp): Promise<RegExpExecArray> {
    for (let turn = 0; turn < 250; turn += 1) {
      const match = pattern.exec(this.log());
      if (match !== null) return match;
      await wait(20);
    }
    throw new Error(`Dovecot did not log ${String(pattern)}, but: ${this.log()}`);
  }
}

function passwords(users: Readonly<Record<string, string>>): string {
  const lines = Object.entries(users).map(([name, password]) => {
    if (/[:\s]/.test(name) || name === "") throw new Error(`Cannot make Dovecot user "${name}": no colons or spaces`);
    return `${name}:{PLAIN.b64}${Buffer.from(password, "utf8").toString("base64")}::::::\n`;
  });
  return lines.join("");
}

let mailIds: { uid: number; gid: number } | undefined;

// As root, mail belongs to the system's user mail; otherwise it is ours already.
async function ownByMail(path: string): Promise<void> {
  if (userInfo().uid !== 0) return;
  if (mailIds === undefined) {
    const fields = /^mail:[^:]*:(\d+):(\d+):/m.exec(await readFile("/etc/passwd", "utf8"));
    mailIds = { uid: Number(fields?.[1] ?? 8), gid: Number(fields?.[2] ?? 8) };
  }
  await chown(path, mailIds.uid, mailIds.gid);
}
