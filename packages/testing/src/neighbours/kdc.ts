// A real MIT Kerberos realm, TEST.LOCAL, in a folder of its own, on loopback: the KDC, a keytab with the services of a
// mail host called localhost, users with passwords. Started, asked for tickets, stopped by its handle. Needs the
// packages krb5-kdc, krb5-admin-server and krb5-user; runs as any user. Throws Error with Kerberos' own words.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { isInstalled, startDaemon, type Daemon } from "./daemon.ts";
import { KDC_FILES, kdcConfig, krb5Config } from "./kdc-config.ts";
import { freePorts, opens } from "./ports.ts";

const KDC = "/usr/sbin/krb5kdc";
const KADMIN = "/usr/sbin/kadmin.local";
const KDB_UTIL = "/usr/sbin/kdb5_util";
const REALM = "TEST.LOCAL";
const SERVICES = ["imap", "pop", "smtp", "HTTP"].map((service) => `${service}/localhost`);

export interface KdcOptions {
  /** Passwords by user name, without the realm. */
  readonly users: Readonly<Record<string, string>>;
  /** How far clocks may be apart, and how long a ticket outlives its end; 300 by default, as everywhere. */
  readonly clockSkewSeconds?: number;
}

/** Variables for the environment of a process. */
export type KerberosEnvironment = Readonly<Record<string, string>>;

export interface Kdc {
  readonly realm: string;
  /** imap/, pop/, smtp/ and HTTP/ localhost. */
  readonly keytab: string;
  /** What acceptors need: KRB5_CONFIG, KRB5RCACHENAME, KRB5_KTNAME. */
  readonly environment: KerberosEnvironment;
  /** Gets a ticket by the user's password; what the user's programs need: KRB5_CONFIG, KRB5CCNAME. */
  kinit(user: string, options?: { readonly lifetime?: string }): Promise<KerberosEnvironment>;
  /** Writes another keytab, of these principals: `imap/other`. Those that do not exist get new keys. Its path. */
  writeKeytab(principals: readonly string[]): Promise<string>;
  /** Runs commands of kadmin.local. */
  administer(...commands: readonly string[]): Promise<void>;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Is a KDC installed here? */
export function hasKdc(): Promise<boolean> {
  return isInstalled(KDC);
}

/** Starts it; resolves when it answers. */
export function startKdc(options: KdcOptions): Promise<Kdc> {
  return startDaemon({ name: "KDC", logFile: KDC_FILES.log }, (daemon) => new Server(daemon).start(options));
}

class Server {
  readonly #daemon: Daemon;
  readonly #environment: KerberosEnvironment;
  #files = 0;

  constructor(daemon: Daemon) {
    this.#daemon = daemon;
    this.#environment = {
      KRB5_CONFIG: this.#file("config"),
      KRB5_KDC_PROFILE: this.#file("kdcConfig"),
      KRB5_KTNAME: this.#file("keytab"),
      KRB5RCACHENAME: `file2:${this.#file("replays")}`,
    };
  }

  async start({ users, clockSkewSeconds = 300 }: KdcOptions): Promise<Kdc> {
    const [port = 0] = await freePorts(1);
    const layout = { folder: this.#daemon.folder, realm: REALM, port, clockSkewSeconds };
    await writeFile(this.#file("config"), krb5Config(layout));
    await writeFile(this.#file("kdcConfig"), kdcConfig(layout));
    await this.#run(KDB_UTIL, ["create", "-s", "-r", REALM, "-P", "master-of-a-test"]);
    const accounts = Object.entries(users).map(([user, password]) => `addprinc -pw "${password}" ${user}`);
    const keys = SERVICES.flatMap((service) => [`addprinc -randkey ${service}`, `ktadd -k ${this.#file("keytab")} ${service}`]);
    await this.#administer(...accounts, ...keys);
    await this.#serve(port);
    return {
      realm: REALM,
      keytab: this.#file("keytab"),
      environment: this.#environment,
      kinit: (user, { lifetime } = {}) => this.#kinit(user, users[user] ?? "", lifetime),
      writeKeytab: (principals) => this.#writeKeytab(principals),
      administer: (...commands) => this.#administer(...commands),
      stop: () => this.#daemon.stop(),
    };
  }

  #file(name: keyof typeof KDC_FILES): string {
    return this.#daemon.file(KDC_FILES[name]);
  }

  #serve(port: number): Promise<void> {
    return this.#daemon.start({
      command: KDC,
      args: ["-n", "-r", REALM],
      environment: this.#environment,
      // Its log says that it has its port; without that line, somebody else could be answering there.
      ready: async () => this.#daemon.log().includes("commencing operation") && opens(port),
    });
  }

  async #kinit(user: string, password: string, lifetime = "1h"): Promise<KerberosEnvironment> {
    this.#files += 1;
    const cache = `FILE:${this.#daemon.file(`cache-${this.#files}`)}`;
    await this.#run("kinit", ["-c", cache, "-l", lifetime, user], `${password}\n`);
    return { KRB5_CONFIG: this.#file("config"), KRB5CCNAME: cache };
  }

  async #writeKeytab(principals: readonly string[]): Promise<string> {
    this.#files += 1;
    const keytab = this.#daemon.file(`${this.#files}.keytab`);
    for (const principal of principals) {
      // Says that it exists already, where it does; -norandkey leaves the keys as they are in other keytabs.
      await this.#administer(`addprinc -randkey ${principal}`, `ktadd -k ${keytab} -norandkey ${principal}`);
    }
    return keytab;
  }

  async #administer(...commands: readonly string[]): Promise<void> {
    const words = await this.#run(KADMIN, ["-r", REALM], `${commands.join("\n")}\n`);
    const bad = words.split("\n").find((line) => /while|unknown|usage/i.test(line) && !/already exists/.test(line));
    if (bad !== undefined) throw new Error(bad);
  }

  /** Runs a program to its end; what it said. */
  async #run(program: string, args: readonly string[], input = ""): Promise<string> {
    const child = spawn(program, args, { env: { ...process.env, ...this.#environment }, timeout: 30_000 });
    let words = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (words += text));
    child.stdin.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`${program} ended with ${code}: ${words}`);
    return words;
  }
}
