// Protocols that cannot have all of TLS's modes, that work by the legs of another one, or that ask no route source.

import test from "ava";
import type { Config } from "./config.ts";
import { fakeWebParts } from "./fake-parts.ts";
import type { Flags } from "./flags.ts";
import { loadConfig } from "./load.ts";

type Loaded = { readonly config: Config<typeof fakeWebParts>; readonly warnings: readonly string[] };

function load(text: string | undefined, flags: Flags = {}): Loaded {
  const result = loadConfig({ text, flags, parts: fakeWebParts });
  if ("problems" in result) throw new Error(result.problems.join("\n"));
  return result;
}

const TEXT = `
tls: { selfSigned: true }
listeners: [{ protocol: https, address: 8443 }, { protocol: http, address: 80 }]
backends: { mbx1: { https: https://10.0.0.11 } }
routes: [{ source: static, default: mbx1 }]
https: { idle: 90s }
`;

const modes = ({ config }: Loaded): readonly string[] => config.listeners.map(({ protocol, tls }) => `${protocol} ${tls}`);

test("web: a listener has the first of its protocol's TLS modes by itself, whatever its port is", (t) => {
  t.deepEqual(modes(load(TEXT)), ["https implicit", "http none"]);
  t.deepEqual(modes(load(TEXT.replace("address: 8443", "address: 8443, tls: none"))), ["https none", "http none"]);
});

test("web: a protocol that works by another one's legs has that one's settings too", (t) => {
  const { config } = load(TEXT);
  t.deepEqual(config.protocols["http"], { idle: 90_000, servers: [] });
  t.is(config.protocols["http"], config.protocols["https"]);
  t.deepEqual([...(config.backends.get("mbx1")?.keys() ?? [])], ["https"]);
});

test("web: who has no TLS to offer is not told to use it, who has is", (t) => {
  const warnings = (text: string): readonly string[] => load(text).warnings.filter((line) => !line.includes("selfSigned"));
  t.deepEqual(warnings(TEXT), []);
  t.deepEqual(warnings(TEXT.replace("address: 8443", "address: 8443, tls: none")), [
    "postern.yaml:3:52: listeners[0].tls: without TLS only this machine's own clients can log in; use implicit, or set allowPlaintext",
  ]);
});

test("web: flags alone say it all", (t) => {
  const loaded = load(undefined, {
    listeners: { https: ["127.0.0.1:8443"], http: ["127.0.0.1:8080"] },
    selfSigned: true,
    backend: ["a=http://127.0.0.1:8081", "b=https://10.0.0.12", "c=tcp://10.0.0.13"],
    route: ["*=a"],
  });
  t.deepEqual(modes(loaded), ["http none", "https implicit"]);
  const legs = ["a", "b", "c"].flatMap((name) => [...(loaded.config.backends.get(name)?.values() ?? [])]);
  t.deepEqual(
    legs.map(({ protocol, scheme, port }) => `${protocol} ${scheme} ${port}`),
    ["https http 8081", "https https 443", "tunnel tcp 443"],
  );
});

test("web: where no route source is asked none is needed, and not every backend has to be reached", (t) => {
  const text = `
listeners: [{ protocol: tunnel, address: 443 }]
backends: { mbx1: { tunnel: tcp://10.0.0.11 }, mbx2: { imap: imaps://10.0.0.12 } }
`;
  t.deepEqual(load(text).warnings, []);
  t.deepEqual(modes(load(text)), ["tunnel none"]);
});

test("web: a backend that no route source can lead to does not have to be reached for other protocols", (t) => {
  const more = (leg: string): string =>
    TEXT.replace("{ mbx1:", `{ tls1: { ${leg} }, mbx1:`).replace(
      "[{ protocol: https",
      "[{ protocol: tunnel, address: 443 }, { protocol: https",
    );
  const warnings = (text: string): readonly string[] => load(text).warnings.filter((line) => !line.includes("selfSigned"));
  t.deepEqual(warnings(more("tunnel: tcp://10.0.0.12")), []);
  t.deepEqual(warnings(more("tunnel: tcp://10.0.0.12, imap: imaps://10.0.0.12")), [
    "postern.yaml:4:19: backends.tls1: cannot be reached for https, though a listener speaks it; users there cannot use it",
  ]);
});

test("web: servers that a protocol's settings name hold nobody's mailbox, and where they are users' own need not serve it", (t) => {
  const text = (backends: string): string => `
tls: { selfSigned: true }
listeners: [{ protocol: https, address: 8443 }, { protocol: imap, address: 993 }]
backends: { web1: { https: https://10.0.0.12 }, mbx1: { imap: imaps://10.0.0.11 }${backends} }
routes: [{ source: static, default: mbx1 }]
https: { servers: [web1] }
`;
  const warnings = (yaml: string): readonly string[] => load(yaml).warnings.filter((line) => !line.includes("selfSigned"));
  t.deepEqual(warnings(text("")), []);
  t.deepEqual(warnings(text(", mbx2: { imap: imaps://10.0.0.13, https: https://10.0.0.13 }")), [
    "postern.yaml:4:55: backends.mbx1: cannot be reached for https, though a listener speaks it; users there cannot use it",
  ]);
});
