// Where to: route sources (a table, a hash, a server asked over HTTP), a memory for those that take time, and settings.

export { buildSources } from "./build.ts";
export type { SourceContext } from "./build.ts";
export { invalidate, withCache } from "./cache.ts";
export type { CachedSource, CacheSettings } from "./cache.ts";
export type { TimedAnswer } from "./answer.ts";
export { hashSource, rendezvousHash } from "./hash.ts";
export { staticSource } from "./static.ts";
export type { StaticTable } from "./static.ts";
export type { Envelope, EnvelopeQuery } from "@postern/lookup";
export { routeSettings } from "./settings.ts";
export type { RouteValue } from "./settings.ts";
