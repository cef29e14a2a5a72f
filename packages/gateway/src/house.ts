// Builds the house that the path needs out of a validated configuration. Everything that a reload replaces is made here;
// what outlives a reload (registry, shared state, metrics, TLS keys) is handed in.

import { addressText, certificateMatcher, networkMatcher, RELAY } from "@postern/contracts";
import type {
  Application,
  Clock,
  Health,
  Leg,
  HostedProtocol,
  LineProtocol,
  Logger,
  LoginGuard,
  ProtocolContext,
  SharedState,
} from "@postern/contracts";
import { listenAddressText, type ApplicationConfig, type ListenerConfig } from "@postern/config";
import { createRouter, type AdHocLeg, type House, type ListenerHouse, type Observer, type Registry } from "@postern/core";
import { createConnectionLimits } from "@postern/limits";
import type { TlsServer } from "@postern/net";
import { offeredMechanisms } from "@postern/sasl";
import type { WireTrace } from "@postern/telemetry";
import { abilitiesOf, buildAuthentication } from "./authentication.ts";
import { buildHosted } from "./hosted.ts";
import { LINE_PROTOCOLS, MECHANISMS, type GatewayConfig } from "./parts.ts";
import { sourcesOf } from "./sources.ts";

/** What lives longer than one configuration. */
export interface Foundations {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly state: SharedState;
  readonly registry: Registry;
  readonly observer: Observer;
  /** The same in all workers, and in all nodes that share their TLS ticket keys. */
  readonly secret: Buffer;
}

export interface HouseParts {
  readonly health: Health;
  readonly guard: LoginGuard;
  readonly trace: WireTrace;
}

/** The house, and what to close when it is replaced. */
export interface BuiltHouse {
  readonly house: House;
  /** By name: the protocols that answer by themselves and that a listener speaks. */
  readonly hosted: ReadonlyMap<string, HostedProtocol>;
  close(): void;
}

/** Throws what a route source says of its settings. */
export function buildHouse(config: GatewayConfig, base: Foundations, parts: HouseParts): BuiltHouse {
  const { clock, logger } = base;
  // What was opened is closed again when the next part cannot be built.
  using building = new DisposableStack();
  const authentication = building.adopt(buildAuthentication(config, base), (one) => one.close());
  const sources = sourcesOf(config, clock);
  for (const source of sources) building.adopt(source, (one) => one.close());
  const { login } = config.limits;
  const router = createRouter(sources, config.backends, adHocLeg);
  const house: House = {
    clock,
    logger,
    hostname: config.hostname,
    authenticator: authentication.authenticator,
    loginAt: authentication.loginAt,
    claimedUser: authentication.claimedUser,
    router,
    health: parts.health,
    limits: createConnectionLimits(config.limits.connections, base.state),
    guard: parts.guard,
    registry: base.registry,
    observer: base.observer,
    login: {
      timeoutMs: login.timeout,
      maxErrors: login.maxErrors,
      limits: { maxLine: login.maxLine, maxUnread: login.maxUnread },
    },
    idleMs: (protocol) => idleOf(config, protocol),
    traceOf: (session) => parts.trace.start(session.id),
  };
  const hosted = building.adopt(
    buildHosted(config, base, { router, authentication, health: parts.health, limits: house.limits, guard: parts.guard }),
    (one) => one.close(),
  );
  const built = building.move();
  return { house, hosted: hosted.protocols, close: () => built.dispose() };
}

/** Each protocol brings its own idle limit, because its standard says how long a session may rest. */
function idleOf(config: GatewayConfig, protocol: string): number {
  const idle = config.protocols[protocol]?.["idle"];
  if (typeof idle !== "number") throw new Error(`The settings of ${protocol} have no "idle"`);
  return idle;
}

/** A backend that only a route source knows: reached as the source says, and checked like any other. */
export const adHocLeg: AdHocLeg = (protocol, { host, port, tls = "none", allowPlaintext = false }): Leg => ({
  backend: addressText({ host, port }),
  site: undefined,
  protocol,
  scheme: protocol,
  host,
  port,
  tls,
  ca: undefined,
  verify: true,
  serverName: undefined,
  proxyHeader: "none",
  forwardClient: true,
  allowPlaintext,
  login: RELAY,
  dialTimeoutMs: 3000,
  replyTimeoutMs: 30_000,
});

/** A listener as the path sees it. `tls` is asked for each connection. */
export function listenerHouse(
  listener: ListenerConfig,
  config: GatewayConfig,
  { house, hosted }: Pick<BuiltHouse, "house" | "hosted">,
  tls: () => TlsServer | undefined,
): ListenerHouse {
  const trusts = networkMatcher(listener.trust);
  const sendsProxyHeader = networkMatcher(listener.proxyProtocol?.from ?? []);
  const listens = {
    info: {
      name: `${listener.protocol} ${listenAddressText(listener.address)}`,
      protocol: listener.protocol,
      tls: listener.tls,
      allowPlaintext: listener.allowPlaintext,
      mechanisms: listener.mechanisms,
      capabilities: listener.capabilities,
      trusts,
      applications: listener.applications.map(applicationOf),
    },
    tls,
    clientCertificate: listener.clientCertificate,
    sendsProxyHeader,
  };
  const protocol = LINE_PROTOCOLS.find(({ name }) => name === listener.protocol);
  if (protocol !== undefined) return { ...listens, protocol, context: contextOf(protocol, listener, config, house) };
  const other = hosted.get(listener.protocol);
  if (other === undefined) throw new Error(`There is no protocol "${listener.protocol}"`);
  return { ...listens, protocol: other };
}

function contextOf(
  protocol: LineProtocol,
  listener: ListenerConfig,
  config: GatewayConfig,
  { authenticator, health, logger }: Pick<House, "authenticator" | "health" | "logger">,
): ProtocolContext {
  return {
    hostname: config.hostname,
    settings: config.protocols[protocol.name] ?? {},
    service: protocol.service,
    proofs: authenticator.proofs,
    mechanisms: offeredMechanisms(MECHANISMS, abilitiesOf(listener, config, authenticator), listener.mechanisms),
    canStartTls: listener.tls === "starttls",
    maxLiteral: config.limits.login.maxLiteral,
    maxErrors: config.limits.login.maxErrors,
    backendFeatures: () => featuresOf(config, protocol.name, health),
    logger,
  };
}

const applicationOf = ({ name, backend, from, certificate }: ApplicationConfig): Application => ({
  name,
  backend,
  from: from && networkMatcher(from),
  certificate: certificate && certificateMatcher(certificate),
});

/** What each backend offers for a protocol. One that is down and was never heard says nothing; one that may be dialled must have been heard. */
export function featuresOf(config: GatewayConfig, protocol: string, health: Health): (readonly string[])[] | undefined {
  const heard: (readonly string[])[] = [];
  for (const legs of config.backends.values()) {
    const leg = legs.get(protocol);
    if (leg === undefined) continue;
    const { features, state } = health.facts(leg);
    if (features !== undefined) heard.push(features);
    else if (state !== "down") return undefined;
  }
  return heard;
}
