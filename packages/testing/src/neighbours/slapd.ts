// A real OpenLDAP slapd in a folder of its own, on loopback, for tests: with the users that it is told, ldap://, ldaps://,
// StartTLS and a unix socket; paused, started again, stopped by its handle. Needs /usr/sbin/slapd and /usr/sbin/slapadd.
// Throws Error with slapd's own words when it does not start.

import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { CertificateAndKey } from "@postern/certs";
import { startDaemon, type Daemon } from "./daemon.ts";
import { freePorts, opens } from "./ports.ts";

const SLAPD = "/usr/sbin/slapd";
const SLAPADD = "/usr/sbin/slapadd";
const SUFFIX = "dc=example,dc=com";

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
export function startSlapd(options: SlapdOptions): Promise<Slapd> {
  return startDaemon({ name: "slapd" }, async (daemon) => {
    const [port = 0, ldapsPort = 0] = await freePorts(2);
    const server = new Server(daemon, port, options.tls === undefined ? 0 : ldapsPort);
    await server.prepare(options);
    await server.start();
    return server;
  });
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
  readonly #daemon: Daemon;

  constructor(daemon: Daemon, port: number, ldapsPort: number) {
    this.#daemon = daemon;
    this.port = port;
    this.ldapsPort = ldapsPort;
    this.socketPath = daemon.file("ldapi");
  }

  async prepare(options: SlapdOptions): Promise<void> {
    const file = (name: string): string => this.#daemon.file(name);
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
    await this.#daemon.start({
      command: SLAPD,
      args: ["-f", this.#daemon.file("slapd.conf"), "-h", urls.join(" "), "-d", "0"],
      ready: () => opens(this.port),
    });
  }

  pause(): void {
    this.#daemon.signal("SIGSTOP");
  }

  resume(): void {
    this.#daemon.signal("SIGCONT");
  }

  async restart(): Promise<void> {
    await this.#daemon.end();
    await this.start();
  }

  stop(): Promise<void> {
    return this.#daemon.stop();
  }

  #config(tls: boolean): string {
    const schema = ["core", "cosine", "inetorgperson"].map((name) => `include /etc/ldap/schema/${name}.schema`);
    const certificate = [
      `TLSCertificateFile ${this.#daemon.file("cert.pem")}`,
      `TLSCertificateKeyFile ${this.#daemon.file("key.pem")}`,
    ];
    const lines = [
      ...schema,
      `pidfile ${this.#daemon.file("pid")}`,
      `argsfile ${this.#daemon.file("args")}`,
      "modulepath /usr/lib/ldap",
      "moduleload back_mdb",
      ...(tls ? certificate : []),
      "database mdb",
      "maxsize 10485760",
      `suffix ${SUFFIX}`,
      `directory ${this.#daemon.file("data")}`,
      `access to attrs=userPassword by dn.exact=${this.serviceDn} compare by anonymous auth by * none`,
      `access to * by dn.exact=${this.serviceDn} read by * none`,
    ];
    return `${lines.join("\n")}\n`;
  }
}
