import { Failure } from "@postern/contracts";
import test from "ava";
import * as fc from "fast-check";
import type { Service } from "../parts.ts";
import type { HttpsSettings } from "../settings.ts";
import { createServices } from "./services.ts";
import { SERVICES } from "./table.ts";

type ServiceSettings = HttpsSettings["services"][string];

const NOTHING: ServiceSettings = {
  paths: [],
  hosts: [],
  backends: [],
  authentication: undefined,
  idle: undefined,
  maxBody: undefined,
  affinity: undefined,
  answeredBy: undefined,
};

const built = (services: Record<string, Partial<ServiceSettings>> = {}, defaultAuthentication: "pass" | "edge" = "pass") =>
  createServices({
    services: Object.fromEntries(Object.entries(services).map(([name, one]) => [name, { ...NOTHING, ...one }])),
    defaultAuthentication,
  });

const HOST = "mail.example.com";
const standard = built();
const nameAt = (target: string): string => standard.find(HOST, target).name;
const named = (name: string, services = standard): Service => {
  const found = services.all.find((service) => service.name === name);
  if (found === undefined) throw new Error(`There is no service ${name}`);
  return found;
};

const TARGETS: readonly (readonly [target: string, service: string])[] = [
  ["/owa", "owa"],
  ["/owa/", "owa"],
  ["/OWA/ev.owa2?ns=PendingRequest", "owa"],
  ["/owa?x=/../ecp", "owa"],
  ["/owa/%61uth", "owa"],
  ["/owa/alice%40example.com/", "owa"],
  ["/owax", "other"],
  ["/ow", "other"],
  ["/ecp/x", "ecp"],
  ["/EWS/Exchange.asmx", "ews"],
  ["/OAB/1/oab.xml", "oab"],
  ["/mapi/emsmdb/?MailboxId=1@example.com", "mapi"],
  ["/mapi/nspi/", "mapi"],
  ["/mapi", "mapi"],
  ["/Microsoft-Server-ActiveSync?Cmd=Sync", "activesync"],
  ["/Autodiscover/Autodiscover.xml", "autodiscover"],
  ["/autodiscover/autodiscover.json?Email=a@b", "autodiscover"],
  ["/mail/config-v1.1.xml?emailaddress=a@b", "autoconfig"],
  ["/.well-known/autoconfig/mail/config-v1.1.xml", "autoconfig"],
  ["/mail/", "webmail"],
  ["/mobileconfig", "mobileconfig"],
  ["/PowerShell/", "powershell"],
  ["/api/v2.0/me", "api"],
  ["/rpc/rpcproxy.dll", "rpc"],
  ["/.well-known/jmap", "jmap"],
  ["/jmap/eventsource/?types=*", "jmap"],
  ["/.well-known/caldav", "dav"],
  ["/.well-known/carddav", "dav"],
  ["/dav/alice/a%2Fb.ics", "dav"],
  ["/dav//alice/", "dav"],
  ["/dav/a;b=c/d", "dav"],
  ["/SOGo/dav/alice/", "dav"],
  ["/SOGo/so/alice", "webmail"],
  ["/remote.php/dav/x", "dav"],
  ["/remote.php/webdav", "other"],
  ["/roundcube/?_task=mail", "webmail"],
  ["/.well-known/acme-challenge/x", "other"],
  ["/", "other"],
  ["*", "other"],
];

for (const [target, service] of TARGETS) test(`services: ${target} is ${service}`, (t) => t.is(nameAt(target), service));

