// What a command of the command line is asked to do: shared by the parser of the command line and by who does it.

import { existsSync } from "node:fs";
import type { Flags } from "./flags.ts";
import { hasListenerFlags } from "./flags.ts";

export const DEFAULT_CONFIG_FILE = "/etc/postern/postern.yaml";

export interface CommandArgs {
  /** The configuration file to read; undefined when the flags say everything. */
  readonly config: string | undefined;
  readonly flags: Flags;
  /** Write JSON where a person would otherwise get a table. */
  readonly json: boolean;
}

export interface RouteArgs extends CommandArgs {
  readonly user: string;
  /** undefined: every protocol that the configuration has. */
  readonly protocol: string | undefined;
}

/**
 * The file to read: what was asked for, else the file in /etc when it is there and no flag names a listener, else none.
 */
export function configFile(asked: string | undefined, flags: Flags, standard = DEFAULT_CONFIG_FILE): string | undefined {
  if (asked !== undefined) return asked;
  return !hasListenerFlags(flags) && existsSync(standard) ? standard : undefined;
}
