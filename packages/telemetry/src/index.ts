// Telemetry: the log, records of sessions, metrics, the wire trace, and what makes values safe to write down.

export { createLogger, type ReopeningLogger } from "./winston.ts";
export { cleanFields, cleanText, isSecretName, type Plain, type PlainFields } from "./redact.ts";
export {
  SESSION_FIELDS,
  sessionRecord,
  writeSession,
  type SessionEnd,
  type SessionField,
  type SessionRecord,
} from "./session-record.ts";
export {
  createMetrics,
  METRICS,
  sumSnapshots,
  type Cell,
  type MetricName,
  type Metrics,
  type Sample,
  type Snapshot,
  type Values,
} from "./metrics.ts";
export { OPENMETRICS_TYPE, renderOpenMetrics } from "./openmetrics.ts";
export { createWireTrace, type Direction, type SessionTrace, type WireTrace } from "./wire-trace.ts";
export { LOG_LEVELS, logContradictions, logSettings, type LogLevel, type LogSettings } from "./settings.ts";
