// A real Apache with mod_auth_gssapi in a folder of its own, on loopback: lets in who has a ticket, and says who that is.
// Stopped by its handle. Needs Debian's packages apache2-bin and libapache2-mod-auth-gssapi. Throws Error with its own words when
// it does not start.

import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { startDaemon } from "./daemon.ts";
import type { KerberosEnvironment } from "./kdc.ts";
import { freePorts, opens } from "./ports.ts";

const APACHE = "/usr/sbin/apache2";
const MODULES = "/usr/lib/apache2/modules";

export interface ApacheOptions {
  /** Of HTTP/localhost. */
  readonly keytab: string;
  readonly environment: KerberosEnvironment;
}

export interface Apache {
  /** /request and what is below it asks each request for a ticket, /connection the first one of each connection. */
  readonly port: number;
  /** Its access log: "PORT USER REQUEST STATUS" with the port of its client, a line a request. */
  log(): string;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Starts it; resolves when it takes connections. */
export function startApache({ keytab, environment }: ApacheOptions): Promise<Apache> {
  return startDaemon({ name: "apache", logFile: "access.log" }, async (daemon) => {
    const [port = 0] = await freePorts(1);
    for (const path of ["root", "root/request", "root/connection"]) await mkdir(daemon.file(path));
    for (const path of ["request", "connection"]) await writeFile(daemon.file(`root/${path}/index`), "ticket taken\n");
    // Its workers run as another user when root starts it; everything in the folder is the test's own.
    await copyFile(keytab, daemon.file("keytab"));
    for (const path of ["", "root", "root/request", "root/connection"]) await chmod(daemon.file(path), 0o755);
    await chmod(daemon.file("keytab"), 0o644);
    await writeFile(daemon.file("apache.conf"), config(daemon.folder, port));
    const { KRB5_CONFIG = "" } = environment;
    await chmod(await copyOf(KRB5_CONFIG, daemon.file("krb5.conf")), 0o644);
    await daemon.start({
      command: APACHE,
      args: ["-D", "FOREGROUND", "-d", daemon.folder, "-f", daemon.file("apache.conf")],
      environment: { KRB5_CONFIG: daemon.file("krb5.conf"), KRB5RCACHENAME: "none:" },
      ready: () => opens(port),
    });
    return { port, log: () => daemon.log(), stop: () => daemon.stop() };
  });
}

async function copyOf(file: string, copy: string): Promise<string> {
  await copyFile(file, copy);
  return copy;
}

const LOADED = ["mpm_event", "authz_core", "authz_user", "authn_core", "auth_gssapi", "headers"];

const asks = (folder: string, path: string, isBound: "On" | "Off"): string => `<Location "/${path}">
  AuthType GSSAPI
  AuthName "tickets"
  GssapiCredStore keytab:${folder}/keytab
  GssapiConnectionBound ${isBound}
  Require valid-user
  Header always set X-User "expr=%{REMOTE_USER}"
</Location>
`;

const config = (folder: string, port: number): string => `# Written by a test
${LOADED.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join("\n")}
ServerName localhost
Listen 127.0.0.1:${port}
${process.getuid?.() === 0 ? "User nobody\nGroup nogroup" : ""}
PidFile ${folder}/pid
DefaultRuntimeDir ${folder}
ErrorLog ${folder}/error.log
LogFormat "%{remote}p %u %r %>s" short
CustomLog ${folder}/access.log short
DocumentRoot ${folder}/root
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
StartServers 1
ServerLimit 2
ThreadsPerChild 16
MaxRequestWorkers 32
MinSpareThreads 1
MaxSpareThreads 32
<Directory "${folder}/root">
  Require all granted
</Directory>
${asks(folder, "request", "Off")}${asks(folder, "connection", "On")}`;
