// What the rest of the house needs of a log. Only packages/telemetry knows winston.

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** Ask before building the fields of a hot debug line. */
  isDebug(): boolean;
}