/** Some server would go elsewhere with each of these. */
const HOSTILE = [
  "/owa/../ecp",
  "/owa/./x",
  "/..",
  "/.",
  "/owa/..",
  "/owa/%2e%2e/ecp",
  "/owa/.%2E/ecp",
  "/owa/%252e%252e/ecp",
  "/owa/..;/ecp",
  "/owa/..;x=1/ecp",
  "/owa/..%3b/ecp",
  "/owa/..\\ecp",
  "/owa/..%5cecp",
  "/owa/..%2fecp",
  "/owa/..%252fecp",
  "/owa/%20../ecp",
  "/owa/..%20/ecp",
  "/owa/..%09/ecp",
  "/owa/;/../ecp",
  "/owa;/../ecp",
  "//owa/",
  "/%6fwa/auth",
  "/\\owa",
  "/%2fowa",
  "/%5cowa",
  "/owa%2fx",
  "/owa%5cx",
  "/owa%252fx",
  "/owa%3fx",
  "/owa%23x",
  "/owa%253f",
  "/%EF%BC%AF%EF%BC%B7%EF%BC%A1/",
  "/owa%EF%BC%8Fx",
  "/ow%C2%AA/x",
  "/%EF%BC%8Fowa/x",
  "/owa\\x",
  "/owa;x=1/y",
  "/owa;x",
  "/;x/owa",
  "/owa%3bx/y",
  "/owa%00/x",
  "/x%2500",
  "/%25%36%66wa",
  "/%",
  "/a%2",
  "/a%zz",
  "/%u006fwa",
  "/mail/%2fconfig-v1.1.xml",
  "/mail/x;/config-v1.1.xml%2f..",
];

for (const target of HOSTILE)
  test(`services: ${target} is refused`, (t) => {
    const error = t.throws(() => standard.find(HOST, target), { instanceOf: Failure });
    t.is(error?.kind, "syntax");
    t.false(error?.message.includes("owa"), "the reason quotes nothing");
  });

/** How servers read a path, each in its own way. */
const once = (path: string): string =>
  path.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
const resolved = (path: string): string => {
  const out: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") out.pop();
    else if (segment !== "" && segment !== ".") out.push(segment);
  }
  return `/${out.join("/")}`;
};
const SERVERS: readonly ((path: string) => string)[] = [
  resolved,
  (path) => resolved(once(path)),
  (path) => resolved(once(once(path))),
  (path) => resolved(once(path).replaceAll("\\", "/")),
  (path) => resolved(once(path).replaceAll(/;[^/]*/g, "")),
  (path) => resolved(once(path.replaceAll(/;[^/]*/g, ""))),
  (path) => once(path).replaceAll("\\", "/").replaceAll(/\/+/g, "/"),
];

const hostilePath = fc
  .array(
    fc.constantFrom(
      "/",
      "/",
      "owa",
      "ecp",
      "dav",
      "x",
      ".",
      "..",
      "%2e",
      "%2F",
      "%5c",
      "\\",
      ";",
      ";a",
      "%3b",
      "%25",
      "2e",
      "2f",
      "%6f",
      "wa",
    ),
    { maxLength: 12 },
  )
  .map((pieces) => `/${pieces.join("")}`);

test("services: whatever way a server reads a path that is taken, it is of the service that was found", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(hostilePath, (path) => {
        let found: Service;
        try {
          found = standard.find(HOST, path);
        } catch (error) {
          return error instanceof Failure && error.kind === "syntax";
        }
        return SERVERS.every((read) => {
          const lower = read(path).toLowerCase();
          const folder = ["owa", "ecp", "dav"].find((name) => lower === `/${name}` || lower.startsWith(`/${name}/`)) ?? "other";
          return folder === found.name;
        });
      }),
      { numRuns: 5000 },
    ),
  );
});

test("services: any target has a service, or is refused", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", maxLength: 60 }), (text) => {
        try {
          return standard.all.includes(standard.find(HOST, `/${text}`));
        } catch (error) {
          return error instanceof Failure;
        }
      }),
      { numRuns: 2000 },
    ),
  );
});

test("services: a very long path takes time linear in its length", (t) => {
  t.is(nameAt(`/x${"/%2f;\\".repeat(30_000)}`), "other");
  t.throws(() => nameAt(`/x${"%25".repeat(1000)}${"25".repeat(1000)}`), { message: /too many/ });
});

