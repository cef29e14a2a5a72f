// Small tables for tests of this package: two invented protocols and two route sources. Only tests import it.

import { setting } from "@postern/contracts";
import type { Parts, ProtocolPart } from "./config.ts";

const names = (doc: string) => setting.list(doc, setting.text("A backend's name."), { single: true });

function protocol(name: string, plain: number, implicit: number): ProtocolPart {
  return {
    name,
    ports: { plain, implicit },
    schemes: {
      [name]: { tls: "none", port: plain },
      [`${name}+starttls`]: { tls: "starttls", port: plain },
      [`${name}s`]: { tls: "implicit", port: implicit },
    },
    settings: { greeting: setting.text("What a client reads first.", { default: "Ready" }) },
  };
}

export const fakeParts = {
  protocols: [{ ...protocol("imap", 143, 993), admits: true }, protocol("pop3", 110, 995)],
  mechanisms: [{ name: "PLAIN" }, { name: "LOGIN" }, { name: "CRAM-MD5" }],
  routes: setting.tagged("Somebody who knows users.", "source", {
    static: setting.group("Tables in this file.", {
      users: setting.dict("By full name.", "USER", names("In order of preference.")),
      domains: setting.dict("By domain.", "DOMAIN", names("In order of preference.")),
      wildcards: setting.dict("By pattern.", "PATTERN", names("In order of preference.")),
      default: names("For everybody else."),
    }),
    hash: setting.group("By a hash of the name.", {
      backends: names("Among these."),
      weights: setting.dict("Shares.", "NAME", setting.integer("The share.", { min: 0, max: 1000 })),
    }),
    http: setting.group("A server.", {
      tls: setting.group("TLS to it.", { ca: setting.path("Its authorities.", { optional: true }) }),
    }),
  }),
  mail: setting.group("Mail that comes in.", { domains: names("Whose mail is taken.") }),
  filters: setting.group("Edge defences.", {}),
  rules: setting.list(
    "What is done with it.",
    setting.group("A rule.", {
      name: setting.text("Its name."),
      // oxlint-disable-next-line unicorn/no-thenable -- a table of settings is not awaited
      then: setting.list(
        "What is done.",
        setting.group("An action.", { redirect: setting.text("The backend.", { optional: true }), tag: names("Marks.") }),
        { single: true },
      ),
    }),
  ),
  limits: setting.group("How many.", {
    connections: setting.integer("At once.", { default: 1000, min: 1, max: 1_000_000 }),
    loginTime: setting.duration("Until login.", { default: 60_000, min: 1000, max: 3_600_000 }),
  }),
  authentication: setting.group("Who says yes.", {}),
  health: setting.group("Probes.", {
    interval: setting.duration("Between two probes.", { default: 5000, min: 1000 }),
    probe: setting.group("A probe.", { timeout: setting.duration("Until it fails.", { default: 3000 }) }),
  }),
  state: setting.group("What is shared.", { kind: setting.choice("Where.", ["memory"], { default: "memory" }) }),
  log: setting.group("The log.", {
    level: setting.choice("How much.", ["error", "warn", "info", "debug"], { default: "info" }),
    file: setting.path("Where to.", { optional: true }),
  }),
  checks: {
    rules: (
      rules: readonly ({ then: readonly ({ tag: readonly string[] } | undefined)[] } | undefined)[],
      { mail }: MailSection,
    ) =>
      rules.flatMap((rule, index) =>
        (rule?.then ?? []).flatMap((action, step) =>
          mail?.domains.includes(action?.tag[0] ?? "") === true
            ? [{ key: `[${index}].then[${step}].tag[0]`, problem: "must be none of mail.domains" }]
            : [],
        ),
      ),
    health: ({ interval, probe }: { interval: number; probe: { timeout: number } }) =>
      probe.timeout > interval ? [{ key: "probe.timeout", problem: "must be at most the interval" }] : [],
    log: ({ level, file }: { level: string; file: string | undefined }) =>
      level === "debug" && file === undefined ? [{ key: "file", problem: "must be set for level: debug" }] : [],
  },
} satisfies Parts;

interface MailSection {
  readonly mail?: { readonly domains: readonly string[] };
}

/** The same with protocols that cannot have all of TLS's modes, one of which works by the legs of another. */
export const fakeWebParts = {
  ...fakeParts,
  protocols: [
    ...fakeParts.protocols,
    {
      name: "https",
      ports: { plain: 80, implicit: 443 },
      tls: ["implicit", "none"],
      schemes: { https: { tls: "implicit", port: 443 }, http: { tls: "none", port: 80 } },
      settings: {
        idle: setting.duration("Rest.", { default: 60_000 }),
        servers: setting.list("Its own.", setting.text("A name.")),
      },
      ownBackends: ({ servers }) => servers as readonly string[],
    },
    { name: "http", ports: { plain: 80, implicit: 443 }, tls: ["none"], legs: "https", schemes: {}, settings: {} },
    {
      name: "tunnel",
      ports: { plain: 443, implicit: 443 },
      tls: ["none"],
      withoutLogin: true,
      withoutRoutes: true,
      schemes: { tcp: { tls: "none", port: 443 } },
      settings: {},
    },
  ],
} as const satisfies Parts;

/** The same with the protocol of mail that comes in. */
export const fakeMailParts = { ...fakeParts, protocols: [...fakeParts.protocols, protocol("smtp", 25, 465)] } satisfies Parts;
