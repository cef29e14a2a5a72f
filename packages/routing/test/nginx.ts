// A real nginx with its mail module, in a folder of its own, on loopback: listeners of IMAP, POP3 and SMTP whose auth_http
// is a server of the test. Stopped by its handle. Throws Error with a clear message when nginx is not there.

import { createAuthority, issue } from "@postern/certs";
import type { CertificateAndKey } from "@postern/certs";
import { freePorts, isInstalled, opens, startDaemon } from "@postern/testing";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { SecureVersion, TLSSocket } from "node:tls";

const NGINX = "/usr/sbin/nginx";
const MODULE = "/usr/lib/nginx/modules/ngx_mail_module.so";

export interface Ports {
  readonly imap: number;
  readonly pop3: number;
  readonly smtp: number;
  readonly imaps: number;
  readonly proxied: number;
}

export interface Nginx {
  readonly ports: Ports;
  readonly client: CertificateAndKey;
  stop(): Promise<void>;
}

function configuration(folder: string, authPort: number, ports: Ports): string {
  const server = (protocol: string, listen: string, more = ""): string =>
    `server { protocol ${protocol}; listen 127.0.0.1:${listen}; ${more} }`;
  return `
daemon off; master_process off; worker_processes 1;
pid ${folder}/nginx.pid; error_log ${folder}/error.log info; lock_file ${folder}/lock;
load_module ${MODULE};
events { worker_connections 64; }
mail {
  server_name mail.example.com;
  auth_http http://127.0.0.1:${authPort}/nginx;
  auth_http_header X-Auth-Key k1;
  auth_http_pass_client_cert on;
  imap_auth plain login cram-md5 external;
  pop3_auth plain apop cram-md5;
  smtp_auth none plain login cram-md5;
  ssl_certificate ${folder}/server.pem; ssl_certificate_key ${folder}/server.key;
  ssl_client_certificate ${folder}/ca.pem; ssl_verify_client optional;
  ssl_protocols TLSv1.2 TLSv1.3;
  ${server("imap", String(ports.imap))}
  ${server("pop3", String(ports.pop3))}
  ${server("smtp", String(ports.smtp))}
  ${server("imap", `${ports.imaps} ssl`)}
  ${server("imap", `${ports.proxied} proxy_protocol`, "set_real_ip_from 127.0.0.1;")}
}
`;
}

/** Starts nginx; `authPort` is the auth_http server's port on loopback. */
export async function startNginx(authPort: number): Promise<Nginx> {
  for (const file of [NGINX, MODULE]) {
    if (!(await isInstalled(file))) throw new Error(`${file} is missing: install Debian's packages nginx and libnginx-mod-mail`);
  }
  const authority = createAuthority("Test authority");
  const server = issue(authority, { names: ["127.0.0.1"], keyType: "rsa" });
  const client = issue(authority, { names: ["alice@example.com"], client: true });
  return startDaemon({ name: "nginx", logFile: "error.log" }, async (daemon) => {
    const [imap = 0, pop3 = 0, smtp = 0, imaps = 0, proxied = 0] = await freePorts(5);
    const ports = { imap, pop3, smtp, imaps, proxied };
    await writeFile(daemon.file("ca.pem"), authority.cert);
    await writeFile(daemon.file("server.pem"), server.cert);
    await writeFile(daemon.file("server.key"), server.key, { mode: 0o600 });
    await writeFile(daemon.file("nginx.conf"), configuration(daemon.folder, authPort, ports));
    await daemon.start({
      command: NGINX,
      args: ["-p", daemon.folder, "-c", daemon.file("nginx.conf"), "-e", daemon.file("error.log")],
      ready: () => opens(proxied),
    });
    return { ports, client, stop: () => daemon.stop() };
  });
}

/** A finished line-wise conversation. */
const complete = (text: string): boolean => text.endsWith("\r\n") && !/^\d{3}-/.test(text.split("\r\n").at(-2) ?? "");

/** The next whole answer; what came when the other side closed. */
function nextAnswer(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const done = (): void => {
      socket.off("data", take).off("end", done).off("error", reject);
      resolve(text);
    };
    const take = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      if (complete(text)) done();
    };
    socket.on("data", take).on("end", done).on("error", reject);
  });
}

/** Says each line when the one before was answered (the first after the greeting); yields all answers. */
export async function talk(socket: Socket, lines: readonly (string | ((answer: string) => string))[]): Promise<string[]> {
  const seen = [await nextAnswer(socket)];
  for (const line of lines) {
    const said = typeof line === "string" ? line : line(seen.at(-1) ?? "");
    socket.write(Buffer.from(`${said}\r\n`, "latin1"));
    seen.push(await nextAnswer(socket));
  }
  return seen;
}

export function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
  });
}

export function dialTls(port: number, maxVersion: SecureVersion, client?: CertificateAndKey): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const own = client === undefined ? {} : { cert: client.cert, key: client.key };
    // The server's certificate is not what is looked at here.
    const options = { host: "127.0.0.1", port, rejectUnauthorized: false, maxVersion, ...own };
    const socket = connectTls(options, () => resolve(socket));
    socket.once("error", reject);
  });
}
