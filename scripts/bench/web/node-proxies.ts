// The Node proxies that Postern is compared with, as their documentation has them for this job: TLS in front, one backend,
// kept-alive connections to it.
// usage: node-proxies.ts fastify|http-proxy-3 FOLDER PORT BACKEND-PORT CERT KEY

import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import { createRequire } from "node:module";
import { createServer } from "node:https";
import { join } from "node:path";

const [kind, folder = "", port, backendPort, cert = "", key = ""] = process.argv.slice(2);
const load = createRequire(join(folder, "package.json"));
const tls = { cert: readFileSync(cert), key: readFileSync(key) };
const target = `http://127.0.0.1:${backendPort}`;

if (kind === "fastify") {
  const app = load("fastify")({ https: tls, bodyLimit: 10 ** 12 });
  app.register(load("@fastify/http-proxy"), { upstream: target, undici: { connections: 128, pipelining: 1 } });
  await app.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });
} else {
  const { createProxyServer } = load("http-proxy-3");
  const proxy = createProxyServer({ target, agent: new Agent({ keepAlive: true, maxSockets: 20_000 }) });
  proxy.on("error", () => {});
  createServer(tls, (request, response) => proxy.web(request, response)).listen(Number(port), "127.0.0.1", 4096);
}
