// Settings of telemetry: the log and the wire trace.

import { isAbsolute } from "node:path";
import { setting, type Contradiction, type Parsed, type ValueOf } from "@postern/contracts";

const { boolean, choice, custom, group, integer, list, path, size, text } = setting;

export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

function parseDestination(raw: unknown): Parsed<string> {
  const value = String(raw);
  if (value === "stdout" || value === "stderr") return { value };
  if (isAbsolute(value) && !/[\r\n\0]/.test(value)) return { value };
  return { problem: `must be stdout, stderr or the absolute path of a file, not "${value}"` };
}

// Constants of their own where a setting is optional: inside the group's literal its type would lose that.
const directory = path("The folder of the trace files. It is made when it is missing, readable by the gateway's user alone.", {
  optional: true,
});

export const logSettings = group("What is written down: one line when a session ends, and what went wrong.", {
  level: choice("The least grave lines to write. A session's end is info; a failed backend is warn.", LOG_LEVELS, {
    default: "info",
  }),
  format: choice("One line each: text is for people, json for collectors. Both have the same fields.", ["text", "json"], {
    default: "text",
  }),
  destination: custom(
    "stdout | stderr | path",
    "Where lines go: stdout, stderr, or a file by its absolute path. A file is opened anew on SIGHUP, so that it can be rotated.",
    parseDestination,
    { default: "stderr" },
  ),
  timestamps: boolean("Begin each line with the time. Turn it off where the system's journal adds its own.", { default: true }),
  trace: group("The wire trace: what was said before login, with secrets masked, in one file a session.", {
    users: list(
      "The users whose sessions are traced, by their full names as the log shows them. Nobody is traced when it is empty.",
      text("A user's full name.", { pattern: /^\S+$/, like: "a user name without spaces" }),
      { single: true },
    ),
    directory,
    maxSize: size("The largest trace file; the rest of the session's dialogue is left out.", {
      default: 1024 * 1024,
      min: 1024,
      max: 1024 ** 3,
    }),
    maxSessions: integer("Trace files in the folder. When there are so many, no new trace is written until some are removed.", {
      default: 100,
      min: 1,
      max: 100_000,
    }),
  }),
});

export type LogSettings = ValueOf<typeof logSettings>;

/** What the table alone cannot see. */
export function logContradictions({ trace }: LogSettings): readonly Contradiction[] {
  if (trace.users.length === 0 || trace.directory !== undefined) return [];
  return [{ key: "trace.directory", problem: "must be set when trace.users names somebody" }];
}
