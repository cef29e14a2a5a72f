// A yardstick, not a product: the least that a TLS-terminating proxy in Node can do. Two listeners, one for each backend port:
//   node naive.ts CERT KEY PORT=BACKEND_PORT PORT=BACKEND_PORT:tls

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { connect as connectTls, createServer } from "node:tls";

const [cert = "", key = "", ...pairs] = process.argv.slice(2);
for (const pair of pairs) {
  const [, port, backendPort, tls] = /^(\d+)=(\d+)(:tls)?$/.exec(pair) ?? [];
  const to = { port: Number(backendPort), host: "127.0.0.1" };
  createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (client) => {
    const backend = tls === undefined ? connect(to) : connectTls({ ...to, rejectUnauthorized: false });
    backend.setNoDelay(true);
    client.setNoDelay(true);
    client.pipe(backend).pipe(client);
    for (const side of [client, backend]) {
      side.on("error", () => side.destroy());
      side.on("close", () => {
        client.destroy();
        backend.destroy();
      });
    }
  }).listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 });
}
