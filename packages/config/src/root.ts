// The table of the whole configuration: what belongs to the gateway itself, and the tables that the parts bring.

import { certificatePatterns, networks, orList, PROXY_HEADERS, setting } from "@postern/contracts";
import type { Parsed, Setting } from "@postern/contracts";
import { listenAddress } from "./address.ts";
import { backendUrl } from "./backend-url.ts";
import type { Parts, ProtocolPart } from "./config.ts";
import { loginSettings } from "./login-settings.ts";
import { laterProtocols, laterSections } from "./later.ts";
import { unknownProtocol } from "./listener-flags.ts";
import { didYouMean } from "./words.ts";

/** A host name as it may stand in a greeting. */
export const HOSTNAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;

/** The root of all settings, made of the gateway's own and the parts'. */
export function rootSettings(parts: Parts) {
  const own = Object.fromEntries(
    parts.protocols.filter(isItself).map(({ name, settings }) => [name, setting.group(`What only ${name} has.`, settings)]),
  );
  const fields = {
    hostname: setting.text("The gateway's name in greetings; the system's host name when not given.", {
      optional: true,
      pattern: HOSTNAME,
      like: "a host name",
    }),
    defaultDomain: setting.text("The domain of user names that have none: alice is looked up as alice@example.com.", {
      optional: true,
      pattern: /^[^\s@]+$/,
      like: "a domain without @",
    }),
    workers: setting.custom<"auto" | number>("auto | 1 to 256", "Processes that serve clients; auto: one a CPU.", parseWorkers, {
      default: "auto",
      schema: { anyOf: [{ const: "auto" }, { type: "integer", minimum: 1, maximum: 256 }] },
    }),
    tls: tlsSettings,
    listeners: setting.list("Where clients connect.", listenerSettings(parts)),
    backends: setting.dict("The mailbox servers.", "NAME", backendSettings(parts.protocols)),
    routes: routesSettings(parts),
    limits: parts.limits,
    health: parts.health,
    authentication: parts.authentication,
    state: parts.state,
    log: parts.log,
    shutdown: setting.group("How the gateway stops.", {
      drain: setting.duration("How long running sessions may go on after the gateway was asked to stop.", {
        default: 30_000,
        min: 0,
        max: 86_400_000,
      }),
    }),
    mail: parts.mail,
    filters: parts.filters,
    rules: parts.rules as Setting<unknown>,
    ...own,
  };
  return setting.group("The configuration file.", fields, { later: laterSections(parts.protocols) });
}

/** Not one that works by the legs and settings of another. */
const isItself = ({ legs }: ProtocolPart): boolean => legs === undefined;

/** Typed loosely: the type of a value of any table at all is endless. */
function routesSettings({ routes }: Parts): Setting<unknown> {
  const doc = "Who knows where users live: asked in order, the first that knows the user decides.";
  return { kind: "list", doc, of: routes, default: [], single: false };
}

function parseWorkers(raw: unknown): Parsed<"auto" | number> {
  if (raw === "auto") return { value: raw };
  const count = /^\d{1,3}$/.test(String(raw)) ? Number(raw) : 0;
  return count >= 1 && count <= 256 ? { value: count } : { problem: `must be auto or 1 to 256, not "${String(raw)}"` };
}

const tlsSettings = setting.group("TLS towards clients.", {
  minVersion: setting.choice("The oldest version that is spoken.", ["TLSv1.2", "TLSv1.3"], { default: "TLSv1.2" }),
  ciphers: setting.text("OpenSSL's list of cipher names instead of the built-in choice.", { optional: true }),
  certificates: setting.list(
    "Chosen by the name that the client asks for (SNI); the first is the default. Read again when the files change.",
    setting.group("One certificate: cert and key, or pfx.", {
      cert: setting.path("The certificate and its chain, PEM.", { optional: true }),
      key: setting.path("Its private key, PEM.", { optional: true }),
      pfx: setting.path("Certificate, chain and key in one PKCS #12 file.", { optional: true }),
      passphraseFile: setting.path("A file whose first line opens the PFX file.", { optional: true }),
    }),
  ),
  selfSigned: setting.boolean("Make a certificate at start that no client trusts: for trying out.", { default: false }),
  clientCa: setting.path("PEM certificates of who may sign client certificates.", { optional: true }),
  ticketKeyFile: setting.path("48 random bytes or more, the same on all nodes, so that TLS sessions resume on any of them.", {
    optional: true,
  }),
});

