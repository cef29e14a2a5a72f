// One request on its way to a backend: who asks, where it goes, and what becomes known of it.

import type { RequestFacts } from "./access-log.ts";
import type { Exchange, RequestBody } from "./exchange.ts";
import type { Admission, Service } from "./parts.ts";
import type { Where } from "./where.ts";

export interface Errand {
  readonly exchange: Exchange;
  readonly service: Service;
  readonly admission: Admission;
  readonly where: Where;
  readonly body: RequestBody | undefined;
  readonly facts: RequestFacts;
}
