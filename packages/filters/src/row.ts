// What a filter brings: its name in the configuration, its settings, and how it is built. The table of all is table.ts.

import type { Clock, Logger, MailFilter, setting, SharedState, ValueOf } from "@postern/contracts";
import type { DnsResolver } from "./dns.ts";

/** What filters are built with. */
export interface FilterServices {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The gateway's own name: HELO names that claim it are forged, and results are signed with it. */
  readonly hostname: string;
  readonly state: SharedState;
  readonly dns: DnsResolver;
}

export interface FilterRow<G extends setting.Group = setting.Group> {
  /** The key under `filters`. */
  readonly name: string;
  /** Its group must hold `on`, a boolean, false by default, unless being named is what switches it on. */
  readonly settings: G;
  /** undefined: switched off. */
  readonly build: (settings: ValueOf<G>, services: FilterServices) => MailFilter | undefined;
}