function listenerSettings({ protocols, mechanisms }: Parts) {
  const names = protocols.flatMap(({ name, guestOf }) => (guestOf === undefined ? [name] : []));
  const admitting = protocols.flatMap(({ name, admits }) => (admits === true ? [name] : []));
  const word = (doc: string, pattern: RegExp) => setting.text(doc, { pattern, like: "words of printable ASCII" });
  return setting.group("One address with one protocol.", {
    protocol: setting.custom<string>(
      names.join(" | "),
      "What is spoken there.",
      (raw) =>
        names.some((name) => name === raw) ? { value: String(raw) } : { problem: unknownProtocol(String(raw), protocols) },
      { schema: { enum: names } },
    ),
    address: listenAddress("[host:]port, [v6]:port, unix:/path or systemd:NAME (socket activation)."),
    tls: setting.choice(
      `none; starttls: the client asks for it; implicit: from the first byte. When not given: implicit on the protocol's own TLS port, starttls elsewhere.${ownModes(protocols)}`,
      ["none", "starttls", "implicit"],
      { optional: true },
    ),
    allowPlaintext: setting.boolean("Take passwords without TLS from other machines too.", { default: false }),
    proxyProtocol: setting.group(
      "Load balancers in front that send a PROXY header (v1 or v2).",
      { from: networks("Their networks; a header from anywhere else is an error.") },
      { optional: true },
    ),
    trust: networks("Gateways in front that are believed about the client's address by the protocol's own means."),
    clientCertificate: setting.choice("Ask clients for a certificate, signed by tls.clientCa.", ["none", "request", "require"], {
      default: "none",
    }),
    mechanisms: setting.list(
      "SASL mechanisms to offer, in this order, instead of the protocol's own.",
      mechanismSetting(mechanisms.map(({ name }) => name)),
    ),
    capabilities: setting.list(
      "The capabilities to announce before login, literally, instead of the protocol's own.",
      word("One capability.", /^[!-~]+( [!-~]+)*$/),
    ),
    applications: setting.list(
      `Who is let in without a login (${admitting.join(", ")} only), by rules in this order. A rule has from, certificate, or both; then both must hold.`,
      applicationSettings,
    ),
  });
}

/** The protocols that cannot have all of TLS's modes, in a sentence; "" when there is none. */
function ownModes(protocols: readonly ProtocolPart[]): string {
  const some = protocols.flatMap(({ name, tls }) => (tls === undefined ? [] : [`${name} has ${orList(tls)}`]));
  return some.length === 0 ? "" : ` Some cannot have all, and have the first by themselves: ${some.join("; ")}.`;
}

const applicationSettings = setting.group("One rule. Who is let in gets one backend, and no route source is asked.", {
  name: setting.text("What logs and limits call it.", {
    pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    like: "1 to 63 letters, digits, dots, hyphens or underscores",
  }),
  from: networks("Clients at these addresses; without TLS too."),
  certificate: certificatePatterns("Clients with one of these certificates, signed by tls.clientCa."),
  backend: setting.text("The backend that takes their messages."),
});

/** A mechanism by its SASL name, in capitals or small letters. */
function mechanismSetting(known: readonly string[]) {
  const parse = (raw: unknown): Parsed<string> => {
    const name = String(raw).toUpperCase();
    if (known.includes(name)) return { value: name };
    return { problem: `unknown mechanism "${String(raw)}"; ${didYouMean(name, known, "use")}` };
  };
  return setting.custom(known.join(" | "), "A mechanism's SASL name.", parse);
}

function backendSettings(protocols: readonly ProtocolPart[]) {
  const legs = Object.fromEntries(protocols.filter(isItself).map((protocol) => [protocol.name, legSettings(protocol)]));
  const site = setting.text("Where it stands; shown in logs and explanations.", { optional: true });
  return setting.group("One mailbox server.", { site, ...legs }, { later: laterProtocols(protocols) });
}

const SECOND = 1000;

function legSettings(protocol: ProtocolPart) {
  return setting.group(
    `How it is reached for ${protocol.name}: a URL, or the long form.`,
    {
      url: backendUrl(protocol),
      tls: setting.group("TLS towards it.", {
        ca: setting.path("PEM certificates to trust instead of the system's.", { optional: true }),
        verify: setting.boolean("Refuse a certificate that is not trusted, expired, or for another name.", { default: true }),
        serverName: setting.text("The name that its certificate must have, when it is not the host of the URL.", {
          optional: true,
          pattern: HOSTNAME,
          like: "a host name",
        }),
      }),
      proxyHeader: setting.choice("The PROXY header to send first.", PROXY_HEADERS, { default: "none" }),
      forwardClient: setting.boolean("Tell it the client's address by the protocol's own means.", { default: true }),
      allowPlaintext: setting.boolean("Send passwords to it without TLS, over a network.", { default: false }),
      login: loginSettings,
      dialTimeout: setting.duration("The most that connecting and the TLS handshake may take.", {
        default: 3 * SECOND,
        min: 100,
        max: 300 * SECOND,
      }),
      replyTimeout: setting.duration(
        "The most that the login may take, from its greeting to its yes or no. A hanging login is tried at the next candidate.",
        {
          default: 10 * SECOND,
          min: 100,
          max: 600 * SECOND,
        },
      ),
    },
    { optional: true, short: "url" },
  );
}
