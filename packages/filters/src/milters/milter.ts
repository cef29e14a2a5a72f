// What is known of a milter from its settings.

import type { Clock, Logger } from "@postern/contracts";
import type { ScannerAddress } from "../scanner-address.ts";
import type { Places, Unscanned } from "../scanner.ts";
import type { MilterTimes } from "./link.ts";
import type { OnDiscard } from "./verdict.ts";

export interface Milter {
  /** As the settings, the log and findings name it. */
  readonly name: string;
  /** Of its findings: "MILTER_OPENDKIM". */
  readonly symbol: string;
  readonly address: ScannerAddress;
  readonly times: MilterTimes;
  readonly discard: OnDiscard;
  readonly hostname: string;
  readonly places: Places;
  readonly unscanned: Unscanned;
  readonly clock: Clock;
  readonly logger: Logger;
}
