// Addresses, near words, the settings page and the schema.

import test from "ava";
import * as fc from "fast-check";
import { setting } from "@postern/contracts";
import { listenAddressText, parseListenAddress } from "./address.ts";
import { parseBackendUrl } from "./backend-url.ts";
import { settingsPage } from "./describe.ts";
import { fakeParts } from "./fake-parts.ts";
import { deepFreeze } from "./freeze.ts";
import { rootSettings } from "./root.ts";
import { settingsSchema } from "./schema.ts";
import { editDistance, nearest } from "./words.ts";

test("address: reads ports, hosts, sockets and systemd names", (t) => {
  const read = (text: string | number): unknown => {
    const parsed = parseListenAddress(text);
    return "value" in parsed ? parsed.value : parsed.problem;
  };
  t.deepEqual(read(143), { kind: "tcp", host: undefined, port: 143 });
  t.deepEqual(read("*:143"), { kind: "tcp", host: undefined, port: 143 });
  t.deepEqual(read("localhost:0"), { kind: "tcp", host: "localhost", port: 0 });
  t.deepEqual(read("[::1]:993"), { kind: "tcp", host: "::1", port: 993 });
  t.deepEqual(read("unix:/run/postern/imap.sock"), { kind: "unix", path: "/run/postern/imap.sock" });
  t.deepEqual(read("systemd:imap"), { kind: "systemd", name: "imap" });
});

test("address: no text makes the parser throw, and what it reads can be read again", (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.ipV4(),
        fc.ipV6(),
        fc.tuple(fc.ipV6(), fc.nat(70_000)).map(([ip, port]) => `[${ip}]:${port}`),
      ),
      (text) => {
        const parsed = parseListenAddress(text);
        if ("problem" in parsed) return parsed.problem.length > 0;
        const again = parseListenAddress(listenAddressText(parsed.value));
        return "value" in again && listenAddressText(again.value) === listenAddressText(parsed.value);
      },
    ),
  );
  t.pass();
});

test("backend URL: takes the scheme's port and TLS when the URL has no port", (t) => {
  const schemes = fakeParts.protocols[0]?.schemes ?? {};
  t.deepEqual(parseBackendUrl("IMAPS://mbx1.example.com/", schemes), {
    value: { scheme: "imaps", host: "mbx1.example.com", port: 993, tls: "implicit" },
  });
  for (const scheme of ["constructor", "__proto__", "toString"]) t.true("problem" in parseBackendUrl(`${scheme}://x`, schemes));
});

test("freeze: goes all the way down, and leaves bytes and maps as they are", (t) => {
  const value = deepFreeze({ list: [{ name: "x" }], bytes: Buffer.from("x"), map: new Map([[1, { name: "x" }]]) });
  t.throws(() => Object.assign(value.list[0] ?? {}, { name: "y" }), { instanceOf: TypeError });
  value.bytes[0] = 0x79;
  t.is(value.bytes.toString(), "y");
  t.is(value.map.set(2, { name: "y" }).size, 2);
});

test("words: the nearest known word is found, and nothing far is offered", (t) => {
  t.is(editDistance("cret", "cert"), 1);
  t.is(editDistance("", "abc"), 3);
  t.is(nearest("cret", ["key", "cert", "pfx"]), "cert");
  t.is(nearest("listener", ["listeners", "limits"]), "listeners");
  t.is(nearest("zzz", ["key", "cert"]), undefined);
});

test("settings page: has a row for each setting, with default and range", (t) => {
  const page = settingsPage(rootSettings(fakeParts), "All settings.");
  t.true(page.startsWith("# Settings\n\nAll settings.\n\n## The file\n"));
  t.true(page.includes("| `drain` | duration, 0s to 1d | `30s` |"));
  t.true(page.includes("## `backends.NAME.imap`\n"));
  t.true(page.includes("## `routes[] (source: static)`\n"));
  t.true(page.includes("| `protocol` | imap \\| pop3 | required |"));
});

test("settings schema: is closed, names what is required, and shows defaults as they are written", (t) => {
  const schema = settingsSchema(rootSettings(fakeParts));
  t.is(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  t.is(schema["additionalProperties"], false);
  t.is(schema["required"], undefined);
  const text = JSON.stringify(schema);
  t.true(text.includes('"default":"30s"'));
  t.true(text.includes('"required":["protocol","address"]'));
  t.true(text.includes('"source":{"const":"static"}'));
});

test("settings schema: a short form may stand for its group, a single value for its list", (t) => {
  const table = setting.group("All.", {
    leg: setting.group("A leg.", { url: setting.text("Where.") }, { short: "url" }),
    names: setting.list("Names.", setting.text("One."), { single: true }),
  });
  const { properties } = settingsSchema(table) as { properties: Record<string, { anyOf: readonly { type: string }[] }> };
  t.deepEqual(
    properties["leg"]?.anyOf.map(({ type }) => type),
    ["string", "object"],
  );
  t.deepEqual(
    properties["names"]?.anyOf.map(({ type }) => type),
    ["array", "string"],
  );
});
