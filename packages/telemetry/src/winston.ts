// The gateway's log: the only file that imports winston. Every message and field is made safe (redact.ts) before a format
// prints it, whatever the caller passed. Logging never throws; createLogger and reopen throw when a file cannot be opened.

import winston from "winston";
import { systemClock, type Clock, type Logger, type LogFields } from "@postern/contracts";
import { openDestination } from "./destination.ts";
import { jsonLine, textLine } from "./line.ts";
import { cleanFields, cleanText } from "./redact.ts";
import { LOG_LEVELS, type LogSettings } from "./settings.ts";

export interface ReopeningLogger extends Logger {
  /** Opens the log file anew, after it was renamed (SIGHUP). Throws when it cannot; then lines go to the old one. */
  reopen(): void;
  /** Writes nothing from now on, and closes the file. */
  close(): void;
}

const LEVELS = Object.fromEntries(LOG_LEVELS.map((level, grade) => [level, grade]));
const MESSAGE: unique symbol = Symbol.for("message");
/** Those that come with winston put a stream and a timer behind each line. Its types know the class by a name that is not there. */
const { Transport } = winston as unknown as {
  readonly Transport: new (lines: { log: (info: { readonly [MESSAGE]: string }, done: () => void) => void }) => winston.transport;
};

/** A log by its settings; the clock is for the time stamps. */
export function createLogger(settings: Omit<LogSettings, "trace">, clock: Clock = systemClock): ReopeningLogger {
  const destination = openDestination(settings.destination);
  const lineOf = settings.format === "json" ? jsonLine : textLine;

  const format = winston.format((info) => {
    info[MESSAGE] = lineOf({
      time: settings.timestamps ? clock.now() : undefined,
      level: info.level,
      message: cleanText(String(info.message)),
      fields: cleanFields((info["fields"] ?? {}) as LogFields),
    });
    return info;
  })();

  const transport = new Transport({
    log(info, done) {
      destination.write(info[MESSAGE]);
      done();
    },
  });
  const logger = winston.createLogger({
    levels: LEVELS,
    level: settings.level,
    format,
    transports: [transport],
  });

  // Fields stay apart from winston's own: it would add a field called "message" to the message.
  const write = (level: string) => (message: string, fields?: LogFields) => void logger.log({ level, message, fields });

  return {
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: write("debug"),
    isDebug: () => settings.level === "debug",
    reopen: () => destination.reopen(),
    close() {
      logger.silent = true;
      logger.close();
      destination.close();
    },
  };
}
