// What the fronts of one configuration share.

import type { Clock, Logger } from "@postern/contracts";
import type { Handler } from "../exchange.ts";
import type { HttpsSettings } from "../settings.ts";

export interface FrontHouse {
  readonly settings: HttpsSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hostname: string;
  /** Answers each request. */
  readonly handler: Handler;
}
