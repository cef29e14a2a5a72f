// The protocols that answer their clients by themselves, built for one configuration with all that they need: mail that
// comes in, with its filters, rules, recipients and pooled backends. Built only where a listener speaks them. Throws what a
// part says of its settings.

import { addressKey, networkMatcher, type Health, type HostedProtocol, type MailFilter, type Router } from "@postern/contracts";
import { createFilters, createDnsResolver } from "@postern/filters";
import { createAddressBook, createRecipientRouter, createRules, ownDomains, strippedHeaders } from "@postern/mailflow";
import { buildInbound, inboundPart, type InboundSettings } from "@postern/smtp";
import { featuresOf, type Foundations } from "./house.ts";
import type { GatewayConfig } from "./parts.ts";

export interface BuiltHosted {
  readonly protocols: ReadonlyMap<string, HostedProtocol>;
  close(): void;
}

interface Neighbours {
  readonly router: Router;
  readonly health: Health;
}

type Tools = Pick<Foundations, "clock" | "logger" | "state">;

export function buildHosted(config: GatewayConfig, tools: Tools, neighbours: Neighbours): BuiltHosted {
  using building = new DisposableStack();
  const protocols = new Map<string, HostedProtocol>();
  if (config.listeners.some(({ protocol }) => protocol === inboundPart.name))
    protocols.set(
      inboundPart.name,
      building.adopt(inbound(config, tools, neighbours, building), (one) => one.close()),
    );
  const built = building.move();
  return { protocols, close: () => built.dispose() };
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
