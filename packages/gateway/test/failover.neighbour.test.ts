// Backends that are dead, that hang, that die: the user gets in on the next candidate, after one dial time-out at most.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import test from "ava";
import type { ExecutionContext } from "ava";
import { freePorts, startDovecot } from "@postern/testing";
import { run, Talk } from "./clients.ts";
import { childrenOf, POSTERN, startGateway } from "./gateway-process.ts";
import type { Gateway, GatewayOptions, Json } from "./gateway-process.ts";
import { ALICE, FILES, PASSWORDS, plain, startMailboxes, WRONG } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";
import { until } from "./until.ts";

const DIAL_MS = 1000;

let mailboxes: Mailboxes;
let silent: Server;
let dropping: Server;
let hole: { readonly port: number; stop(): Promise<void> };
let dead: number;
let options: GatewayOptions;
let gateway: Gateway;

/** A port whose backlog is full: the system drops what else wants to connect, and connecting hangs. */
async function blackhole(): Promise<typeof hole> {
  const script =
    "import socket, sys\ns = socket.create_server(('127.0.0.1', 0), backlog=0)\nprint(s.getsockname()[1], flush=True)\nsys.stdin.read()";
  const child = spawn("python3", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(line.toString());
  const fillers: Socket[] = [];
  const fill = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1");
      fillers.push(socket);
      const hangs = setTimeout(() => resolve(true), 300);
      socket.on("error", () => {});
      socket.once("connect", () => {
        clearTimeout(hangs);
        resolve(false);
      });
    });
  for (let count = 0; count < 10 && !(await fill()); count += 1);
  return {
    port,
    async stop() {
      for (const socket of fillers) socket.destroy();
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

async function listening(onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onSocket).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

test.before(async () => {
  mailboxes = await startMailboxes();
  silent = await listening((socket) => socket.on("error", () => {}));
  dropping = await listening((socket) => socket.destroy());
  hole = await blackhole();
  [dead = 0] = await freePorts(1);
  const leg = (port: number): Json => ({
    imap: { url: `imap://127.0.0.1:${port}`, dialTimeout: `${DIAL_MS}ms`, replyTimeout: "2s" },
  });
  options = {
    listeners: { imaps: { protocol: "imap", tls: "implicit" } },
    backends: {
      dead: leg(dead),
      silent: leg(portOf(silent)),
      dropping: leg(portOf(dropping)),
      hole: leg(hole.port),
      ...mailboxes.backends,
    },
    routes: [{ source: "static", users: { [ALICE]: ["dead", "silent", "mbx1"] }, default: "mbx1" }],
    files: FILES,
    // Nothing is known of a backend until a session finds out.
    config: { health: { interval: "1h", fall: 100, fallClients: 1000 } },
  };
  gateway = await startGateway(options);
});

test.after.always(async () => {
  await gateway?.stop();
  await mailboxes?.stop();
  await hole?.stop();
  silent?.close();
  dropping?.close();
});

/** A gateway of its own with these candidates for alice. */
async function withCandidates(t: ExecutionContext, candidates: readonly string[], config: Json = {}): Promise<Gateway> {
  const own = await startGateway({
    ...options,
    routes: [{ source: "static", users: { [ALICE]: candidates } }],
    config: { ...options.config, ...config },
  });
  t.teardown(() => own.stop());
  return own;
}

async function login(to: Gateway, secret = PASSWORDS[ALICE]): Promise<string> {
  const talk = await Talk.open({ port: to.port("imaps") });
  const answer = await talk.ask(`a AUTHENTICATE PLAIN ${plain(ALICE, secret)}\r\n`, /^a .*\r\n/m);
  talk.close();
  return answer;
}

for (const [first, kind, reason] of [
  ["dead", "backend-unreachable", /ECONNREFUSED/],
  ["hole", "backend-unreachable", /no connection within 1000 ms/],
  ["silent", "backend-silent", /no greeting within 1000 ms/],
  ["dropping", "backend-lost", /./],
] as const) {
  test(`failover: a first candidate that is ${first} costs one dial time-out, and the user gets in on the next`, async (t) => {
    const own = await withCandidates(t, [first, "mbx1"]);
    t.regex(await login(own), /a OK/);
    const failed = own.log().filter(({ message }) => message === "backend failed");
    t.is(failed.length, 1);
    t.is(failed[0]?.["kind"], kind);
    t.regex(String(failed[0]?.["reason"]), reason);
    const line = await own.logged({ message: /^session ended/, user: ALICE });
    t.is(line["backend"], `mbx1 127.0.0.1:${mailboxes.mbx1.imapPort}`);
  });
}

test("failover: several bad candidates are passed over in their order", async (t) => {
  t.regex(await login(gateway), /a OK/);
  const tried = gateway.log().filter(({ message }) => message === "backend failed");
  t.deepEqual(
    tried.map(({ reason }) => String(reason).split(" ")[0]),
    ["dead", "silent"],
  );
});

test("failover: when the backend answers, its no is final", async (t) => {
  const own = await withCandidates(t, ["mbx1", "mbx2", "dead"]);
  t.regex(await login(own, WRONG), /a NO \[AUTHENTICATIONFAILED\]/);
  t.false(own.log().some(({ message }) => message === "backend failed"));
  t.notRegex(mailboxes.mbx2.log(), new RegExp(ALICE));
});

test("failover: with no backend alive the client is told UNAVAILABLE, and may try again", async (t) => {
  const own = await withCandidates(t, ["dead", "dropping"]);
  const talk = await Talk.open({ port: own.port("imaps") });
  for (const tag of ["a", "b"])
    t.regex(
      await talk.ask(`${tag} AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, new RegExp(`^${tag} .*\r\n`, "m")),
      / NO \[UNAVAILABLE\]/,
    );
  talk.close();
});

test("failover: a backend that probes found dead is not dialled at all", async (t) => {
  const own = await withCandidates(t, ["silent", "mbx1"], { health: { interval: "200ms", timeout: "200ms" } });
  await own.logged({ message: "A backend is down", leg: /^silent / });
  t.regex(await login(own), /a OK/);
  t.false(own.log().some(({ message }) => message === "backend failed"));
});

test("failover: a backend that dies takes its session along, cleanly, and the log says so", async (t) => {
  const own = await startDovecot({ users: { [ALICE]: PASSWORDS[ALICE] ?? "" } });
  t.teardown(() => own.stop());
  const front = await startGateway({
    ...options,
    backends: { mortal: { imap: `imap://127.0.0.1:${own.imapPort}` } },
    routes: [{ source: "static", default: "mortal" }],
  });
  t.teardown(() => front.stop());
  const talk = await Talk.open({ port: front.port("imaps") });
  await talk.ask(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\nb SELECT INBOX\r\n`, /^b OK.*\r\n/m);
  const serving = await until(
    () => childrenOf(own.pid).find((pid) => readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "imap"),
    () => "an imap process",
  );
  process.kill(serving, "SIGKILL");
  await talk.over();
  // TLS itself was closed: nobody has to wonder whether something is missing.
  t.is(talk.error, undefined);
  const line = await front.logged({ message: /^session ended/, user: ALICE, ending: /^backend-(closed|error)$/ });
  t.true(Number(line["bytesOut"]) > 0);
  t.is(line["failure"], undefined);
  // Dovecot's master starts another process: the same gateway goes on.
  t.regex(await login(front), /a OK/);
});

test("failover: postern route tells source, candidates, health and choice", async (t) => {
  const { code, stdout } = await run(POSTERN, ["route", "ALICE", "--json", "--protocol", "imap", "--config", gateway.config]);
  t.is(code, 0);
  const [told] = JSON.parse(stdout.toString()) as [Json & { candidates: readonly Json[] }];
  t.is(told["user"], ALICE);
  t.is(told["source"], "static");
  t.regex(String(told["why"]), /alice@example\.com/);
  t.deepEqual(
    told.candidates.map(({ backend, healthy }) => [backend, healthy]),
    [
      ["dead", false],
      ["silent", false],
      ["mbx1", true],
    ],
  );
  t.is(told["choice"], `mbx1 imap 127.0.0.1:${mailboxes.mbx1.imapPort}`);
  const text = (await run(POSTERN, ["route", ALICE, "--protocol", "imap", "--config", gateway.config])).stdout.toString();
  t.regex(text, /goes to mbx1 imap/);
  t.regex(text, /down dead imap .*ECONNREFUSED/);
});

test("failover: postern route says so, with exit code 1, when nobody knows the user", async (t) => {
  const own = await withCandidates(t, ["mbx1"]);
  const { code, stdout } = await run(POSTERN, ["route", "nobody", "--json", "--protocol", "imap", "--config", own.config]);
  t.is(code, 1);
  const [told] = JSON.parse(stdout.toString()) as [Json];
  t.is(told["choice"], undefined);
  t.truthy(told["problem"]);
});
