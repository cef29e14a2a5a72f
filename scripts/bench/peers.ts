// The configuration files of the C peers. Each function writes its files into the folder and says what to run.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Behind, Launch } from "./proxies.ts";
import type { Site } from "./site.ts";

const MODULES = "/usr/lib/nginx/modules";
const CONNECTIONS = 19_000;

export function nginxFile(folder: string, modules: readonly string[], body: string): string {
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `${modules.map((name) => `load_module ${MODULES}/${name}.so;`).join("\n")}
user root;
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections ${CONNECTIONS}; }
${body}
`,
  );
  return file;
}

const nginx = (folder: string, file: string): Launch => ({
  command: ["nginx", "-p", folder, "-c", file, "-e", join(folder, "error.log")],
});

export const nginxTls = (site: Site): string =>
  `ssl_certificate ${site.cert}; ssl_certificate_key ${site.key}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on;`;

/** Answers every auth_http question with the plain backend. Runs on the core of the load. */
export function authServer(folder: string, port: number, backendPort: number): Launch {
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ");
  const file = nginxFile(
    folder,
    [],
    `http {
  access_log off; ${temp}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      add_header Auth-Status OK; add_header Auth-Server 127.0.0.1; add_header Auth-Port ${backendPort};
      return 204;
    }
  }
}`,
  );
  return nginx(folder, file);
}

export function nginxMail(site: Site, folder: string, port: number): Launch {
  const file = nginxFile(
    folder,
    ["ngx_mail_module"],
    `mail {
  auth_http 127.0.0.1:${site.authPort}/auth;
  ${nginxTls(site)}
  imap_capabilities IMAP4rev1 SASL-IR LITERAL+ ID;
  server { listen 127.0.0.1:${port} ssl backlog=4096; protocol imap; proxy on; timeout 1h; proxy_timeout 1h; }
}`,
  );
  return nginx(folder, file);
}

export function nginxStream(site: Site, folder: string, port: number, behind: Behind): Launch {
  const to = behind === "tls" ? `127.0.0.1:${site.tlsPort}; proxy_ssl on` : `127.0.0.1:${site.plainPort}`;
  const file = nginxFile(
    folder,
    ["ngx_stream_module"],
    `stream {
  ${nginxTls(site)}
  server { listen 127.0.0.1:${port} ssl backlog=4096; proxy_pass ${to}; proxy_timeout 1h; }
}`,
  );
  return nginx(folder, file);
}

/** As a reverse proxy of HTTP. `options`: lines of its defaults. */
export function haproxyHttp(site: Site, folder: string, options: readonly string[], port: number, backendPort: number): Launch {
  const file = join(folder, "haproxy.cfg");
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 9000
defaults
  mode http
  option forwardfor
${options.map((line) => `  ${line}\n`).join("")}  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen web
  bind 127.0.0.1:${port} ssl crt ${site.both} ssl-min-ver TLSv1.2 backlog 4096
  server web1 127.0.0.1:${backendPort}
`,
  );
  return { command: ["haproxy", "-db", "-f", file] };
}

export function haproxy(site: Site, folder: string, port: number, behind: Behind): Launch {
  const file = join(folder, "haproxy.cfg");
  const server = behind === "tls" ? `127.0.0.1:${site.tlsPort} ssl verify none` : `127.0.0.1:${site.plainPort}`;
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn ${CONNECTIONS / 2 - 100}
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen imaps
  bind 127.0.0.1:${port} ssl crt ${site.both} ssl-min-ver TLSv1.2 backlog 4096
  server mbx1 ${server}
`,
  );
  return { command: ["haproxy", "-db", "-f", file] };
}

export function dovecot(site: Site, folder: string, port: number, behind: Behind): Launch {
  const file = join(folder, "dovecot.conf");
  const run = join(folder, "run");
  mkdirSync(run);
  const to = behind === "tls" ? `port=${site.tlsPort} ssl=any-cert` : `port=${site.plainPort}`;
  writeFileSync(
    file,
    `protocols = imap
listen = 127.0.0.1
base_dir = ${run}
state_dir = ${run}
log_path = ${folder}/dovecot.log
ssl = required
ssl_cert = <${site.cert}
ssl_key = <${site.key}
ssl_min_protocol = TLSv1.2
ssl_client_ca_file = ${site.cert}
default_vsz_limit = 0
default_client_limit = ${CONNECTIONS}
passdb {
  driver = static
  args = proxy=y host=127.0.0.1 ${to} nopassword=y
}
service imap-login {
  service_count = 0
  process_min_avail = 1
  process_limit = 1
  client_limit = ${CONNECTIONS}
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = ${port}
    ssl = yes
  }
}
`,
  );
  return { command: ["dovecot", "-F", "-c", file] };
}
