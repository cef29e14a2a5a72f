// Flags alone, and flags over a file.

import test from "ava";
import type { Config } from "./config.ts";
import { configFile } from "./command.ts";
import { fakeParts } from "./fake-parts.ts";
import type { Flags } from "./flags.ts";
import { loadConfig } from "./load.ts";

const FILE = `
hostname: file.example.com
workers: 2
tls: { minVersion: TLSv1.3, certificates: [{ cert: no-such.pem, key: no-such.key }] }
listeners: [{ protocol: imap, address: 143 }]
backends: { mbx1: { site: zurich, imap: imaps://10.0.0.11, pop3: pop3s://10.0.0.11 }, mbx2: { imap: imaps://10.0.0.12 } }
routes: [{ source: hash, backends: [mbx1, mbx2] }]
`;

function good(flags: Flags, text?: string): Config<typeof fakeParts> {
  const result = loadConfig({ text, flags, parts: fakeParts });
  if ("problems" in result) throw new Error(result.problems.join("\n"));
  return result.config;
}

function bad(flags: Flags, text?: string): readonly string[] {
  const result = loadConfig({ text, flags, parts: fakeParts });
  return "problems" in result ? result.problems : [];
}

const ALONE: Flags = {
  listeners: { imap: ["127.0.0.1:1143"], pop3s: ["1995"] },
  selfSigned: true,
  backend: ["mbx1=imaps://10.0.0.11", "mbx1=pop3+starttls://10.0.0.11", "mbx2=imaps://mbx2.example.com:1993"],
  route: ["alice@example.com=mbx2,mbx1", "@example.org=mbx2", "example.net=mbx1", "*@*.example.org=mbx2", "*=mbx1"],
  workers: "4",
  hostname: "flag.example.com",
};

test("flags: say everything without a file", (t) => {
  const config = good(ALONE);
  t.is(config.workers, 4);
  t.is(config.hostname, "flag.example.com");
  t.true(config.tls.selfSigned);
  t.deepEqual(
    config.listeners.map(({ protocol, address, tls }) => ({ protocol, address, tls })),
    [
      { protocol: "imap", address: { kind: "tcp", host: "127.0.0.1", port: 1143 }, tls: "starttls" },
      { protocol: "pop3", address: { kind: "tcp", host: undefined, port: 1995 }, tls: "implicit" },
    ],
  );
  t.deepEqual([...(config.backends.get("mbx1")?.keys() ?? [])], ["imap", "pop3"]);
  t.is(config.backends.get("mbx2")?.get("imap")?.port, 1993);
});

test("flags: a route pattern is a user, a domain, a wildcard or everybody", (t) => {
  const [source, ...others] = good(ALONE).routes;
  t.deepEqual(others, []);
  t.is(source?.source, "static");
  if (source?.source !== "static") return;
  t.deepEqual({ ...source.users }, { "alice@example.com": ["mbx2", "mbx1"] });
  t.deepEqual({ ...source.domains }, { "example.org": ["mbx2"], "example.net": ["mbx1"] });
  t.deepEqual({ ...source.wildcards }, { "*@*.example.org": ["mbx2"] });
  t.deepEqual(source.default, ["mbx1"]);
});

test("flags: win over the file", (t) => {
  const config = good(
    {
      listeners: { imaps: ["127.0.0.1:0"] },
      selfSigned: true,
      backend: ["mbx1=imap+starttls://10.0.0.99"],
      route: ["*=mbx2"],
      workers: "auto",
    },
    FILE,
  );
  t.is(config.workers, "auto");
  t.is(config.hostname, "file.example.com");
  t.is(config.listeners.length, 1);
  t.is(config.listeners[0]?.tls, "implicit");
  t.deepEqual([config.tls.minVersion, config.tls.certificates, config.tls.selfSigned], ["TLSv1.3", [], true]);
  const legs = config.backends.get("mbx1");
  t.is(legs?.get("imap")?.host, "10.0.0.99");
  t.is(legs?.get("imap")?.site, "zurich");
  t.is(legs?.get("pop3")?.host, "10.0.0.11");
  t.deepEqual(
    config.routes.map(({ source }) => source),
    ["static", "hash"],
  );
});

