// A real nginx as a web server, in a folder of its own, on loopback: says its name, gives out files, takes uploads. Stopped by
// its handle. Needs Debian's package nginx. Throws Error with its own words when it does not start.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { startDaemon } from "./daemon.ts";
import { freePorts, opens } from "./ports.ts";

const NGINX = "/usr/sbin/nginx";

export interface NginxWebOptions {
  /** It says so in X-Node, and at /who. */
  readonly name: string;
  /** By path, without the first slash. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** More of nginx's own words, within `server`. */
  readonly server?: string;
}

export interface NginxWeb {
  readonly port: number;
  /** Where a file of that path is. */
  file(path: string): string;
  /** Its access log: "METHOD TARGET PROTOCOL STATUS" and the name of Basic, a line a request. */
  log(): string;
  /** Ends it, and keeps its port and files. */
  end(): Promise<void>;
  /** Starts it again. */
  again(): Promise<void>;
  /** Stops it and removes its folder. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Starts it; resolves when it takes connections. */
export function startNginxWeb({ name, files = {}, server = "" }: NginxWebOptions): Promise<NginxWeb> {
  return startDaemon({ name: "nginx-web", logFile: "access.log" }, async (daemon) => {
    const [port = 0] = await freePorts(1);
    const root = daemon.file("root");
    await mkdir(root);
    for (const [path, content] of Object.entries(files)) {
      const file = `${root}/${path}`;
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    await writeFile(daemon.file("nginx.conf"), config(daemon.folder, port, name, server));
    const args = ["-p", daemon.folder, "-c", daemon.file("nginx.conf"), "-e", daemon.file("error.log")];
    const start = (): Promise<void> => daemon.start({ command: NGINX, args, ready: () => opens(port) });
    await start();
    return {
      port,
      file: (path) => `${root}/${path}`,
      log: () => daemon.log(),
      end: () => daemon.end(),
      again: start,
      stop: () => daemon.stop(),
    };
  });
}

// Started by root it would give its workers to another user, who cannot look into the folder.
const user = (): string => (process.getuid?.() === 0 ? "user root;" : "");

const config = (folder: string, port: number, name: string, server: string): string => `${user()}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `${what}_temp_path ${folder}/${what};`).join("\n  ")}
  log_format short '$request $status "$remote_user"';
  access_log ${folder}/access.log short;
  client_max_body_size 0;
  large_client_header_buffers 4 128k;
  server {
    listen 127.0.0.1:${port};
    root ${folder}/root;
    add_header X-Node ${name} always;
    location = /who { return 200 "${name}\\n"; }
    location = /nothing { return 204; }
    location /up/ { dav_methods PUT; create_full_put_path on; }
    ${server}
  }
}
`;
