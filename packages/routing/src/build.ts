// Route sources out of settings. Refuses what contradicts itself or would send passwords in clear. Throws Error whose
// message begins with the entry ("routes[1]: …") and says the cure. Reads the CA file when it builds.

import type { Clock, RouteSource } from "@postern/contracts";
import { httpServer } from "@postern/lookup";
import { withCache } from "./cache.ts";
import { hashSource } from "./hash.ts";
import { jsonSource } from "./http-json.ts";
import { nginxSource } from "./http-nginx.ts";
import type { HttpRouteValue, RouteValue } from "./settings.ts";
import { staticSource } from "./static.ts";

export interface SourceContext {
  readonly clock: Clock;
  /** This gateway's name, as look-up servers see it. */
  readonly hostname: string;
  /** The domain of names without one. */
  readonly defaultDomain?: string;
}

function httpSource(value: HttpRouteValue, context: SourceContext): RouteSource {
  const { dialect, method, headers, sendPassword, passClientCertificate, addresses, cache } = value;
  if (dialect === "nginx" && sendPassword) throw new Error("sendPassword: is for the json dialect; nginx always sends it");
  if (dialect === "json" && passClientCertificate) throw new Error("passClientCertificate: is for the nginx dialect");
  const { clock, hostname } = context;
  const nginx = dialect === "nginx";
  const { client, label } = httpServer(value, { sendsSecrets: sendPassword || nginx, ignoreBody: nginx, clock });
  const name = `http ${label}`;
  if (nginx) return nginxSource({ name, client, headers, passClientCertificate, addresses, clock });
  const source = jsonSource({ name, client, method, headers, sendPassword, addresses, hostname });
  return source.cacheable ? withCache(source, cache, clock) : source;
}

function sourceOf(value: RouteValue, context: SourceContext): RouteSource {
  if (value.source === "static") return staticSource(value, context.defaultDomain);
  if (value.source === "hash") return hashSource(value.backends, value.weights);
  return httpSource(value, context);
}

/** The sources of `routes`, in order. Close each when done; on failure those built already are closed. */
export function buildSources(values: readonly RouteValue[], context: SourceContext): RouteSource[] {
  const sources: RouteSource[] = [];
  for (const [index, value] of values.entries()) {
    try {
      sources.push(sourceOf(value, context));
    } catch (error) {
      for (const source of sources) source.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`routes[${index}]: ${reason}`, { cause: error });
    }
  }
  return sources;
}
