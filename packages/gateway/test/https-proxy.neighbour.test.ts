// The web side of the real program, with two workers, as curl sees it: nginx and a server of Node's behind it, HTTP/1.1 and
// HTTP/2 in front.

import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { serveRaw, startNginxWeb, type NginxWeb, type TestServer } from "@postern/testing";
import { run, Talk } from "./clients.ts";
import { POSTERN, startGateway, type Gateway } from "./gateway-process.ts";
import { startHaproxy } from "./haproxy.ts";
import { ALICE, BOB, CAROL, FILES } from "./mailboxes.ts";
import { as, basic, runCurl, type Told } from "./curl.ts";
import { seen, startNodeWeb, type Echo, type NodeWeb } from "./web.ts";

/** Its backend says what it was sent, byte for byte. */
const RAW = "raw@example.com";
const FILE = randomBytes(3_000_000);

let one: NginxWeb;
let two: NginxWeb;
let node: NodeWeb;
let raw: TestServer;
let gateway: Gateway;
/** What the raw backend was sent. */
const heads: string[] = [];

test.before(async () => {
  const files = { "file.bin": FILE, "text.txt": "text\n" };
  [one, two, node] = await Promise.all([
    startNginxWeb({ name: "one", files }),
    startNginxWeb({ name: "two", files }),
    startNodeWeb(),
  ]);
  raw = await serveRaw((head, socket) => {
    heads.push(head);
    socket.write("HTTP/1.1 200 Fine By Me\r\nx-ODD-case: Ä\r\nZ: 1\r\nA: 2\r\nz: 3\r\ncontent-LENGTH: 2\r\n\r\nok", "latin1");
  });
  const at = (port: number) => ({ https: `http://127.0.0.1:${port}` });
  gateway = await startGateway({
    listeners: {
      https: { protocol: "https", tls: "implicit" },
      http: { protocol: "http", proxyProtocol: { from: ["127.0.0.0/8"] } },
      behind: { protocol: "https", tls: "implicit", proxyProtocol: { from: ["127.0.0.0/8"] } },
    },
    backends: { one: at(one.port), two: at(two.port), node: at(node.port), raw: at(raw.port) },
    routes: [{ source: "static", users: { [ALICE]: "one", [BOB]: "two", [CAROL]: "node", [RAW]: "raw" } }],
    files: FILES,
    config: { workers: 2 },
  });
});

test.after.always(async () => {
  await gateway?.stop();
  await Promise.all([one?.stop(), two?.stop(), node?.stop(), raw?.stop()]);
});

const url = (path: string): string => `https://localhost:${gateway.port("https")}${path}`;
const get = (path: string, ...args: readonly string[]): Promise<Told> => runCurl(gateway, [...args, url(path)]);

