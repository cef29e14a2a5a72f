// A real OpenLDAP slapd in a folder of its own, on loopback, for tests: with the users that it is told, ldap://, ldaps://,
// StartTLS and a unix socket; paused, started again, stopped by its handle. Needs /usr/sbin/slapd and /usr/sbin/slapadd.
// Throws Error with slapd's own words when it does not start.

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import type { CertificateAndKey } from "@postern/certs";
import { freePorts } from "./ports.ts";

const SLAPD = "/usr/sbin/slapd";
const SLAPADD = "/usr/sbin/slapadd";
const SUFFIX = "dc=example,dc=com";
const START_MS = 15_000;
const TRIES = 3;

export interface SlapdUser {
  readonly uid: string;
  readonly mail: string;
  /** As the directory stores it: in clear, or hashed ("{SSHA}…"). */
  readonly password: string;
}

export interface SlapdOptions {
  /** Entries uid=UID,ou=people below the suffix. */
  readonly users: readonly SlapdUser[];
  /** Offers StartTLS and ldaps://. */
  readonly tls?: CertificateAndKey;
  /** More entries, as LDIF. */
  readonly ldif?: string;
}

export interface Slapd {
  /** "dc=example,dc=com" */
  readonly suffix: string;
  /** May search, and compare passwords. */
  readonly serviceDn: string;
  readonly servicePassword: string;
  readonly port: number;
  /** 0 without TLS. */
  readonly ldapsPort: number;
  readonly socketPath: string;
  /** Stops it where it is (SIGSTOP): connections stay open, nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends it and starts it anew, on the same ports, with the same entries. */
  restart(): Promise<void>;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Starts it; resolves when it takes connections. */
export async function startSlapd(options: SlapdOptions): Promise<Slapd> {
  for (let attempt = 1; ; attempt += 1) {
    const [port = 0, ldapsPort = 0] = await freePorts(2);
    const server = new Server(await mkdtemp(join(tmpdir(), "slapd-")), port, options.tls === undefined ? 0 : ldapsPort);
    try {
      await server.prepare(options);
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      // Another program can take a port between our look and its start.
      if (attempt === TRIES || !/bind\(\d+\) failed|Address already in use/.test(String(error))) throw error;
    }
  }
}

function entries({ users, ldif = "" }: SlapdOptions, { serviceDn, servicePassword }: Slapd): string {
  const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");
  const people = users.map(
    ({ uid, mail, password }) =>
      `dn: uid=${uid},ou=people,${SUFFIX}\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${uid}\nsn: ${uid}\n` +
      `mail: ${mail}\nuserPassword:: ${base64(password)}\n\n`,
  );
  return (
    `dn: ${SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n` +
    `dn: ou=people,${SUFFIX}\nobjectClass: organizationalUnit\nou: people\n\n` +
    `dn: ${serviceDn}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: gateway\n` +
    `userPassword: ${servicePassword}\n\n${people.join("")}${ldif}`
  );
}

class Server implements Slapd {
  readonly suffix = SUFFIX;
  readonly serviceDn = `cn=gateway,${SUFFIX}`;
  readonly servicePassword = "service-password";
  readonly port: number;
  readonly ldapsPort: number;
  readonly socketPath: string;
  readonly #root: string;
  #child: ChildProcess | undefined;

  constructor(root: string, port: number, ldapsPort: number) {
    this.#root = root;
    this.port = port;
    this.ldapsPort = ldapsPort;
    this.socketPath = join(root, "ldapi");
  }

  async prepare(options: SlapdOptions): Promise<void> {
    const file = (name: string): string => join(this.#root, name);
    await mkdir(file("data"));
    const { tls } = options;
    if (tls !== undefined) await writeFile(file("cert.pem"), tls.cert);
    if (tls !== undefined) await writeFile(file("key.pem"), tls.key, { mode: 0o600 });
    await writeFile(file("slapd.conf"), this.#config(tls !== undefined));
    await writeFile(file("entries.ldif"), entries(options, this));
    await promisify(execFile)(SLAPADD, ["-f", file("slapd.conf"), "-l", file("entries.ldif")]);
  }

  async start(): Promise<void> {
    const urls = [
      `ldap://127.0.0.1:${this.port}`,
      `ldapi://${encodeURIComponent(this.socketPath)}`,
      ...(this.ldapsPort === 0 ? [] : [`ldaps://127.0.0.1:${this.ldapsPort}`]),
    ];
    // A daemon keeps a pipe open: its words go into a file.
    const log = openSync(join(this.#root, "log"), "a");
    const child = spawn(SLAPD, ["-f", join(this.#root, "slapd.conf"), "-h", urls.join(" "), "-d", "0"], {
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.#child = child;
    process.once("exit", this.#killNow);
    let failed = "";
    child.on("error", (error) => (failed = error.message));
    const began = Date.now();
    while (!(await takesConnections(this.port))) {
      if (child.exitCode !== null || failed !== "" || Date.now() - began > START_MS)
        throw new Error(`slapd does not start: ${failed}${readFileSync(join(this.#root, "log"), "utf8")}`);
      await wait(20);
    }
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  async restart(): Promise<void> {
    await this.#end();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#end();
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  // A test run that is cut short must not leave it behind.
  readonly #killNow = (): void => {
    this.#child?.kill("SIGKILL");
  };

  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    process.off("exit", this.#killNow);
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await exit;
    clearTimeout(killer);
  }

  #config(tls: boolean): string {
    const schema = ["core", "cosine", "inetorgperson"].map((name) => `include /etc/ldap/schema/${name}.schema`);
    const certificate = [
      `TLSCertificateFile ${join(this.#root, "cert.pem")}`,
      `TLSCertificateKeyFile ${join(this.#root, "key.pem")}`,
    ];
    const lines = [
      ...schema,
      `pidfile ${join(this.#root, "pid")}`,
      `argsfile ${join(this.#root, "args")}`,
      "modulepath /usr/lib/ldap",
      "moduleload back_mdb",
      ...(tls ? certificate : []),
      "database mdb",
      "maxsize 10485760",
      `suffix ${SUFFIX}`,
      `directory ${join(this.#root, "data")}`,
      `access to attrs=userPassword by dn.exact=${this.serviceDn} compare by anonymous auth by * none`,
      `access to * by dn.exact=${this.serviceDn} read by * none`,
    ];
    return `${lines.join("\n")}\n`;
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", end(true)).once("error", end(false));
  });
}
