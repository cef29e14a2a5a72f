// A real Dovecot 2.3 in a folder of its own, on loopback, for tests and benchmarks: started, asked for its log, stopped
// by its handle. Needs /usr/sbin/dovecot with the imapd and pop3d packages; runs as root and as an ordinary user.
// Throws Error with Dovecot's own words when it does not start.

import { chmod, chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { CertificateAndKey } from "@postern/certs";
import { isInstalled, startDaemon, type Daemon } from "./daemon.ts";
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
  /** Takes mail for its users by LMTP. */
  readonly lmtp?: boolean;
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
  /** Who idles is told that it is still here, as often; 120 by default, as Dovecot has it. */
  readonly stillHereSeconds?: number;
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
  readonly lmtpPort: number;
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
export function hasDovecot(): Promise<boolean> {
  return isInstalled(DOVECOT);
}

/** Starts it; resolves when it greets on its IMAP and POP3 ports. */
export function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  return startDaemon({ name: "Dovecot", logFile: FILES.log }, (daemon) => new Server(daemon).start(options));
}

class Server {
  readonly #daemon: Daemon;
  #deliveries = 0;

  constructor(daemon: Daemon) {
    this.#daemon = daemon;
  }

  async start(options: DovecotOptions): Promise<Dovecot> {
    const free = await freePorts(PORT_NAMES.length);
    const given = PORT_NAMES.map((name, index) => [name, options.ports?.[name] ?? free[index] ?? 0] as const);
    const ports = Object.fromEntries(given) as Record<PortName, number>;
    await this.#writeFiles(options, ports);
    await this.#daemon.start({
      command: DOVECOT,
      args: ["-F", "-c", this.#daemon.file(FILES.config)],
      // Its log says that it has its ports; without that line, somebody else could be answering there.
      ready: async () =>
        this.#daemon.log().includes("starting up for") && (await answers(ports.imap)) && (await answers(ports.pop3)),
    });
    return this.#handle(ports, options);
  }

  #handle(ports: Record<PortName, number>, options: DovecotOptions): Dovecot {
    const port = (name: PortName, there: boolean): number => (there ? ports[name] : 0);
    return {
      imapPort: ports.imap,
      pop3Port: ports.pop3,
      imapsPort: port("imaps", options.tls !== undefined),
      pop3sPort: port("pop3s", options.tls !== undefined),
      imapHaproxyPort: port("imapHaproxy", options.haproxy === true),
      pop3HaproxyPort: port("pop3Haproxy", options.haproxy === true),
      lmtpPort: port("lmtp", options.lmtp === true),
      pid: this.#daemon.pid,
      log: () => this.#daemon.log(),
      logged: (pattern) => this.#logged(pattern),
      folder: (user) => this.#folder(user),
      deliver: (user, message) => this.#deliver(user, message),
      stop: () => this.#daemon.stop(),
    };
  }

  async #writeFiles(options: DovecotOptions, ports: Record<PortName, number>): Promise<void> {
    const file = (name: string): string => this.#daemon.file(name);
    const config = dovecotConfig({
      folder: this.#daemon.folder,
      ports,
      tls: options.tls !== undefined,
      haproxy: options.haproxy ?? false,
      lmtp: options.lmtp ?? false,
      trustedNetworks: options.trustedNetworks ?? "",
      masterUsers: options.masterUsers !== undefined,
      passdb: options.passdb,
      mechanisms: options.mechanisms ?? "plain login",
      failureDelaySeconds: options.failureDelaySeconds ?? 0,
      stillHereSeconds: options.stillHereSeconds ?? 120,
    });
    // Dovecot's own users must come through to the mail and the password files.
    await chmod(this.#daemon.folder, 0o755);
    await mkdir(file(FILES.mail));
    await ownByMail(file(FILES.mail));
    await writeFile(file(FILES.users), passwords(options.users), { mode: 0o644 });
    if (options.masterUsers) await writeFile(file(FILES.masters), passwords(options.masterUsers), { mode: 0o644 });
    if (options.tls) await writeFile(file("cert.pem"), options.tls.cert);
    if (options.tls) await writeFile(file("key.pem"), options.tls.key, { mode: 0o600 });
    await writeFile(file(FILES.config), config);
  }

  #folder(user: string): string {
    return join(this.#daemon.folder, FILES.mail, user.toLowerCase(), "Maildir");
  }

  async #deliver(user: string, message: string): Promise<void> {
    const home = join(this.#daemon.folder, FILES.mail, user.toLowerCase());
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
      const match = pattern.exec(this.#daemon.log());
      if (match !== null) return match;
      await wait(20);
    }
    throw new Error(`Dovecot did not log ${String(pattern)}, but: ${this.#daemon.log()}`);
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
