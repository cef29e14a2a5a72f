// Good configurations, flags over files, and what no input can do to the loader.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import * as fc from "fast-check";
import { RELAY } from "@postern/contracts";
import type { Config } from "./config.ts";
import { fakeParts } from "./fake-parts.ts";
import type { Flags } from "./flags.ts";
import { loadConfig } from "./load.ts";

type FakeConfig = Config<typeof fakeParts>;
const PEM = readFileSync(join(import.meta.dirname, "../bad-configs/files/ca.pem"), "utf8");

function good(text: string | undefined, flags: Flags = {}, file?: string): FakeConfig {
  const result = loadConfig({ text, flags, file, parts: fakeParts });
  if ("problems" in result) throw new Error(result.problems.join("\n"));
  return result.config;
}

function bad(text: string | undefined, flags: Flags = {}): readonly string[] {
  const result = loadConfig({ text, flags, parts: fakeParts });
  return "problems" in result ? result.problems : [];
}

const PLAIN = `
listeners: [{ protocol: imap, address: "127.0.0.1:0", tls: none }]
backends:
  mbx1: { site: zurich, imap: imaps://10.0.0.11 }
  mbx2: { imap: { url: "imap+starttls://[2001:db8::2]:1143", proxyHeader: v2, replyTimeout: 2s, tls: { serverName: mbx2.example.com } } }
routes:
  - { source: static, users: { alice@example.com: mbx1, bob@example.com: [mbx2, mbx1] } }
  - { source: hash, backends: [mbx1, mbx2] }
`;

test("load: fills in every default", (t) => {
  const config = good(PLAIN);
  t.is(config.workers, "auto");
  t.deepEqual(config.tls, {
    minVersion: "TLSv1.2",
    ciphers: undefined,
    certificates: [],
    selfSigned: false,
    clientCa: undefined,
    ticketKeyFile: undefined,
  });
  t.is(config.shutdown.drain, 30_000);
  t.is(config.limits.loginTime, 60_000);
  t.is(config.log.level, "info");
  t.deepEqual(config.protocols["imap"], { greeting: "Ready" });
  t.true(config.hostname.length > 0);
});

test("load: turns backends into legs", (t) => {
  const legs = good(PLAIN).backends.get("mbx2");
  t.deepEqual(legs?.get("imap"), {
    backend: "mbx2",
    site: undefined,
    protocol: "imap",
    scheme: "imap+starttls",
    host: "2001:db8::2",
    port: 1143,
    tls: "starttls",
    ca: undefined,
    verify: true,
    serverName: "mbx2.example.com",
    proxyHeader: "v2",
    forwardClient: true,
    allowPlaintext: false,
    login: RELAY,
    dialTimeoutMs: 3000,
    replyTimeoutMs: 2000,
  });
  const first = good(PLAIN).backends.get("mbx1")?.get("imap");
  t.deepEqual([first?.site, first?.port, first?.tls], ["zurich", 993, "implicit"]);
});

test("load: a single name is a list of one, and the order of a list is kept", (t) => {
  const [first] = good(PLAIN).routes;
  t.is(first?.source, "static");
  if (first?.source !== "static") return;
  t.deepEqual(first.users["alice@example.com"], ["mbx1"]);
  t.deepEqual(first.users["bob@example.com"], ["mbx2", "mbx1"]);
});

test("load: a dict knows no name that was not configured", (t) => {
  const [first] = good(PLAIN).routes;
  t.is(first?.source, "static");
  if (first?.source !== "static") return;
  for (const name of ["constructor", "__proto__", "toString"]) t.is(first.users[name], undefined);
});

test("load: a name with leading zeros keeps them", (t) => {
  t.is(good(PLAIN.replace("zurich", "0123")).backends.get("mbx1")?.get("imap")?.site, "0123");
});

test("load: nobody can change the result", (t) => {
  const config = good(PLAIN);
  t.throws(() => Object.assign(config, { hostname: "x" }), { instanceOf: TypeError });
  t.throws(() => Object.assign(config.routes[0] ?? {}, { source: "x" }), { instanceOf: TypeError });
  t.throws(() => (config.backends as Map<string, unknown>).set("x", 1), { instanceOf: TypeError });
  t.throws(() => Object.assign(config.backends.get("mbx1")?.get("imap") ?? {}, { host: "x" }), { instanceOf: TypeError });
});

test("load: tls is implicit on the protocol's own TLS port and starttls elsewhere", (t) => {
  const text = PLAIN.replace('"127.0.0.1:0", tls: none', '"127.0.0.1:993" }, { protocol: imap, address: 143');
  const config = good(text, { selfSigned: true });
  t.deepEqual(
    config.listeners.map(({ tls }) => tls),
    ["implicit", "starttls"],
  );
});

test("load: paths of the file start from its folder, those of flags from the working directory", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "postern-config-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "mail.pem"), PEM);
  writeFileSync(join(folder, "postern.yaml"), `${PLAIN}\ntls: { certificates: [{ cert: mail.pem, key: ./mail.pem }] }\n`);
  const file = join(folder, "postern.yaml");
  const [certificate] = good(undefined, {}, file).tls.certificates;
  t.deepEqual(certificate, { cert: join(folder, "mail.pem"), key: join(folder, "mail.pem") });
  const problems = bad(PLAIN, { cert: "no-such.pem", key: join(folder, "mail.pem") });
  t.deepEqual(problems, [`--cert: cannot read ${join(process.cwd(), "no-such.pem")}: no such file or directory`]);
});

