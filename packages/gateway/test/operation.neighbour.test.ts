// The real program as an administrator meets it: reload, goodbye, socket activation, unix sockets.

import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { ExecutionContext } from "ava";
import { freePorts } from "@postern/testing";
import { run, Talk } from "./clients.ts";
import { launch, POSTERN, startGateway } from "./gateway-process.ts";
import type { Gateway, GatewayOptions, Json } from "./gateway-process.ts";
import { ALICE, FILES, LISTENERS, plain, ROUTES, startMailboxes } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";
import { until } from "./until.ts";

let mailboxes: Mailboxes;

test.before(async () => {
  mailboxes = await startMailboxes();
});

test.after.always(() => mailboxes?.stop());

async function start(t: ExecutionContext, change: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const own = { listeners: LISTENERS, backends: mailboxes.backends, routes: ROUTES, files: FILES };
  const gateway = await startGateway({ ...own, ...change });
  t.teardown(() => gateway.stop());
  return gateway;
}

async function logIn(port: number): Promise<Talk> {
  const talk = await Talk.open({ port });
  await talk.ask(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, /^a OK.*\r\n/m);
  return talk;
}

test("operation: a reload opens new listeners, closes those that are gone, and leaves sessions alone", async (t) => {
  const [added = 0] = await freePorts(1);
  const gateway = await start(t);
  const old = await logIn(gateway.port("imaps"));
  const { imaps, ...others } = LISTENERS;
  await gateway.rewrite({ listeners: { ...others, added: { ...imaps, address: `127.0.0.1:${added}` } } });
  gateway.signal("SIGHUP");
  await gateway.logged({ message: "reloaded" });
  (await logIn(added)).close();
  await t.throwsAsync(Talk.open({ port: gateway.port("imaps") }), { message: /ECONNREFUSED/ });
  await old.ask("b NOOP\r\n", /^b OK.*\r\n/m);
  old.close();
});

test("operation: a bad configuration is refused with every problem, and the old one stays", async (t) => {
  const gateway = await start(t);
  const old = await logIn(gateway.port("imaps"));
  const bad = [
    "listeners:",
    "  - { protocol: imapp, address: 143 }",
    "backends:",
    "  mbx1: { imap: imapss://127.0.0.1:143 }",
    "limits: { login: { timeout: soon } }",
    "nonsense: 1",
    "",
  ].join("\n");
  await writeFile(gateway.config, bad);
  gateway.signal("SIGHUP");
  const { problems } = (await gateway.logged({ message: /not reloaded/ })) as { problems?: readonly string[] };
  for (const [place, words] of [
    ["2:17", /listeners\[0\]\.protocol/],
    ["4:17", /backends\.mbx1\.imap.*imapss/],
    ["5:29", /limits\.login\.timeout/],
    ["6:1", /nonsense/],
  ] as const) {
    const told = problems?.find((problem) => words.test(problem));
    t.true(told?.startsWith(`${gateway.config}:${place}: `), `${place} in ${problems?.join("\n")}`);
  }
  const check = await run(POSTERN, ["check", "--config", gateway.config]);
  t.is(check.code, 1);
  t.deepEqual(check.stderr.trim().split("\n"), problems);
  await old.ask("b NOOP\r\n", /^b OK.*\r\n/m);
  (await logIn(gateway.port("imaps"))).close();
  old.close();
});

test("operation: SIGTERM says goodbye in each protocol's words, and the process ends with exit code 0", async (t) => {
  const gateway = await start(t);
  const imap = await logIn(gateway.port("imaps"));
  await imap.ask("b SELECT INBOX\r\nc IDLE\r\n", /^\+ .*\r\n/m);
  const early = await Talk.open({ port: gateway.port("imaps") });
  await early.until(/\r\n/);
  const pop3 = await Talk.open({ port: gateway.port("pop3s") });
  await pop3.ask(`AUTH PLAIN ${plain(ALICE)}\r\n`, /\+OK.*\r\n\+OK.*\r\n/);
  gateway.signal("SIGTERM");
  t.regex(await imap.over(), /^\* BYE .*\r\n$/);
  t.regex(await early.over(), /^\* BYE .*\r\n$/);
  t.regex(await pop3.over(), /^-ERR .*\r\n$/);
  t.is(await gateway.ended(), 0);
  const drained = gateway.log().filter(({ ending }) => ending === "drained");
  t.is(drained.length, 3);
});

test("operation: while it drains, running sessions work and nobody new gets in", async (t) => {
  const gateway = await start(t, { config: { shutdown: { drain: "4s" } } });
  const talks: Talk[] = [];
  for (let count = 0; count < 4; count += 1) talks.push(await logIn(gateway.port("imaps")));
  gateway.signal("SIGTERM");
  await gateway.logged({ message: "stopping" });
  await until(
    () =>
      Talk.open({ port: gateway.port("imaps") }).then(
        (talk) => talk.close() as undefined,
        () => true,
      ),
    () => "the port to be closed",
  );
  // Goodbyes are spread over the drain time: the last session can still work.
  await talks.at(-1)?.ask("b NOOP\r\n", /^b OK.*\r\n/m);
  for (const talk of talks) t.regex(await talk.over(), /^\* BYE /m);
  t.is(await gateway.ended(), 0);
});

test("operation: a unix socket serves, is replaced after a crash, and is gone in the end", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "postern-unix-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "imap.sock");
  const listeners = { unix: { protocol: "imap", tls: "none", address: `unix:${path}` } };
  const crashed = await start(t, { listeners });
  crashed.signal("SIGKILL");
  await crashed.ended();
  t.deepEqual(await readdir(folder), ["imap.sock"]);
  for (const workers of [1, 2]) {
    const gateway = await start(t, { listeners, config: { workers } });
    const talk = await Talk.open({ path, tls: false });
    await talk.ask(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, /^a OK.*\r\n/m);
    talk.close();
    const line = await gateway.logged({ message: /^session ended/, user: ALICE });
    t.is(line["client"], "unix");
    t.is(await gateway.stop(), 0);
    t.deepEqual(await readdir(folder), []);
  }
});

for (const workers of [1, 2]) {
  test(`operation: sockets that systemd hands over are served, with ${workers} workers`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "postern-activation-"));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const [port = 0] = await freePorts(1);
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text, { mode: 0o600 });
    const config: Json = {
      workers,
      tls: { certificates: [{ cert: "server.pem", key: "server.key" }] },
      listeners: [{ protocol: "imap", tls: "implicit", address: "systemd:imaps" }],
      backends: mailboxes.backends,
      routes: ROUTES,
      limits: { login: { failureDelay: "0s" } },
      log: { format: "json" },
      shutdown: { drain: "500ms" },
    };
    await writeFile(join(folder, "postern.yaml"), JSON.stringify(config));
    const activate = ["systemd-socket-activate", "-l", `127.0.0.1:${port}`, "--fdname=imaps", POSTERN, "serve"];
    const gateway = launch([...activate, "--config", join(folder, "postern.yaml")]);
    t.teardown(() => gateway.stop());
    // The first client starts it, and is served.
    const first = await until(
      () => logIn(port).catch(() => undefined),
      () => gateway.written(),
      20_000,
    );
    await first.ask("b NOOP\r\n", /^b OK.*\r\n/m);
    for (let count = 0; count < 8; count += 1) (await logIn(port)).close();
    gateway.signal("SIGTERM");
    t.regex(await first.over(), /^\* BYE /m);
    t.is(await gateway.ended(), 0);
  });
}
