// TLS that is passed through, with the real program, curl, and two nginx as the backends that have the certificates.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { issue } from "@postern/certs";
import { freePorts, opens, startDaemon } from "@postern/testing";
import { run } from "./clients.ts";
import { startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { authority, FILES } from "./mailboxes.ts";

interface TlsServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** An nginx that shows a certificate for `name`, and tells which name it was asked for. */
function startServer(name: string): Promise<TlsServer> {
  return startDaemon({ name: "nginx" }, async (daemon) => {
    const [port = 0] = await freePorts(1);
    const { cert, key } = issue(authority, { names: [name] });
    await writeFile(daemon.file("cert.pem"), cert);
    await writeFile(daemon.file("key.pem"), key, { mode: 0o600 });
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path ${daemon.file(kind)};`,
    );
    await writeFile(
      daemon.file("nginx.conf"),
      `daemon off;
pid ${daemon.file("pid")};
error_log stderr notice;
events {}
http {
  access_log off;
  ${temporary.join("\n  ")}
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${daemon.file("cert.pem")};
    ssl_certificate_key ${daemon.file("key.pem")};
    location / { return 200 "${name} was asked for $ssl_server_name by $server_protocol\\n"; }
  }
}
`,
    );
    await daemon.start({
      command: "/usr/sbin/nginx",
      args: ["-p", daemon.folder, "-c", daemon.file("nginx.conf")],
      ready: () => opens(port),
    });
    return { port, stop: () => daemon.stop() };
  });
}

const servers: TlsServer[] = [];
let gateway: Gateway;

test.before(async () => {
  servers.push(await startServer("one.example.com"), await startServer("two.example.com"));
  const [one, two] = servers;
  gateway = await startGateway({
    listeners: { tls: { protocol: "passthrough" } },
    backends: {
      mbx1: { passthrough: `tcp://127.0.0.1:${one?.port ?? 0}` },
      mbx2: { passthrough: `tcp://127.0.0.1:${two?.port ?? 0}` },
    },
    config: { passthrough: { names: { "one.example.com": "mbx1", "two.example.com": ["mbx2", "mbx1"] } } },
    routes: [],
    files: FILES,
  });
});

test.after.always(async () => {
  await gateway?.stop();
  for (const server of servers) await server.stop();
});

function curl(name: string, ...options: readonly string[]): ReturnType<typeof run> {
  const port = gateway.port("tls");
  const where = ["--cacert", join(gateway.folder, "ca.pem"), "--resolve", `${name}:${port}:127.0.0.1`];
  return run("curl", ["-sSv", ...where, ...options, `https://${name}:${port}/`]);
}

test("passthrough: curl reaches the backend that its name is for, and sees that backend's own certificate", async (t) => {
  for (const name of ["one.example.com", "two.example.com"]) {
    const { code, stdout, stderr } = await curl(name);
    t.is(code, 0, stderr);
    t.is(stdout.toString(), `${name} was asked for ${name} by HTTP/2.0\n`);
    t.regex(stderr, new RegExp(`subjectAltName: host "${name}" matched`));
  }
  await gateway.logged({ serverName: "one.example.com", backend: /^mbx1 / });
  await gateway.logged({ serverName: "two.example.com", backend: /^mbx2 / });
});

test("passthrough: a name that nobody serves is refused with an alert of TLS, and reaches nobody", async (t) => {
  const { code, stderr } = await curl("three.example.com");
  t.is(code, 35, stderr);
  t.regex(stderr, /unrecognized name/);
  t.is((await gateway.logged({ failure: "route-refused" }))["backend"], undefined);
});

test("passthrough: the next backend of a name takes over when the first is gone, and shows its own certificate", async (t) => {
  await servers[1]?.stop();
  const { code, stdout } = await curl("two.example.com", "--insecure");
  t.is(code, 0);
  t.is(stdout.toString(), "one.example.com was asked for two.example.com by HTTP/2.0\n");
  const { code: refused, stderr } = await curl("two.example.com");
  t.is(refused, 60, stderr);
});
