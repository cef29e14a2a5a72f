// A real MIT Kerberos realm, TEST.LOCAL, in a folder of its own, on loopback: the KDC, a keytab with the services of a
// mail host called localhost, users with passwords. Started, asked for tickets, stopped by its handle. Needs the
// packages krb5-kdc, krb5-admin-server and krb5-user; runs as any user. Throws Error with Kerberos' own words.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { KDC_FILES, kdcConfig, krb5Config } from "./kdc-config.ts";
import { freePorts } from "./ports.ts";

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
export async function hasKdc(): Promise<boolean> {
  return access(KDC).then(
    () => true,
    () => false,
  );
}

// Another program can take a port between our look and the KDC's start.
const TRIES = 3;
const START_MS = 15_000;

/** Starts it; resolves when it answers. */
export async function startKdc(options: KdcOptions): Promise<Kdc> {
  for (let attempt = 1; ; attempt += 1) {
    const server = new Server(await mkdtemp(join(tmpdir(), "kdc-")));
    try {
      return await server.start(options);
    } catch (error) {
      await server.stop();
      if (attempt === TRIES || !/Address already in use/.test(String(error))) throw error;
    }
  }
}

class Server {
  readonly #folder: string;
  readonly #environment: KerberosEnvironment;
  #child: ChildProcess | undefined;
  #files = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#environment = {
      KRB5_CONFIG: this.#file("config"),
      KRB5_KDC_PROFILE: this.#file("kdcConfig"),
      KRB5_KTNAME: this.#file("keytab"),
      KRB5RCACHENAME: `file2:${this.#file("replays")}`,
    };
  }

  async start({ users, clockSkewSeconds = 300 }: KdcOptions): Promise<Kdc> {
    const [port = 0] = await freePorts(1);
    const layout = { folder: this.#folder, realm: REALM, port, clockSkewSeconds };
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
      stop: () => this.stop(),
    };
  }

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
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  // A test run that is cut short must not leave it behind.
  readonly #killNow = (): void => {
    this.#child?.kill("SIGKILL");
  };

  #file(name: keyof typeof KDC_FILES): string {
    return join(this.#folder, KDC_FILES[name]);
  }

  async #serve(port: number): Promise<void> {
    const child = spawn(KDC, ["-n", "-r", REALM], { env: { ...process.env, ...this.#environment }, stdio: "ignore" });
    this.#child = child;
    process.once("exit", this.#killNow);
    let failed = "";
    child.on("error", (error) => (failed = error.message));
    const began = Date.now();
    const log = (): Promise<string> => readFile(this.#file("log"), "utf8").catch(() => "");
    // Its log says that it has its port; without that line, somebody else could be answering there.
    while (!((await log()).includes("commencing operation") && (await opens(port)))) {
      const over = child.exitCode !== null || failed !== "";
      if (over || Date.now() - began > START_MS) throw new Error(`The KDC does not start: ${failed}${await log()}`);
      await wait(20);
    }
  }

  async #kinit(user: string, password: string, lifetime = "1h"): Promise<KerberosEnvironment> {
    this.#files += 1;
    const cache = `FILE:${join(this.#folder, `cache-${this.#files}`)}`;
    await this.#run("kinit", ["-c", cache, "-l", lifetime, user], `${password}\n`);
    return { KRB5_CONFIG: this.#file("config"), KRB5CCNAME: cache };
  }

  async #writeKeytab(principals: readonly string[]): Promise<string> {
    this.#files += 1;
    const keytab = join(this.#folder, `${this.#files}.keytab`);
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

/** Does somebody take a connection on this port of 127.0.0.1? A KDC says nothing first. */
function opens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: 1000 });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", end(true)).once("error", end(false)).once("timeout", end(false));
  });
}