for (const [version, flag] of [
  ["1.1", "--http1.1"],
  ["2", "--http2"],
] as const) {
  test(`HTTP/${version}: each user gets to their own server, by the name in Basic`, async (t) => {
    for (const [user, name] of [
      [ALICE, "one"],
      [BOB, "two"],
    ] as const) {
      const answer = await get("/who", flag, ...as(user));
      t.is(answer.version, version);
      t.like(answer, { status: 200, text: `${name}\n` });
      t.is(answer.field("x-node"), name);
    }
  });

  test(`HTTP/${version}: HEAD, 204, 304 and ranges are as nginx has them`, async (t) => {
    const head = await get("/file.bin", flag, "-I", ...as(ALICE));
    t.like(head, { status: 200, text: "" });
    t.is(head.field("content-length"), String(FILE.length));
    const nothing = await get("/nothing", flag, ...as(ALICE));
    t.like(nothing, { status: 204, text: "" });
    const again = await get("/file.bin", flag, "-H", `If-None-Match: ${head.field("etag") ?? ""}`, ...as(ALICE));
    t.like(again, { status: 304, text: "" });
    t.is(again.field("etag"), head.field("etag"));
    const part = await get("/file.bin", flag, "-r", "1000-1999", ...as(ALICE));
    t.is(part.status, 206);
    t.is(part.field("content-range"), `bytes 1000-1999/${FILE.length}`);
    t.true(part.bytes.equals(FILE.subarray(1000, 2000)));
    const parts = await get("/file.bin", flag, "-r", "0-9,20-29", ...as(ALICE));
    t.is(parts.status, 206);
    t.regex(parts.field("content-type") ?? "", /multipart\/byteranges/);
    t.true((await get("/file.bin", flag, ...as(ALICE))).bytes.equals(FILE));
  });

  test(`HTTP/${version}: uploads of known and of unknown length arrive whole`, async (t) => {
    const file = join(gateway.folder, `up-${version}`);
    await writeFile(file, FILE);
    for (const more of [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"], ["-H", "Expect:"]]) {
      const name = `/up/${randomBytes(6).toString("hex")}`;
      const put = await get(name, flag, "-T", file, ...more, ...as(BOB));
      t.is(put.status, 201, put.head + put.text);
      t.true((await get(name, flag, ...as(BOB))).bytes.equals(FILE), more.join(" "));
    }
  });

  test(`HTTP/${version}: a chunked answer with trailers comes whole`, async (t) => {
    const answer = await get("/chunked", flag, ...as(CAROL));
    t.like(answer, { status: 200, version });
    // curl shows trailers behind the body.
    t.regex(answer.text, /^one two three/);
    t.regex(answer.text + answer.head, /x-sum: ?3/i);
  });

  test(`HTTP/${version}: an answer before the end of the upload reaches the client`, async (t) => {
    const file = join(gateway.folder, `early-${version}`);
    await writeFile(file, FILE);
    const answer = await get("/early", flag, "-T", file, "-H", "Expect: 100-continue", ...as(CAROL));
    t.like(answer, { status: 413, text: "full" });
  });

  test(`HTTP/${version}: an Authorization of 60 kB gets through`, async (t) => {
    const password = "p".repeat(45_000);
    const config = join(gateway.folder, `long-${version}`);
    await writeFile(config, `user = "${CAROL}:${password}"\n`);
    const answer = await get("/echo", flag, "-K", config);
    t.is(answer.status, 200);
    t.deepEqual(seen(answer, "authorization"), [basic(CAROL, password)]);
  });

  test(`HTTP/${version}: what only a gateway may say is said by the gateway alone`, async (t) => {
    const forged = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: gopher", "X-Forwarded-Evil: 1", "Forwarded: for=6.6.6.6"];
    forged.push("X-Real-IP: 6.6.6.6", "X-Remote-User: root", "X-CommonAccessToken: T", "X-WebObjects-Remote-User: root");
    const answer = await get(
      "/echo",
      flag,
      "--interface",
      "127.0.0.5",
      ...forged.flatMap((field) => ["-H", field]),
      ...as(CAROL),
    );
    const port = gateway.port("https");
    t.notRegex(answer.text, /6\.6\.6\.6|gopher|root|evil|CommonAccessToken/i);
    t.deepEqual(seen(answer, "x-forwarded-for"), ["127.0.0.5"]);
    t.deepEqual(seen(answer, "x-forwarded-proto"), ["https"]);
    t.deepEqual(seen(answer, "x-forwarded-host"), [`localhost:${port}`]);
    t.deepEqual(seen(answer, "x-forwarded-port"), [String(port)]);
    t.deepEqual(seen(answer, "forwarded"), [`for=127.0.0.5;proto=https;host="localhost:${port}"`]);
    t.deepEqual(seen(answer, "x-real-ip"), ["127.0.0.5"]);
    t.deepEqual(seen(answer, "host"), [`localhost:${port}`]);
  });
}

test("100 Continue comes when the backend has said so, and the body goes then", async (t) => {
  const talk = await Talk.open({ port: gateway.port("https") });
  const head = `PUT /echo HTTP/1.1\r\nHost: mail\r\nAuthorization: ${basic(CAROL)}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`;
  await talk.ask(head, /HTTP\/1\.1 100 Continue\r\n\r\n/);
  t.regex(await talk.ask("hello", /"bytes":5.*\}/), /^HTTP\/1\.1 200 OK\r\n/);
  talk.close();
});

