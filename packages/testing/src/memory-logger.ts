// A logger that keeps what it is told, for assertions.

import type { LogFields, Logger } from "@postern/contracts";

export interface LogRecord {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly message: string;
  readonly fields: LogFields;
}

export interface MemoryLogger extends Logger {
  readonly records: readonly LogRecord[];
  /** The messages of one level, in order. */
  messages(level: LogRecord["level"]): string[];
  /** Everything as JSON text, to assert that a secret is nowhere in it. */
  text(): string;
}

/** `debug: false` makes isDebug() answer no; debug lines are kept all the same. */
export function createMemoryLogger(options: { readonly debug?: boolean } = {}): MemoryLogger {
  const records: LogRecord[] = [];
  const at =
    (level: LogRecord["level"]) =>
    (message: string, fields: LogFields = {}): void => {
      records.push({ level, message, fields });
    };
  return {
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    isDebug: () => options.debug ?? true,
    records,
    messages: (level) => records.filter((record) => record.level === level).map((record) => record.message),
    text: () => JSON.stringify(records, errorsToo),
  };
}

// JSON leaves errors out; what they say is what a test looks for.
function errorsToo(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return Object.fromEntries(Object.getOwnPropertyNames(value).map((name) => [name, Reflect.get(value, name)]));
}
