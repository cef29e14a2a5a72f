// Health of backends: probes and passive evidence.

export { createHealthMonitor, type HealthMonitor, type HealthMonitorParts } from "./monitor.ts";
export type { Probe, Seen } from "./rounds.ts";
export { healthContradictions, healthSettings, type HealthSettings } from "./settings.ts";