test("trailers of a request reach the backend", async (t) => {
  const talk = await Talk.open({ port: gateway.port("https") });
  const head = `POST /echo HTTP/1.1\r\nHost: mail\r\nAuthorization: ${basic(CAROL)}\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const answer = await talk.ask(`${head}5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n`, /\{.*\}/);
  const echo = JSON.parse(answer.slice(answer.indexOf("{"))) as Echo;
  t.is(echo.bytes, 5);
  t.deepEqual(echo.trailers, ["X-Sum", "5"]);
  talk.close();
});

test("case, order and repetition of fields stay as they were, both ways", async (t) => {
  const talk = await Talk.open({ port: gateway.port("https") });
  heads.length = 0;
  const login = `AUTHORIZATION: ${basic(RAW, "x")}`;
  const own = ["hOST: mail.example.com", "x-LOWER: 1", "Accept: */*", "X-Upper: 2", "x-lower: 3", login, "ACCEPT: text/plain"];
  const answer = await talk.ask(`GET /A%2fb?q=1&Q=2 HTTP/1.1\r\n${own.join("\r\n")}\r\n\r\n`, /\r\n\r\nok/);
  const head = heads[0] ?? "";
  t.true(head.startsWith(`GET /A%2fb?q=1&Q=2 HTTP/1.1\r\n${own.join("\r\n")}\r\n`), head);
  t.true(answer.startsWith("HTTP/1.1 200 Fine By Me\r\nx-ODD-case: Ä\r\nZ: 1\r\nA: 2\r\nz: 3\r\ncontent-LENGTH: 2\r\n"), answer);
  talk.close();
});

test("the http listener sends browsers from elsewhere to https, and takes no password of theirs", async (t) => {
  const ask = async (request: string): Promise<string> => {
    const prelude = "PROXY TCP4 192.0.2.7 192.0.2.1 40000 80\r\n";
    const talk = await Talk.open({ port: gateway.port("http"), tls: false, prelude });
    const answer = await talk.ask(
      `${request} HTTP/1.1\r\nHost: mail.example.com:80\r\nAuthorization: ${basic(ALICE)}\r\n\r\n`,
      /\r\n\r\n/,
    );
    talk.close();
    return answer;
  };
  t.regex(await ask("GET /owa/?a=b"), /^HTTP\/1\.1 308 [^]*^Location: https:\/\/mail\.example\.com\/owa\/\?a=b\r$/m);
  t.regex(await ask("GET /autodiscover/autodiscover.xml"), /^HTTP\/1\.1 302 /);
  t.regex(await ask("POST /ews/exchange.asmx"), /^HTTP\/1\.1 403 /);
});

test("behind a load balancer that says so by PROXY v2, backends are told of the real client", async (t) => {
  const haproxy = await startHaproxy([{ port: gateway.port("behind"), options: "send-proxy-v2" }]);
  t.teardown(() => haproxy.stop());
  const answer = await runCurl(gateway, [
    "--interface",
    "127.0.0.9",
    "-H",
    "X-Forwarded-For: 6.6.6.6",
    ...as(CAROL),
    `https://localhost:${haproxy.ports[0]}/echo`,
  ]);
  t.is(answer.status, 200);
  t.deepEqual(seen(answer, "x-real-ip"), ["127.0.0.9"]);
  await gateway.logged({ message: "request", client: "127.0.0.9", path: "/echo" });
});

test("the access log has a line for each request, without its query and its password", async (t) => {
  await get("/owa/x?secret=Query-geheim", "-A", "Agent", ...as(ALICE));
  const line = await gateway.logged({ message: "request", path: "/owa/x" });
  t.like(line, { method: "GET", user: ALICE, backend: "one", status: 404, service: "owa" });
  t.notRegex(gateway.written(), /Query-geheim/);
  t.false(gateway.written().includes(basic(ALICE).slice("Basic ".length)));
});

test("postern route tells where a user's web requests go", async (t) => {
  const { code, stdout, stderr } = await run(POSTERN, ["route", BOB, "--protocol", "https", "--config", gateway.config]);
  t.is(code, 0, stderr);
  t.regex(stdout.toString(), /\btwo\b/);
  t.notRegex(stdout.toString(), /\bone\b/);
});
