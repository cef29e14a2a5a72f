import { defaultsOf } from "@postern/testing";
import test from "ava";
import { httpsSettings, type HttpsSettings } from "../settings.ts";
import { httpsContradictions } from "./contradictions.ts";

const BACKENDS = { mbx1: { https: {} }, mbx2: { imap: {} } };
const DEFAULTS = {
  ...defaultsOf(httpsSettings),
  services: {},
  redirects: {},
  devices: [],
  schemes: [],
  stripped: [],
} as unknown as HttpsSettings;
const SERVICE = { paths: [], hosts: [], backends: [] };
const RULE = { action: "block", perMinute: 10 };

/** As the walk yields it: types are the table's, broken items undefined. */
const found = (settings: Record<string, unknown>, backends: typeof BACKENDS | undefined = BACKENDS) =>
  httpsContradictions({ ...DEFAULTS, ...settings }, { backends }).map(({ key, problem }) => `${key}: ${problem}`);

const service = (name: string, one: Record<string, unknown>) => ({ services: { [name]: { ...SERVICE, ...one } } });

test("https settings: the defaults do not contradict each other", (t) => t.deepEqual(found({}), []));

test("https settings: a good service is good", (t) => {
  t.deepEqual(found(service("web", { paths: ["/web"], backends: ["mbx1"], authentication: "forms" })), []);
  t.deepEqual(found(service("web", { hosts: ["web.example.com"] })), []);
  t.deepEqual(found(service("owa", { hosts: ["web.example.com"], authentication: "forms" })), []);
});

const BAD: readonly (readonly [why: string, settings: Record<string, unknown>, expected: RegExp])[] = [
  [
    "a new service without paths and hosts",
    service("owaa", {}),
    /^services\.owaa: is new, and says neither paths nor hosts; .*owa/,
  ],
  ["folders of a service of the table", service("owa", { paths: ["/x"] }), /^services\.owa\.paths: owa has its own folders/],
  ["hosts of everything else", service("other", { hosts: ["a.example"] }), /^services\.other\.hosts: /],
  [
    "answers that there are not",
    service("ews", { answeredBy: "gateway" }),
    /^services\.ews\.answeredBy: .*autodiscover, autoconfig/,
  ],
  ["a page for programs", service("ews", { authentication: "forms" }), /^services\.ews\.authentication: .*use edge/],
  [
    "an unknown backend",
    service("webmail", { backends: ["mbx1", "mbx9"] }),
    /^services\.webmail\.backends\[1\]: unknown backend "mbx9"; use mbx1 or mbx2/,
  ],
  [
    "a backend without the protocol",
    service("webmail", { backends: ["mbx2"] }),
    /^services\.webmail\.backends\[0\]: backends\.mbx2 cannot be reached/,
  ],
  ["a redirect of an unknown backend", { redirects: { nobody: {} } }, /^redirects\.nobody: unknown backend/],
  ["a path that is never found", service("web", { paths: ["/a/../b"] }), /^services\.web\.paths\[0\]: must be a plain path/],
  ["a path with an encoding", service("web", { paths: ["/a%20b"] }), /^services\.web\.paths\[0\]: /],
  ["a path that would end a cookie's", service("web", { paths: ["/a;b"] }), /^services\.web\.paths\[0\]: /],
  ["a head that is smaller than the target in it", { maxTarget: 65_536, maxHead: 8192 }, /^maxTarget: /],
  [
    "a public computer that stays longer than a private one",
    { forms: { publicIdle: 2, privateIdle: 1, title: "" } },
    /^forms\.publicIdle: /,
  ],
  [
    "rules behind one that fits all",
    { devices: [RULE, { ...RULE, type: "x" }] },
    /^devices\[1\]: never counts: devices\[0\] fits/,
  ],
  [
    "two services with the same folder",
    { services: { a: { ...SERVICE, paths: ["/x/"] }, b: { ...SERVICE, paths: ["/X"] } } },
    /^services\.b: a has \/x already/,
  ],
];

for (const [why, settings, expected] of BAD)
  test(`https settings: ${why} is told`, (t) => {
    const all = found(settings);
    t.is(all.length, 1, all.join("\n"));
    t.regex(all[0] ?? "", expected);
  });

test("https settings: what is broken elsewhere is not told again", (t) => {
  t.deepEqual(found({ services: { x: undefined }, devices: [undefined, RULE] }), []);
  t.deepEqual(found(service("web", { paths: [undefined, "/x"], backends: [undefined] })), []);
  const settings = { ...DEFAULTS, ...service("webmail", { backends: ["any"] }) } as unknown as HttpsSettings;
  t.deepEqual(httpsContradictions(settings, { backends: undefined }), []);
  t.deepEqual(httpsContradictions(settings, { backends: { any: undefined } }), []);
});
