// The route sources of a configuration.

import type { Clock, RouteSource } from "@postern/contracts";
import { buildSources } from "@postern/routing";
import type { GatewayConfig } from "./parts.ts";

/** In the order in which to ask; close each when done. Throws what a source says of its settings ("routes[1]: …"). */
export function sourcesOf(
  { routes, hostname, defaultDomain }: Pick<GatewayConfig, "routes" | "hostname" | "defaultDomain">,
  clock: Clock,
): RouteSource[] {
  return buildSources(routes, { clock, hostname, ...(defaultDomain !== undefined && { defaultDomain }) });
}
