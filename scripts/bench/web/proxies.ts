// The web proxies that are measured, each with the configuration of a careful operator: one worker, TLS in front, no access log,
// connections to the backend kept. Never listens elsewhere than on loopback.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { haproxyHttp, nginxFile, nginxTls } from "../peers.ts";
import { posternLaunch, type Launch } from "../proxies.ts";
import type { Site } from "../site.ts";

export interface WebSite extends Site {
  readonly webPort: number;
  /** The folder in which npm has installed the Node proxies. */
  readonly npm: string;
}

export interface WebRow {
  readonly name: string;
  readonly launch: (site: WebSite, folder: string, port: number) => Launch;
  /** A package of npm that must be there. */
  readonly needs?: string;
}

const postern = (site: WebSite, folder: string, port: number): Launch =>
  posternLaunch(
    site,
    folder,
    `listeners: [{ protocol: https, address: "127.0.0.1:${port}", tls: implicit }]
https: { accessLog: none, requestsPerConnection: 10000000 }
backends: { web1: { https: "http://127.0.0.1:${site.webPort}" } }
routes: [{ source: static, default: web1 }]
`,
  );

function nginx(site: WebSite, folder: string, port: number): Launch {
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ");
  const file = nginxFile(
    folder,
    [],
    `http {
  access_log off; ${temp}
  client_max_body_size 0;
  keepalive_requests 10000000;
  upstream web { server 127.0.0.1:${site.webPort}; keepalive 128; }
  server {
    listen 127.0.0.1:${port} ssl backlog=4096;
    ${nginxTls(site)}
    location / {
      proxy_pass http://web;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 1h;
    }
  }
}`,
  );
  return { command: ["nginx", "-p", folder, "-c", file, "-e", join(folder, "error.log")] };
}

const haproxy = (site: WebSite, folder: string, port: number): Launch =>
  haproxyHttp(site, folder, ["option http-keep-alive", "http-reuse always"], port, site.webPort);

const nodeProxy =
  (kind: string) =>
  (site: WebSite, _folder: string, port: number): Launch => ({
    command: [
      process.execPath,
      join(import.meta.dirname, "node-proxies.ts"),
      kind,
      site.npm,
      String(port),
      String(site.webPort),
    ].concat(site.cert, site.key),
  });

export const WEB_ROWS: readonly WebRow[] = [
  { name: "postern", launch: postern },
  { name: "nginx-web", launch: nginx },
  { name: "haproxy-web", launch: haproxy },
  { name: "http-proxy-3", launch: nodeProxy("http-proxy-3"), needs: "http-proxy-3" },
  { name: "fastify-proxy", launch: nodeProxy("fastify"), needs: "@fastify/http-proxy" },
];

/** The package that keeps a row from being measured; undefined: nothing. */
export const absent = ({ needs }: WebRow, { npm }: WebSite): string | undefined =>
  needs === undefined || existsSync(join(npm, "node_modules", needs)) ? undefined : needs;
