// The protocols that answer their clients by themselves, built for one configuration with all that they need: mail that
// comes in, with its filters, rules, recipients and pooled backends; the web; TLS that is passed through. Built only where a
// listener speaks them. Throws what a part says of its settings.

import {
  addressKey,
  networkMatcher,
  type ConnectionLimits,
  type Health,
  type HostedProtocol,
  type Leg,
  type LoginGuard,
  type MailFilter,
  type Router,
} from "@postern/contracts";
import { createFilters, createDnsResolver } from "@postern/filters";
import { createAddressBook, createRecipientRouter, createRules, ownDomains, strippedHeaders } from "@postern/mailflow";
import type { ChannelServer } from "@postern/http";
import { buildHttps, httpsPart } from "@postern/https";
import { buildPassthrough, passthroughPart, type PassthroughSettings } from "@postern/passthrough";
import { rendezvousHash } from "@postern/routing";
import { buildRpcHttp, rpcHttpPart, type RpcHttpSettings } from "@postern/rpc-http";
import { buildRpcTcp, rpcTcpPart, type RpcTcpSettings } from "@postern/rpc-tcp";
import { buildInbound, inboundPart, type InboundSettings } from "@postern/smtp";
import type { Authentication } from "./authentication.ts";
import { featuresOf, type Foundations } from "./house.ts";
import type { GatewayConfig } from "./parts.ts";
import { endpointsOf, speaksWeb, webSchemes, webSecret, webSettings } from "./web.ts";

export interface BuiltHosted {
  readonly protocols: ReadonlyMap<string, HostedProtocol>;
  close(): void;
}

interface Neighbours {
  readonly router: Router;
  readonly health: Health;
  readonly limits: ConnectionLimits;
  readonly guard: LoginGuard;
  readonly authentication: Omit<Authentication, "close">;
}

type Tools = Pick<Foundations, "clock" | "logger" | "state" | "secret">;

export function buildHosted(config: GatewayConfig, tools: Tools, neighbours: Neighbours): BuiltHosted {
  using building = new DisposableStack();
  const speaks = (name: string): boolean => config.listeners.some(({ protocol }) => protocol === name);
  const all: HostedProtocol[] = [];
  if (speaks(inboundPart.name)) all.push(inbound(config, tools, neighbours, building));
  if (speaksWeb(config)) all.push(...web(config, tools, neighbours, building));
  if (speaks(rpcTcpPart.name)) all.push(rpcTcp(config, tools, neighbours));
  if (speaks(passthroughPart.name)) all.push(passthrough(config, tools, neighbours));
  for (const protocol of all) building.defer(() => protocol.close());
  const built = building.move();
  return { protocols: new Map(all.map((protocol) => [protocol.name, protocol])), close: () => built.dispose() };
}

/** Both have the same services, and the same connections to backends. */
function web(config: GatewayConfig, tools: Tools, neighbours: Neighbours, building: DisposableStack): readonly HostedProtocol[] {
  const { clock, logger } = tools;
  const { authentication, router, health, guard } = neighbours;
  const { authenticator, loginAt, claimedUser } = authentication;
  const settings = webSettings(config);
  const secret = webSecret(settings, tools.secret);
  const { https, http } = buildHttps({
    hostname: config.hostname,
    defaultDomain: config.defaultDomain,
    settings,
    clock,
    logger,
    authenticator,
    loginAt,
    claimedUser,
    guard,
    router,
    health,
    legs: legsFor(config, httpsPart.name),
    channels: channels(config, { ...tools, secret }, neighbours, building),
    schemes: webSchemes(config, authenticator),
    secret,
    endpoints: endpointsOf(config),
    hasTls: config.listeners.some(({ protocol, tls }) => protocol === httpsPart.name && tls === "implicit"),
  });
  return [https, http];
}

/** The RPC proxy of our own: only where a backend needs one. */
function channels(
  { hostname, protocols, backends }: GatewayConfig,
  { clock, logger, state, secret }: Tools,
  { health }: Neighbours,
  building: DisposableStack,
): ChannelServer | undefined {
  const legs = legsFor({ backends }, rpcHttpPart.name);
  if (legs.size === 0) return undefined;
  // The table of this protocol made them.
  const settings = protocols[rpcHttpPart.name] as unknown as RpcHttpSettings;
  const parts = { hostname, settings, clock, logger, health, state, legs, secret };
  return building.adopt(buildRpcHttp(parts), (one) => one.close());
}

function passthrough(config: GatewayConfig, { clock, logger }: Tools, { health }: Neighbours): HostedProtocol {
  // The table of this protocol made it.
  const settings = config.protocols[passthroughPart.name] as unknown as PassthroughSettings;
  return buildPassthrough({ settings, clock, logger, health, legs: legsFor(config, passthroughPart.name) });
}

function rpcTcp(config: GatewayConfig, { clock, logger, state }: Tools, { health, limits }: Neighbours): HostedProtocol {
  const listeners = config.listeners.filter(({ protocol }) => protocol === rpcTcpPart.name);
  return buildRpcTcp({
    // The table of this protocol made it.
    settings: config.protocols[rpcTcpPart.name] as unknown as RpcTcpSettings,
    clock,
    logger,
    health,
    limits,
    state,
    defaultDomain: config.defaultDomain,
    legs: legsFor(config, rpcTcpPart.name),
    ports: listeners.flatMap(({ address }) => (address.kind === "tcp" ? [address.port] : [])),
    rank: rendezvousHash,
    isExempt: networkMatcher(config.limits.connections.exempt),
  });
}

/** By the backend's name, in the order of the configuration. */
function legsFor({ backends }: Pick<GatewayConfig, "backends">, protocol: string): ReadonlyMap<string, Leg> {
  const found = new Map<string, Leg>();
  for (const [name, legs] of backends) {
    const leg = legs.get(protocol);
    if (leg !== undefined) found.set(name, leg);
  }
  return found;
}

function inbound(config: GatewayConfig, tools: Tools, { router, health }: Neighbours, building: DisposableStack): HostedProtocol {
  const { mail, backends, hostname, limits } = config;
  const { clock, logger } = tools;
  return buildInbound({
    hostname,
    // The table of this protocol made it.
    settings: config.protocols[inboundPart.name] as unknown as InboundSettings,
    clock,
    logger,
    recipients: createRecipientRouter(mail, { router, backends }),
    filters: mailFilters(config, tools, building),
    health,
    limits: { maxLine: limits.login.maxLine, maxUnread: limits.login.maxUnread },
    backendFeatures: () => featuresOf(config, inboundPart.name, health),
    trusts: networkMatcher(mail.trusted),
    strippedHeaders: strippedHeaders(mail),
  });
}

/** The rules, and behind them the edge defences that are on: a rule may spare a client what strangers are asked. */
function mailFilters(config: GatewayConfig, { clock, logger, state }: Tools, building: DisposableStack): readonly MailFilter[] {
  const { filters, mail, rules, hostname } = config;
  const dns = building.adopt(createDnsResolver(filters.dns, clock), (one) => one.close());
  const defences = createFilters(filters, { clock, logger, hostname, isOurs: ownDomains(mail), state, dns });
  for (const filter of defences) building.defer(() => filter.close?.());
  if (rules.length === 0) return defences;
  const services = { clock, logger, state, clientKey: addressKey, addresses: createAddressBook(mail) };
  return [createRules(rules, services), ...defences];
}