test("load: a leg's authorities are read into it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "postern-config-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "ca.pem"), PEM);
  const leg = `{ url: imaps://10.0.0.11, tls: { ca: ca.pem } }`;
  writeFileSync(join(folder, "postern.yaml"), PLAIN.replace("imaps://10.0.0.11", leg));
  const config = good(undefined, {}, join(folder, "postern.yaml"));
  t.is(config.backends.get("mbx1")?.get("imap")?.ca, PEM);
});

test("load: a file that is not there, and one that is not UTF-8, are refused", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "postern-config-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const missing = loadConfig({ file: join(folder, "no.yaml"), parts: fakeParts });
  const place = `${join(folder, "no.yaml")}:1:1: file:`;
  t.deepEqual(missing, { problems: [`${place} cannot read ${join(folder, "no.yaml")}: no such file or directory`] });
  writeFileSync(join(folder, "latin1.yaml"), Buffer.from([0x61, 0x3a, 0x20, 0xe9]));
  const latin1 = loadConfig({ file: join(folder, "latin1.yaml"), parts: fakeParts });
  t.deepEqual(latin1, { problems: [`${join(folder, "latin1.yaml")}:1:1: file: is not UTF-8 text; save it as UTF-8`] });
});

test("load: a huge file is refused before it is parsed", (t) => {
  t.deepEqual(bad("#".repeat(5_000_000)), [
    "postern.yaml:1:1: yaml: the file is larger than 4 MB; keep large tables in a route source outside",
  ]);
});

test("load: brackets without end are refused", (t) => {
  const problems = bad(`limits: ${"[".repeat(20_000)}`);
  t.true(problems.some((line) => line.endsWith("yaml: nested too deeply")));
});

test("load: problems that are found later are told at the place of their path, or of what is around it", (t) => {
  const result = loadConfig({ text: PLAIN, flags: { hostname: "mail.example.com" }, parts: fakeParts });
  if ("problems" in result) return t.fail(result.problems.join("\n"));
  t.is(result.at("routes[1]", "is\nodd"), "postern.yaml:8:5: routes[1]: is\\u{a}odd");
  t.is(result.at("routes[1].weights.mbx1", "is odd"), "postern.yaml:8:5: routes[1].weights.mbx1: is odd");
  t.is(result.at("routes[1].backends[1]", "is odd"), "postern.yaml:8:38: routes[1].backends[1]: is odd");
  t.is(result.at("hostname", "is odd"), "--hostname: is odd");
  t.is(result.at("shutdown", "is odd"), "postern.yaml:2:1: shutdown: is odd");
});

test("load: warns of what works but should be looked at", (t) => {
  const text = PLAIN.replace("imaps://10.0.0.11", "{ url: imaps://10.0.0.11, tls: { verify: false } }");
  const result = loadConfig({ text, parts: fakeParts });
  t.deepEqual("warnings" in result && result.warnings, [
    "postern.yaml:4:72: backends.mbx1.imap.tls.verify: whoever sits in between can read along; better name the authority in ca",
  ]);
});

test("load: warns when a listener believes everybody", (t) => {
  const text = PLAIN.replace("tls: none", "tls: none, trust: 0.0.0.0/0, proxyProtocol: { from: [10.0.0.0/8, '::/0'] }");
  const result = loadConfig({ text, parts: fakeParts });
  const sentence = "covers every address, so any client may say that it is another; name the real networks";
  t.deepEqual("warnings" in result && result.warnings, [
    `postern.yaml:2:73: listeners[0].trust: ${sentence}`,
    `postern.yaml:2:107: listeners[0].proxyProtocol.from: ${sentence}`,
  ]);
});

test("load: any text at all gives problems with a place, or a configuration", (t) => {
  const place = /^postern\.yaml:[1-9]\d*:[1-9]\d*: [^\n]+: [^\n]+$/;
  const words = [
    "listeners",
    "backends",
    "routes",
    "tls",
    ": ",
    "- ",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!!str ",
    "'",
    '"',
  ];
  const noise = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: "binary" })), { maxLength: 30 });
  const check = (text: string): void => {
    const result = loadConfig({ text, parts: fakeParts });
    if ("config" in result) return;
    if (result.problems.length === 0 || !result.problems.every((line) => place.test(line)))
      throw new Error(JSON.stringify(result.problems));
  };
  fc.assert(fc.property(noise, (parts) => check(parts.join(""))));
  const section = fc.constantFrom("listeners", "backends", "routes", "tls", "limits", "imap", "workers", "hostname");
  fc.assert(fc.property(section, fc.json(), (name, json) => check(`${name}: ${json}\n`)));
  fc.assert(fc.property(fc.json(), (json) => check(PLAIN.replace("mbx1 }", json))));
  t.pass();
});

test("load: sections for mail that comes in, where no listener speaks its protocol, are told", (t) => {
  const config = `
tls: { selfSigned: true }
listeners: [{ protocol: imap, address: "127.0.0.1:143" }]
backends: { mbx1: { imap: imaps://10.0.0.11 } }
routes: [{ source: static, default: mbx1 }]
mail: { domains: [] }
rules: []
`;
  const result = loadConfig({ text: config, parts: fakeParts });
  t.deepEqual("warnings" in result ? result.warnings.slice(1) : result.problems, [
    "postern.yaml:6:7: mail: does nothing: no listener speaks smtp",
    "postern.yaml:7:8: rules: does nothing: no listener speaks smtp",
  ]);
});
