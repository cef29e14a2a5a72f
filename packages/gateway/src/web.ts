// The web protocols out of a configuration: what they are built of, and what of it cannot work. Throws an Error that begins
// with the key when the file with the key of cookies cannot be used.

import { hkdfSync } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isLoopback, type Authenticator } from "@postern/contracts";
import type { ListenerConfig } from "@postern/config";
import { HTTP_MECHANISMS, offeredSchemes, type Scheme } from "@postern/http";
import { httpPart, httpsPart, type Endpoint, type HttpsSettings } from "@postern/https";
import { passthroughPart } from "@postern/passthrough";
import { offer, type Abilities } from "@postern/sasl";
import { abilitiesOf } from "./authentication.ts";
import { problem, type Finding } from "./finding.ts";
import { PROTOCOLS, type GatewayConfig } from "./parts.ts";

const NAMES: readonly string[] = [httpsPart.name, httpPart.name];
const KEY_FILE = "https.cookie.keyFile";
const SECRET_BYTES = 32;
const MOST_BYTES = 1024 * 1024;
const READABLE_BY_OTHERS = 0o004;

/** Does a listener speak one of them? */
export const speaksWeb = ({ listeners }: Pick<GatewayConfig, "listeners">): boolean =>
  listeners.some(({ protocol }) => NAMES.includes(protocol));

/** The table of this protocol made them. */
export const webSettings = ({ protocols }: Pick<GatewayConfig, "protocols">): HttpsSettings =>
  protocols[httpsPart.name] as unknown as HttpsSettings;

/** The schemes that can be offered at the edge. */
export function webSchemes(config: GatewayConfig, authenticator: Abilities["authenticator"]): Scheme[] {
  const { schemes } = webSettings(config);
  return offeredSchemes(webAbilities(config, authenticator), schemes.length === 0 ? undefined : schemes);
}

const webAbilities = (config: GatewayConfig, authenticator: Abilities["authenticator"]): Abilities =>
  abilitiesOf({ protocol: httpsPart.name, clientCertificate: "none" }, config, authenticator);

/** What cookies are sealed with is derived from it. `shared`: what the nodes have in common where no file is named. */
export function webSecret({ cookie }: Pick<HttpsSettings, "cookie">, shared: Buffer): Buffer {
  const key = cookie.keyFile === undefined ? shared : keyIn(cookie.keyFile);
  if (typeof key === "string") throw new Error(`${KEY_FILE}: ${key}`);
  const secret = Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), "postern https cookies", SECRET_BYTES));
  if (key !== shared) key.fill(0);
  return secret;
}

/** The bytes of the file, or why they cannot be used. */
function keyIn(file: string): Buffer | string {
  try {
    const facts = statSync(file);
    if (!facts.isFile()) return `${file} is not a regular file`;
    if (facts.size >= SECRET_BYTES && facts.size <= MOST_BYTES) return readFileSync(file);
    return `${file} has ${facts.size} bytes; it needs ${SECRET_BYTES} or more random ones, and at most a megabyte`;
  } catch (error) {
    return `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The listeners that others than this machine's programs can reach. */
export function endpointsOf({ listeners }: Pick<GatewayConfig, "listeners">): Endpoint[] {
  return listeners.flatMap((listener) => {
    const port = portOf(listener);
    return port === undefined ? [] : [{ protocol: listener.protocol, port, tls: listener.tls }];
  });
}

/** A socket of systemd is taken to have its protocol's own port: which it has is not known before the start. */
function portOf({ address, protocol, tls }: ListenerConfig): number | undefined {
  if (address.kind === "systemd") {
    const ports = PROTOCOLS.find(({ name }) => name === protocol)?.ports;
    return tls === "implicit" ? ports?.implicit : ports?.plain;
  }
  if (address.kind === "unix" || (address.host !== undefined && isLoopback(address.host))) return undefined;
  return address.port === 0 ? undefined : address.port;
}

/** What cannot work, each with its place. */
export function webFindings(config: GatewayConfig, authenticator: Authenticator): Finding[] {
  const found = config.listeners.flatMap(keyFindings);
  if (!speaksWeb(config)) return found;
  return [...found, ...edgeFindings(config, webAbilities(config, authenticator)), ...secretFindings(config)];
}

/** Keys of a listener that say something to others. */
function keyFindings({ protocol, mechanisms, capabilities }: ListenerConfig, index: number): Finding[] {
  const path = `listeners[${index}]`;
  if (!ANNOUNCE_NOTHING.has(protocol)) return [];
  return [
    ...(mechanisms === undefined
      ? []
      : [problem(`${path}.mechanisms`, `${protocol} has schemes instead; name them in https.schemes`)]),
    ...(capabilities === undefined
      ? []
      : [problem(`${path}.capabilities`, `has no use: ${protocol} announces none; take it out`)]),
  ];
}

const ANNOUNCE_NOTHING: ReadonlySet<string> = new Set([...NAMES, passthroughPart.name]);

function secretFindings(config: GatewayConfig): Finding[] {
  const { keyFile } = webSettings(config).cookie;
  const key = keyFile === undefined ? undefined : keyIn(keyFile);
  if (keyFile === undefined || key === undefined) return [];
  if (typeof key === "string") return [problem(KEY_FILE, key)];
  key.fill(0);
  const isForAll = ((statSync(keyFile, { throwIfNoEntry: false })?.mode ?? 0) & READABLE_BY_OTHERS) !== 0;
  const sentence = "every user of this machine can read it, and make sessions of anybody; chmod o= takes that away";
  return isForAll ? [{ kind: "warning", path: KEY_FILE, sentence }] : [];
}

/** Where the gateway asks for logins itself, it must be able to check them, and the backends must take what comes of it. */
function edgeFindings(config: GatewayConfig, abilities: Abilities): Finding[] {
  const { defaultAuthentication, schemes, services } = webSettings(config);
  const asking = Object.entries(services).map(([name, { authentication }]) => ({
    path: `https.services.${name}.authentication`,
    authentication,
  }));
  const edge = [{ path: "https.defaultAuthentication", authentication: defaultAuthentication }, ...asking].find(
    ({ authentication }) => authentication === "edge" || authentication === "forms",
  );
  if (edge === undefined) return [];
  const offered = offeredSchemes(abilities, schemes.length === 0 ? undefined : schemes);
  const useless = schemes.flatMap((name, index) => {
    const obstacle = obstacleOf(name, abilities);
    return obstacle === undefined ? [] : [problem(`https.schemes[${index}]`, `${name} ${obstacle}`)];
  });
  const password = obstacleOf("Basic", abilities);
  const pages = asking.flatMap(({ path, authentication }) =>
    authentication === "forms" && password !== undefined
      ? [problem(path, `the page takes passwords as Basic does, and Basic ${password}`)]
      : [],
  );
  if (offered.length > 0 || useless.length > 0 || pages.length > 0) return [...useless, ...pages];
  return [problem(edge.path, "offers no way to log in: no verifier proves anything that the backends' login can carry")];
}

function obstacleOf(scheme: Scheme, abilities: Abilities): string | undefined {
  const offered = offer(HTTP_MECHANISMS[scheme], abilities);
  if (typeof offered === "string") return offered;
  return offered.live === true ? "cannot be left to the backends; it needs a verifier under authentication.verifiers" : undefined;
}
