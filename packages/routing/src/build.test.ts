import test from "ava";
import { createAuthority } from "@postern/certs";
import { createFakeClock, testQuery } from "@postern/testing";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSources } from "./build.ts";
import { routeSettings } from "./settings.ts";
import type { HttpRouteValue, RouteValue } from "./settings.ts";
import { httpValue } from "../test/helpers.ts";

const context = { clock: createFakeClock(), hostname: "gate.example.com", defaultDomain: "example.com" };
const build = (...values: RouteValue[]) => buildSources(values, context);
const http =
  (url: string, more: Partial<HttpRouteValue> = {}) =>
  () =>
    build(httpValue([url], more));

test("route settings: every entry has a sentence", (t) => {
  const sentences: string[] = [];
  const walk = (setting: unknown): void => {
    if (typeof setting !== "object" || setting === null) return;
    if ("kind" in setting && "doc" in setting && typeof setting.doc === "string") sentences.push(setting.doc);
    for (const value of Object.values(setting)) walk(value);
  };
  walk(routeSettings);
  t.true(sentences.length > 30);
  for (const sentence of sentences) t.regex(sentence, /^[A-Z].{8,}/);
});

test("build: makes the sources in order, with the default domain", async (t) => {
  const sources = build(
    { source: "static", users: { alice: ["mbx1"] }, domains: {}, wildcards: {}, default: [] },
    httpValue(["http://127.0.0.1:9/auth?key=s3cret"]),
    httpValue(["http://user:s3cret@127.0.0.1:9/auth"], { dialect: "nginx" }),
    { source: "hash", backends: ["mbx1", "mbx2"], weights: { mbx2: 2 } },
  );
  t.deepEqual(
    sources.map(({ name, cacheable }) => [name, cacheable]),
    [
      ["static", true],
      ["http http://127.0.0.1:9/auth", true],
      ["http http://127.0.0.1:9/auth", false],
      ["hash", true],
    ],
  );
  t.is((await sources[0]?.find(testQuery("alice@example.com")))?.why, "users: alice@example.com");
  for (const source of sources) source.close();
});

test("build: refuses what contradicts itself, and says where", (t) => {
  const hash = { source: "hash", backends: [], weights: {} } as const;
  const first = { source: "static", users: {}, domains: {}, wildcards: {}, default: ["mbx1"] } as const;
  t.throws(() => build(first, hash), { message: "routes[1]: backends: name at least one" });
  t.throws(() => build(httpValue([])), { message: /url: name at least one server/ });
  t.throws(http("http://127.0.0.1/", { sendPassword: true, method: "GET" }), { message: /a URL is no place for a password/ });
  t.throws(http("http://127.0.0.1/", { sendPassword: true, dialect: "nginx" }), { message: /nginx always sends it/ });
  t.throws(http("http://127.0.0.1/", { passClientCertificate: true }), { message: /is for the nginx dialect/ });
});

test("build: passwords leave the machine in clear only when told so", (t) => {
  const far = "http://10.0.0.9/auth";
  t.throws(http(far, { dialect: "nginx" }), { message: /would get passwords in clear; use https:\/\/, or set allowPlaintext/ });
  t.throws(http(far, { sendPassword: true }), { message: /in clear/ });
  t.notThrows(http(far));
  t.notThrows(http(far, { dialect: "nginx", allowPlaintext: true }));
  t.notThrows(http("https://10.0.0.9/auth", { dialect: "nginx" }));
  t.notThrows(http("http://[::1]:9/auth", { dialect: "nginx" }));
  t.notThrows(http("unix:/run/auth.sock:/auth", { dialect: "nginx" }));
});

test("build: refuses headers that are none, or that the gateway sets itself", (t) => {
  const headers = (name: string, value = "x") => http("http://127.0.0.1/", { headers: { [name]: value } });
  t.notThrows(headers("X-Auth-Key"));
  t.throws(headers("X Auth"), { message: /routes\[0\]/ });
  t.throws(headers("X-Key", "a\r\nAuth-User: b"), { message: /Invalid character/ });
  for (const name of ["Auth-User", "auth-ssl", "Client-IP", "Host", "Content-Length", "Connection"]) {
    t.throws(headers(name), { message: /set by the gateway itself/ });
  }
});

test("build: reads the authorities from their file", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "postern-routing-"));
  const ca = join(folder, "ca.pem");
  await writeFile(ca, createAuthority("Test authority").cert);
  t.notThrows(http("https://127.0.0.1/", { tls: { ca, verify: true } }));
  t.throws(http("https://127.0.0.1/", { tls: { ca: `${ca}.missing`, verify: true } }), { message: /routes\[0\]: ENOENT/ });
  await rm(folder, { recursive: true });
});