test("services: a service for hosts takes all of theirs, and others none of it", (t) => {
  const services = built({
    hooks: { hosts: ["hooks.example.com"] },
    all: { hosts: ["*.example.com"], paths: ["/all"] },
    deep: { hosts: ["*.web.example.com"] },
  });
  const at = (host: string, target: string): string => services.find(host, target).name;
  t.is(at("hooks.example.com", "/owa/"), "hooks");
  t.is(at("hooks.example.com.", "/owa/"), "hooks");
  t.is(at("hooks.example.com", "/all/x"), "hooks", "a whole name beats a pattern");
  t.is(at("a.web.example.com", "/all/x"), "deep", "a longer pattern beats a shorter one");
  t.is(at("mail.example.com", "/all/x"), "all");
  t.is(at("mail.example.com", "/owa/"), "owa");
  t.is(at("example.com", "/all/x"), "other", "a pattern is for names below");
  t.is(at("hooks.example.org", "/"), "other");
  t.is(at("", "/owa"), "owa");
});

test("services: the longest folder decides, and the configuration's before the table's", (t) => {
  const services = built({
    webmail: { backends: ["web1"] },
    cube: { paths: ["/RoundCube/", "/mail/new"], backends: ["web2"] },
  });
  t.deepEqual(services.find(HOST, "/roundcube/x").backends, ["web2"]);
  t.is(services.find(HOST, "/mail/new/1").name, "cube");
  t.is(services.find(HOST, "/mail/newer").name, "webmail");
  t.deepEqual(services.find(HOST, "/mail").backends, ["web1"]);
});

test("services: what the configuration says of a service changes that, and nothing else", (t) => {
  const services = built({
    ews: { idle: 1000, maxBody: 5, affinity: "off", authentication: "edge" },
    autodiscover: { answeredBy: "gateway" },
    extra: { paths: ["/x"] },
  });
  const { idleMs, maxBody, hasAffinity, authentication, ...rest } = named("ews", services);
  t.deepEqual([idleMs, maxBody, hasAffinity, authentication], [1000, 5, false, "edge"]);
  const { idleMs: _i, maxBody: _m, hasAffinity: _h, authentication: _a, ...before } = named("ews");
  t.deepEqual(rest, before);
  t.deepEqual(named("autodiscover", services).own, { kind: "autodiscover", when: "gateway" });
  t.deepEqual({ ...named("extra", services), name: "other", paths: ["/"] }, named("other"));
});

test("services: the default authentication is for all but what answers without a login", (t) => {
  const services = built({ owa: { authentication: "forms" } }, "edge");
  const pass = services.all.filter(({ authentication }) => authentication === "pass").map(({ name }) => name);
  t.deepEqual(pass, ["autoconfig", "mobileconfig"]);
  t.is(named("owa", services).authentication, "forms");
});

test("services: the table's paths are in small letters, of one service each, and every service has a name of its own", (t) => {
  const paths = SERVICES.flatMap((row) => row.paths);
  t.is(new Set(paths).size, paths.length);
  t.is(new Set(SERVICES.map(({ name }) => name)).size, SERVICES.length);
  for (const path of paths) t.regex(path, /^\/([a-z0-9.-]+(\/[a-z0-9.-]+)*)?$/);
});

test("services: only where it does no harm has a user without a mailbox any backend", (t) => {
  const names = SERVICES.filter(({ isForAnybody }) => isForAnybody).map(({ name }) => name);
  t.deepEqual(names, ["ecp", "ews", "autodiscover", "autoconfig", "mobileconfig", "rpc", "powershell", "api"]);
});

test("services: polls are held as long as their protocols say", (t) => {
  const least: Record<string, number> = { activesync: 60, ews: 30, mapi: 6, owa: 15, jmap: 60 };
  for (const [name, minutes] of Object.entries(least)) t.true(named(name).idleMs > minutes * 60_000, name);
});
