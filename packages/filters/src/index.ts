// Edge defences: what strangers who bring mail are asked, checked and held to, stage by stage.

export { createFilters, filterContradictions } from "./build.ts";
export type { DnsAnswer, DnsAnswers, DnsResolver, DnsType } from "./dns.ts";
export { createDnsResolver, type ClosableDnsResolver, type DnsOptions } from "./resolver.ts";
export type { FilterRow, FilterServices } from "./row.ts";
export { filterSettings, type FilterSettings } from "./settings.ts";
export { FILTER_NAMES, type FilterName } from "./table.ts";
