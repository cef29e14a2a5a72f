// What tests of the edge defences share: the real program behind a balancer that tells any client's address, a DNS of the test's
// own, and backends that take everything and keep it.

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { serveDns, type DnsTable, type TestDns } from "@postern/testing";
import { Talk } from "./clients.ts";
import { startGateway, type Gateway, type Json } from "./gateway-process.ts";
import { FILES } from "./mailboxes.ts";

export interface Taken {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came, dots doubled. */
  readonly content: string;
}

/** A mail server that says yes to everything. */
export interface Sink {
  readonly port: number;
  readonly taken: readonly Taken[];
  stop(): Promise<void>;
}

export async function startSink(): Promise<Sink> {
  const taken: Taken[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    converse(socket, taken);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    taken,
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function converse(socket: Socket, taken: Taken[]): void {
  let text = "";
  let from = "";
  let to: string[] = [];
  let isContent = false;
  const next = (end: string): string | undefined => {
    const at = text.indexOf(end);
    if (at === -1) return undefined;
    const found = text.slice(0, at);
    text = text.slice(at + end.length);
    return found;
  };
  const command = (line: string): string => {
    const word = line.slice(0, 4).toUpperCase();
    const path = /<(.*)>/.exec(line)?.[1] ?? "";
    if (word === "EHLO") return "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8";
    if (word === "MAIL") [from, to] = [path, []];
    if (word === "RCPT") to.push(path);
    isContent = word === "DATA";
    return isContent ? "354 go on" : word === "QUIT" ? "221 2.0.0 bye" : "250 2.0.0 OK";
  };
  socket.write("220 sink ESMTP\r\n");
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    for (let part = next(isContent ? "\r\n.\r\n" : "\r\n"); part !== undefined; part = next(isContent ? "\r\n.\r\n" : "\r\n")) {
      if (isContent) taken.push({ from, to, content: `${part}\r\n` });
      const reply = isContent ? ((isContent = false), "250 2.0.0 taken") : command(part);
      socket.write(`${reply}\r\n`);
    }
  });
}

export interface Defences {
  readonly gateway: Gateway;
  readonly dns: TestDns;
  readonly sinks: Readonly<Record<string, Sink>>;
  /** A client that comes from there, and has not said hello. */
  from(host: string): Promise<Talk>;
  stop(): Promise<void>;
}

export async function startDefences(
  config: Json,
  options: { dns?: DnsTable; backends?: readonly string[]; routes?: Json[] } = {},
) {
  await using started = new AsyncDisposableStack();
  const keep = <T extends { stop(): Promise<unknown> }>(one: T): T =>
    started.adopt(one, async (it) => {
      await it.stop();
    });
  const dns = keep(await serveDns(options.dns ?? {}));
  const sinks: Record<string, Sink> = {};
  for (const name of options.backends ?? ["mbx1"]) sinks[name] = keep(await startSink());
  const { filters = {}, ...rest } = config as { filters?: Json };
  const gateway = keep(
    await startGateway({
      listeners: { smtp: { protocol: "smtp", tls: "none", proxyProtocol: { from: ["127.0.0.1/32"] } } },
      backends: Object.fromEntries(Object.entries(sinks).map(([name, { port }]) => [name, { smtp: `smtp://127.0.0.1:${port}` }])),
      routes: options.routes ?? [{ source: "static", domains: { "example.com": Object.keys(sinks)[0] } }],
      files: FILES,
      config: {
        mail: { domains: ["example.com"], trusted: ["10.0.5.0/24"] },
        ...rest,
        filters: { dns: { servers: [dns.address], timeout: "1500ms" }, ...filters },
      },
    }),
  );
  const all = started.move();
  const port = gateway.port("smtp");
  return {
    gateway,
    dns,
    sinks,
    from(host: string) {
      const family = host.includes(":") ? "TCP6" : "TCP4";
      const to = host.includes(":") ? "2001:db8::25" : "192.0.2.25";
      return Talk.open({ port, tls: false, prelude: `PROXY ${family} ${host} ${to} 4711 25\r\n` });
    },
    stop: () => all.disposeAsync(),
  };
}
