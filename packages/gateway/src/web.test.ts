// The web through a gateway in this process: built of a configuration, in front of Node's own servers.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request as plainRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as secureRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer as createTlsServer } from "node:tls";
import test, { type ExecutionContext } from "ava";
import { selfSigned } from "@postern/certs";
import { loadConfig } from "@postern/config";
import { createMemoryState } from "@postern/state";
import { createMemoryLogger, freePorts, testAuthenticator } from "@postern/testing";
import { Gateway } from "./gateway.ts";
import { PARTS, type GatewayConfig } from "./parts.ts";
import { endpointsOf, webFindings, webSecret, webSettings } from "./web.ts";

const certificate = selfSigned(["localhost", "127.0.0.1"]);

function load(settings: Readonly<Record<string, unknown>>): GatewayConfig {
  const result = loadConfig({ text: JSON.stringify({ tls: { selfSigned: true }, ...settings }), parts: PARTS });
  if ("problems" in result) throw new Error(result.problems.join("\n"));
  return result.config;
}

/** The ports of its listeners, by protocol. */
async function running(t: ExecutionContext, config: GatewayConfig): Promise<Map<string, number>> {
  const gateway = new Gateway({
    logger: createMemoryLogger(),
    state: createMemoryState(),
    shared: { ticketKeys: randomBytes(48), selfSigned: { ...certificate, names: ["localhost"] } },
    listen: { shared: false, first: true, sockets: new Map() },
  });
  t.teardown(() => gateway.drain());
  await gateway.apply(config);
  return new Map(
    gateway.lines().map((line) => {
      const [protocol = "", address = ""] = line.split(" ");
      return [protocol, Number(address.split(":")[1])];
    }),
  );
}

/** A web server that says its name, and who logs in. */
async function webServer(t: ExecutionContext, name: string): Promise<string> {
  const server = createServer((asked, answer) => void answer.end(`${name} ${asked.url ?? ""}`));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Answered {
  readonly status: number | undefined;
  readonly location: string | undefined;
  readonly body: string;
}

async function ask(isSecure: boolean, options: RequestOptions): Promise<Answered> {
  const asking = (isSecure ? secureRequest : plainRequest)({
    host: "127.0.0.1",
    agent: false,
    rejectUnauthorized: false,
    ...options,
  } as RequestOptions);
  asking.end();
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  const body = Buffer.concat((await answer.toArray()) as Buffer[]).toString();
  return { status: answer.statusCode, location: answer.headers.location, body };
}

const DRAIN = { shutdown: { drain: "0s" } };

test("web: each user gets to their own server, over https and over http where that is allowed", async (t) => {
  const [plain] = await freePorts(1);
  const [one, two] = [await webServer(t, "one"), await webServer(t, "two")];
  const ports = await running(
    t,
    load({
      ...DRAIN,
      listeners: [
        { protocol: "https", address: "127.0.0.1:0" },
        { protocol: "http", address: `127.0.0.1:${plain}`, allowPlaintext: true },
      ],
      backends: { one: { https: one }, two: { https: two } },
      routes: [{ source: "static", users: { "alice@example.com": "one", "bob@example.com": "two" } }],
    }),
  );
  for (const protocol of ["https", "http"])
    for (const [user, server] of [
      ["alice@example.com", "one"],
      ["bob@example.com", "two"],
    ] as const) {
      const port = ports.get(protocol);
      const answer = await ask(protocol === "https", { port, path: "/owa/x?y=1", auth: `${user}:geheim` });
      t.deepEqual([answer.status, answer.body], [200, `${server} /owa/x?y=1`], protocol);
    }
});

test("web: what cookies are sealed with is the same wherever the key file is the same, and is not the key itself", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "postern-web-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const key = randomBytes(64);
  writeFileSync(join(folder, "key"), key);
  writeFileSync(join(folder, "other"), randomBytes(64));
  writeFileSync(join(folder, "short"), randomBytes(31));
  const { cookie } = webSettings(
    load({
      listeners: [{ protocol: "https", address: 443 }],
      backends: { one: { https: "https://10.0.0.11" } },
      routes: [{ source: "static", default: "one" }],
    }),
  );
  const secret = (file: string | undefined, shared = randomBytes(48)): string =>
    webSecret({ cookie: { ...cookie, keyFile: file === undefined ? undefined : join(folder, file) } }, shared).toString("hex");
  t.is(secret("key"), secret("key"));
  t.not(secret("key"), secret("other"));
  t.is(secret("key").length, 64);
  t.false(key.toString("hex").includes(secret("key")));
  const shared = randomBytes(48);
  t.is(secret(undefined, shared), secret(undefined, shared));
  t.not(secret(undefined), secret(undefined));
  for (const [file, reason] of [
    ["short", "has 31 bytes; it needs 32 or more random ones"],
    ["missing", "cannot be read"],
    [".", "is not a regular file"],
  ] as const)
    t.true(t.throws(() => secret(file))?.message.startsWith(`https.cookie.keyFile: ${join(folder, file)} ${reason}`), file);
});

test("web: a key of cookies that every user of the machine can read is warned of", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "postern-web-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const keyFile = join(folder, "key");
  writeFileSync(keyFile, randomBytes(64));
  const config = load({
    listeners: [{ protocol: "https", address: 443 }],
    backends: { one: { https: "https://10.0.0.11" } },
    routes: [{ source: "static", default: "one" }],
    https: { cookie: { keyFile } },
  });
  const found = (mode: number): string[] => {
    chmodSync(keyFile, mode);
    return webFindings(config, testAuthenticator({ check: () => Promise.reject(new Error("Nobody logs in")) })).map(
      ({ kind, path }) => `${kind} ${path}`,
    );
  };
  t.deepEqual(found(0o640), []);
  t.deepEqual(found(0o644), ["warning https.cookie.keyFile"]);
});

test("web: apps are told of the listeners that they can reach", (t) => {
  const config = load({
    listeners: [
      { protocol: "https", address: 443 },
      { protocol: "https", address: "127.0.0.1:8443" },
      { protocol: "http", address: "[::1]:80" },
      { protocol: "https", address: "unix:/run/postern/web.sock" },
      { protocol: "imap", address: "systemd:imaps", tls: "implicit" },
      { protocol: "imap", address: "192.0.2.1:143" },
    ],
    backends: { one: { https: "https://10.0.0.11", imap: "imaps://10.0.0.11" } },
    routes: [{ source: "static", default: "one" }],
  });
  t.deepEqual(endpointsOf(config), [
    { protocol: "https", port: 443, tls: "implicit" },
    { protocol: "imap", port: 993, tls: "implicit" },
    { protocol: "imap", port: 143, tls: "starttls" },
  ]);
});

test("web: TLS that is passed through needs no certificate and no route", async (t) => {
  const server = createTlsServer(certificate, (socket) => void socket.on("error", () => {}).end("inside"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => void server.close());
  const ports = await running(
    t,
    load({
      ...DRAIN,
      tls: {},
      listeners: [{ protocol: "passthrough", address: "127.0.0.1:0" }],
      backends: { inner: { passthrough: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` } },
      passthrough: { names: { localhost: "inner" } },
    }),
  );
  const client = connect({
    host: "127.0.0.1",
    port: ports.get("passthrough") ?? 0,
    servername: "localhost",
    ca: certificate.cert,
  });
  t.teardown(() => void client.destroy());
  t.is(Buffer.concat((await client.toArray()) as Buffer[]).toString(), "inside");
});
