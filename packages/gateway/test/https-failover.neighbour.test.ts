// The web side of the real program when something happens to it: backends that end, hang or hang up, another node with the same
// key, a new configuration and SIGTERM under running requests.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { startNginxWeb, type NginxWeb } from "@postern/testing";
import { run } from "./clients.ts";
import { startGateway, type Gateway, type GatewayOptions, type Json } from "./gateway-process.ts";
import { ALICE, BOB, CAROL, FILES } from "./mailboxes.ts";
import { until } from "./until.ts";
import { as, runCurl, type Told } from "./curl.ts";
import { HALF, startNodeWeb, type NodeWeb } from "./web.ts";

const WAIT_MS = 60_000;
const PAGE = ["-H", "Accept: text/html,*/*;q=0.8"];

interface Scene {
  readonly one: NginxWeb;
  readonly two: NginxWeb;
  readonly node: NodeWeb;
  /** Requests that its /lost hung up on; /ews/silent never has an answer. */
  readonly lost: readonly string[];
  readonly gateway: Gateway;
  readonly get: (path: string, ...args: readonly string[]) => Promise<Told>;
}

const at = (port: number): Json => ({ https: `http://127.0.0.1:${port}` });
const ROUTES: readonly Json[] = [{ source: "static", users: { [ALICE]: ["one", "two"], [BOB]: "two", [CAROL]: "node" } }];

async function scene(t: ExecutionContext, change: Partial<GatewayOptions> = {}): Promise<Scene> {
  t.timeout(120_000);
  const [one, two] = await Promise.all([startNginxWeb({ name: "one" }), startNginxWeb({ name: "two" })]);
  t.teardown(() => Promise.all([one.stop(), two.stop()]));
  const lost: string[] = [];
  const node = await startNodeWeb({
    "/ews/silent": () => {},
    "/lost": ({ method = "", socket }) => {
      lost.push(method);
      socket.destroy();
    },
  });
  t.teardown(() => node.stop());
  const { config, ...rest } = change;
  const gateway = await startGateway({
    listeners: { https: { protocol: "https", tls: "implicit" } },
    backends: { one: at(one.port), two: at(two.port), node: at(node.port) },
    routes: ROUTES,
    files: FILES,
    config: { workers: 2, health: { interval: "200ms", timeout: "200ms", rise: 1, fall: 1 }, ...config },
    ...rest,
  });
  t.teardown(() => gateway.stop());
  return { one, two, node, lost, gateway, get: (path, ...args) => getFrom(gateway, path, ...args) };
}

const getFrom = (gateway: Gateway, path: string, ...args: readonly string[]): Promise<Told> =>
  runCurl(gateway, [...args, `https://localhost:${gateway.port("https")}${path}`]);

const status = async (asked: Promise<Told>, wanted: number): Promise<Told | undefined> => {
  const answer = await asked;
  return answer.status === wanted ? answer : undefined;
};

test("a backend that has ended costs nobody anything where there is another; where there is none, each hears it in their way", async (t) => {
  const { one, two, get } = await scene(t);
  t.is((await get("/who", ...as(ALICE))).text, "one\n");
  await one.end();
  for (let count = 0; count < 4; count += 1) t.is((await get("/who", ...as(ALICE))).text, "two\n");
  await two.end();
  const program = await get("/ews/exchange.asmx", "-d", "x", ...as(ALICE));
  t.is(program.status, 503);
  t.true(Number(program.field("retry-after")) >= 5, program.head);
  t.regex(program.field("content-type") ?? "", /^text\/plain/);
  const phone = await get("/Microsoft-Server-ActiveSync?Cmd=Ping", "-d", "x", ...as(BOB));
  t.is(phone.status, 503);
  t.true(Number(phone.field("retry-after")) >= 5);
  const page = await get("/owa/", ...PAGE, ...as(ALICE));
  t.is(page.status, 503);
  t.regex(page.field("content-type") ?? "", /^text\/html/);
  t.regex(page.text, /<html/);
  t.notRegex(page.text, /127\.0\.0\.1|\bone\b|\btwo\b/);
  await two.again();
  await until(
    () => status(get("/who", ...as(ALICE)), 200),
    () => "the second backend to serve again",
    WAIT_MS,
  );
});

test("health pages follow the backends", async (t) => {
  const { one, two, node, get } = await scene(t);
  const page = (): Promise<Told> => get("/owa/healthcheck.htm");
  const well = await until(
    () => status(page(), 200),
    () => "200",
    WAIT_MS,
  );
  t.true(well.text.startsWith("200 OK"));
  await Promise.all([one.end(), two.end(), node.stop()]);
  await until(
    () => status(page(), 503),
    () => "503",
    WAIT_MS,
  );
  await two.again();
  await until(
    () => status(page(), 200),
    () => "200 again",
    WAIT_MS,
  );
  t.notRegex(one.log() + two.log(), /healthcheck/);
});