test("flags: a mistake is told by the flag's name", (t) => {
  const wrong = { ...ALONE, selfSigned: false };
  t.deepEqual(bad({ ...ALONE, workers: "0" }), ['--workers: must be auto or 1 to 256, not "0"']);
  t.deepEqual(bad({ ...ALONE, hostname: "a b" }), ['--hostname: must be a host name, not "a b"']);
  t.deepEqual(bad({ ...ALONE, listeners: { imap: ["::1:143"] } }), [
    '--imap: put the IPv6 address in brackets, as in [2001:db8::1]:143, not "::1:143"',
  ]);
  t.deepEqual(bad({ ...ALONE, backend: [...(ALONE.backend ?? []), "mbx3=imapss://10.0.0.1"] }), [
    '--backend: unknown scheme "imapss"; use imap, imap+starttls, imaps, pop3, pop3+starttls or pop3s',
  ]);
  t.deepEqual(bad({ ...ALONE, backend: [...(ALONE.backend ?? []), "mbx1=imaps://10.0.0.1"] }), [
    "--backend: mbx1 has two URLs for imap; keep one",
  ]);
  t.deepEqual(bad({ ...ALONE, route: ["*=mbx3"] }), ['--route: unknown backend "mbx3"; did you mean "mbx1"?']);
  t.deepEqual(bad({ ...ALONE, route: ["*="] }), ['--route: must be PATTERN=NAME[,NAME…], not "*="']);
  t.deepEqual(bad({ ...ALONE, route: ["*=mbx1", "*=mbx2"] }), [
    '--route: the pattern "*" is given twice; name all its backends at once, in order of preference',
  ]);
  t.deepEqual(bad({ ...wrong, pfx: import.meta.filename, cert: import.meta.filename }), [
    "--pfx: a PFX file holds certificate and key; give pfx, or cert and key, not both",
  ]);
});

test("flags: a protocol that this build lacks is told, once", (t) => {
  t.deepEqual(bad({ ...ALONE, listeners: { smtp: ["25"], submissions: ["465"] } }), [
    "--smtp: smtp is not in this build yet; it has imap and pop3",
    "--submissions: submissions is not in this build yet; it has imap and pop3",
  ]);
  t.deepEqual(bad({ ...ALONE, backend: [...(ALONE.backend ?? []), "mbx1=smtp+starttls://10.0.0.11"] }), [
    "--backend: smtp+starttls is not in this build yet; use imap, imap+starttls, imaps, pop3, pop3+starttls or pop3s",
  ]);
});

test("flags: a password in a backend's URL is refused and not repeated", (t) => {
  const backend = ["mbx1=imaps://alice:geheim@10.0.0.11", "imaps://alice:geheim@10.0.0.11"];
  const problems = bad({ ...ALONE, backend });
  t.true(problems.length > 0);
  t.false(problems.join("\n").includes("geheim"));
});

test("flags: nothing at all tells what is missing", (t) => {
  const problems = bad({});
  t.is(problems.length, 3);
  t.true(problems.every((line) => line.startsWith("command line: ")));
});

test("config file: what was asked for comes first, a listener flag does without, else the standard file counts", (t) => {
  const there = import.meta.filename;
  t.is(configFile("asked.yaml", {}, there), "asked.yaml");
  t.is(configFile(undefined, {}, there), there);
  t.is(configFile(undefined, { listeners: { imap: ["143"] } }, there), undefined);
  t.is(configFile(undefined, {}, `${there}.missing`), undefined);
});

test("flags: a URL whose scheme two protocols have is for the one with its port, or else with a listener", (t) => {
  const sharing = (name: string, port: number) => ({
    name,
    ports: { plain: port, implicit: 465 },
    schemes: { smtp: { tls: "none", port } } as const,
    settings: {},
  });
  const parts = { ...fakeParts, protocols: [sharing("submission", 587), sharing("smtp", 25)] };
  const legs = (listeners: Flags["listeners"], ...backend: string[]): readonly (readonly [string, number])[] => {
    const result = loadConfig({
      text: "mail: { domains: example.com }",
      flags: { listeners, backend, route: ["*=mx"], selfSigned: true },
      parts,
    });
    if ("problems" in result) throw new Error(result.problems.join("\n"));
    return [...(result.config.backends.get("mx") ?? [])].map(([name, { port }]) => [name, port] as const);
  };
  const both = { submission: ["127.0.0.1:587"], smtp: ["127.0.0.1:25"] };
  t.deepEqual(legs(both, "mx=smtp://127.0.0.1:25", "mx=smtp://127.0.0.1:587"), [
    ["submission", 587],
    ["smtp", 25],
  ]);
  t.deepEqual(legs({ smtp: ["127.0.0.1:25"] }, "mx=smtp://127.0.0.1:10025"), [["smtp", 10_025]]);
  t.deepEqual(legs(both, "mx=smtp://127.0.0.1"), [
    ["submission", 587],
    ["smtp", 25],
  ]);
});
