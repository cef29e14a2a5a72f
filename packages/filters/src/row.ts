// What a filter brings: its settings, and how it is built. The table of all is table.ts; the key there is the filter's name.

import type { Clock, Contradiction, Logger, MailFilter, setting, SharedState, ValueOf } from "@postern/contracts";
import type { DnsResolver } from "./dns.ts";

/** What filters are built with. */
export interface FilterServices {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The gateway's own name: HELO names that claim it are forged, and results are signed with it. */
  readonly hostname: string;
  /** Is this domain (any case, without a trailing dot) one that the gateway takes mail for? */
  readonly isOurs: (domain: string) => boolean;
  readonly state: SharedState;
  readonly dns: DnsResolver;
}

export interface FilterRow<G extends setting.Group = setting.Group> {
  /** Its group must hold `on`, a boolean, false by default, unless being named is what switches it on. */
  readonly settings: G;
  /** undefined: switched off. The filter's name is the row's key in the table. */
  build(settings: ValueOf<G>, services: FilterServices): MailFilter | undefined;
  /** What the group alone cannot see; keys from the group down. */
  contradictions?(settings: ValueOf<G>): readonly Contradiction[];
}