test("a backend that hangs up is 502, one that says nothing 504, and one that hangs up within its answer ends the answer", async (t) => {
  const { node, lost, gateway, get } = await scene(t, { config: { https: { services: { ews: { idle: "1s" } } } } });
  const gone = await get("/lost", "-d", "x", ...as(CAROL));
  t.is(gone.status, 502);
  t.not(gone.field("retry-after"), undefined);
  t.deepEqual(lost, ["POST"], "what may have been done is not done twice");
  const silent = await get("/ews/silent", "-d", "x", ...as(CAROL));
  t.is(silent.status, 504);
  for (const flag of ["--http1.1", "--http2"]) {
    const [url, ca] = [`https://localhost:${gateway.port("https")}/gate`, join(gateway.folder, "ca.pem")];
    const asking = run("curl", ["-sS", flag, "--cacert", ca, ...as(CAROL), url]);
    await until(
      () => node.held[0],
      () => "the request",
      WAIT_MS,
    );
    for (const answer of node.held.slice()) answer.destroy();
    node.release();
    const { code, stdout } = await asking;
    t.not(code, 0);
    t.true(stdout.length <= HALF.length);
  }
});

test("any node serves any request: a cookie of one leads to the same backend at another that has the same key", async (t) => {
  const key = randomBytes(32);
  const options = { files: { ...FILES, "cookie.key": key }, config: { https: { cookie: { keyFile: "cookie.key" } } } };
  const first = await scene(t, options);
  const backends = { one: at(first.one.port), two: at(first.two.port), node: at(first.node.port) };
  const other = (files: GatewayOptions["files"] = options.files): Promise<Gateway> =>
    startGateway({
      listeners: { https: { protocol: "https", tls: "implicit" } },
      backends,
      routes: ROUTES,
      ...options,
      files: files ?? {},
    });
  const [same, stranger] = await Promise.all([other(), other({ ...FILES, "cookie.key": randomBytes(32) })]);
  t.teardown(() => Promise.all([same.stop(), stranger.stop()]));
  // Who is not known gets any backend, by the address.
  const from = (last: number): readonly string[] => ["--interface", `127.0.2.${last}`];
  const answer = await first.get("/who", ...from(1));
  const cookie = /^postern=[^;]+/.exec(answer.field("set-cookie") ?? "")?.[0] ?? "";
  t.not(cookie, "", answer.head);
  const names = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => (await getFrom(same, "/who", ...from(index))).text),
  );
  const elsewhere = names.findIndex((name) => name !== answer.text);
  t.true(elsewhere >= 0, names.join(""));
  for (const gateway of [first.gateway, same]) {
    const again = await getFrom(gateway, "/who", ...from(elsewhere), "-b", cookie);
    t.is(again.text, answer.text);
    t.is(again.field("set-cookie"), undefined);
  }
  const unknown = await getFrom(stranger, "/who", ...from(elsewhere), "-b", cookie);
  t.is(unknown.text, names[elsewhere] ?? "");
  t.not(unknown.field("set-cookie"), undefined);
});

test("a reload leaves running requests alone, and the next ones go by the new configuration", async (t) => {
  const { node, gateway, get } = await scene(t);
  for (const flag of ["--http1.1", "--http2"]) {
    const running = get("/gate", flag, ...as(CAROL));
    await until(
      () => node.held[0],
      () => "the request",
      WAIT_MS,
    );
    const reloads = (): number => gateway.log().filter(({ message }) => message === "reloaded").length;
    const before = reloads();
    await gateway.rewrite({ routes: [{ source: "static", default: flag === "--http2" ? "one" : "two" }] });
    gateway.signal("SIGHUP");
    await until(
      () => reloads() > before || undefined,
      () => gateway.written(),
      WAIT_MS,
    );
    const next = await get("/who", ...as(CAROL));
    t.is(next.text, flag === "--http2" ? "one\n" : "two\n");
    node.release();
    t.is((await running).text.length, 2 * HALF.length);
    await gateway.rewrite({});
    gateway.signal("SIGHUP");
    await until(
      () => reloads() > before + 1 || undefined,
      () => gateway.written(),
      WAIT_MS,
    );
  }
});

test("SIGTERM: downloads that run are finished, nobody else is let in, and the program ends with 0", async (t) => {
  const { node, gateway, get } = await scene(t, { config: { shutdown: { drain: "60s" } } });
  const running = ["--http1.1", "--http2"].map((flag) => get("/gate", flag, ...as(CAROL)));
  await until(
    () => node.held[1],
    () => "both requests",
    WAIT_MS,
  );
  gateway.signal("SIGTERM");
  await until(
    async () => ((await run("curl", ["-sk", `https://localhost:${gateway.port("https")}/`])).code === 0 ? undefined : true),
    () => "the listener to close",
    WAIT_MS,
  );
  node.release();
  for (const answer of await Promise.all(running)) {
    t.is(answer.status, 200);
    t.is(answer.text.length, 2 * HALF.length);
  }
  t.is(await gateway.ended(), 0);
});
