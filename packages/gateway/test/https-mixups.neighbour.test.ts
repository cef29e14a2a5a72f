// Users whose login belongs to their connection (NTLM, checked by Samba), users of Basic and nobody at all, interleaved in random
// orders through the real program on kept connections: each answer names the user of its own connection. ORDERS of them with
// logins that are passed through, FEWER with logins that the gateway checks. POSTERN_SEED repeats a run.

import test, { type ExecutionContext } from "ava";
import { serveRaw, startNtlmServer } from "@postern/testing";
import { succeed } from "./clients.ts";
import { Crowd, type Rules } from "./crowd.ts";
import { startGateway, type Gateway, type GatewayOptions } from "./gateway-process.ts";
import { FILES } from "./mailboxes.ts";
import { PASSWORD } from "./ntlm-web-client.ts";

const ORDERS = 10_000;
/** Enough for a second door, behind so many at the first. */
const FEWER = 2500;

/** One process: all of them meet in one pool. */
async function start(
  t: ExecutionContext,
  { config, ...rest }: Pick<GatewayOptions, "backends" | "routes"> & Partial<GatewayOptions>,
): Promise<Gateway> {
  t.timeout(300_000);
  const { https, ...more } = { https: {}, ...config };
  const gateway = await startGateway({
    listeners: { https: { protocol: "https", tls: "implicit" } },
    files: FILES,
    config: {
      workers: 1,
      https: { accessLog: "none", requestsPerUser: 0, ...https },
      limits: { connections: { perAddress: 0, perUser: 0 } },
      log: { level: "warn" },
      ...more,
    },
    ...rest,
  });
  t.teardown(() => gateway.stop());
  return gateway;
}

async function mingle(t: ExecutionContext, gateway: Gateway, orders: number, rules: Rules): Promise<void> {
  const crowd = new Crowd(rules);
  await crowd.run(gateway.port("https"), orders);
  t.log(`seed ${crowd.seed}`, crowd.counts);
  t.deepEqual(crowd.failures, [], `seed ${crowd.seed}`);
  for (const what of ["logins", "by connection", "as nobody", "basic", "left"])
    t.true((crowd.counts[what] ?? 0) > orders / 20, what);
}

test(`mix-ups, passed through: in ${ORDERS} random orders, every answer names the user of its own connection`, async (t) => {
  const servers = await Promise.all(["first", "second"].map((name) => startNtlmServer({ name, password: PASSWORD })));
  t.teardown(() => Promise.all(servers.map((server) => server.stop())));
  const [first, second] = servers.map(({ port }) => ({ https: `http://127.0.0.1:${port}` }));
  const homes: Readonly<Record<string, string>> = { carol: "first", dave: "second" };
  const gateway = await start(t, {
    backends: { first, second },
    routes: [{ source: "static", users: { "carol@example.com": "first", "dave@example.com": "second" } }],
  });
  await mingle(t, gateway, ORDERS, { where: "pass", basicOf: (user) => `${user} ${homes[user] ?? ""}` });
  const all = servers.flatMap(({ connections }) => connections);
  const withLogin = all.filter(({ logins }) => logins > 0);
  const shared = all.filter(({ owner, askers }) => owner === undefined && askers.size > 1);
  t.log(`${withLogin.length} backend connections with a login, ${shared.length} of several clients`);
  // A connection may have served others before; from the first word of a login on it serves one client.
  t.deepEqual(
    servers.flatMap(({ mixUps }) => mixUps),
    [],
  );
  t.true(withLogin.length > 200, "many connections were logged in on");
  t.true(shared.length > 20, "without a login they are shared");
});

test(`mix-ups, checked by the gateway: in ${FEWER} random orders, the backend is told the user of the connection`, async (t) => {
  const backend = await serveRaw((head, socket) => {
    const field = (name: string): string => new RegExp(`^${name}: *(.*)\\r$`, "im").exec(head)?.[1] ?? "";
    const order = field("x-do");
    if (order === "cut") return void socket.destroy();
    const text = `${field("x-remote-user").replace("@example.com", "")} told`;
    const closing = order === "close" ? "Connection: close\r\n" : "";
    socket.write(`HTTP/1.1 200 OK\r\n${closing}Content-Length: ${text.length}\r\n\r\n${text}`);
    if (order !== "") socket.end();
  });
  t.teardown(() => backend.stop());
  const hash = (await succeed("openssl", ["passwd", "-6", "-stdin"], { input: `${PASSWORD}\n` })).toString().trim();
  const command = ["ntlm_auth", "--helper-protocol=ntlm-server-1", `--password=${PASSWORD}`];
  const gateway = await start(t, {
    backends: { one: { https: { url: backend.origin, login: "xclient" } } },
    routes: [{ source: "static", default: "one" }],
    files: { ...FILES, users: ["carol", "dave"].map((user) => `${user}@example.com:${hash}\n`).join("") },
    config: {
      authentication: {
        verifiers: [
          { verifier: "ntlm", domains: { EXAMPLE: "example.com" }, command },
          { verifier: "file", path: "users" },
        ],
      },
      https: { defaultAuthentication: "edge" },
    },
  });
  await mingle(t, gateway, FEWER, { where: "edge", basicOf: (user) => `${user} told` });
});
