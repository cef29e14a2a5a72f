// TLS passed through, built for one configuration. Throws nothing.

import type { Clock, Health, HostedProtocol, Leg, Logger } from "@postern/contracts";
import { alertFor } from "./alerts.ts";
import { createNames } from "./names.ts";
import { passthroughPart } from "./part.ts";
import { Passage } from "./passage.ts";
import type { PassthroughSettings } from "./settings.ts";

/** Handed in by the gateway. */
export interface PassthroughParts {
  readonly settings: PassthroughSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly health: Health;
  /** Of all backends, by the backend's name. */
  readonly legs: ReadonlyMap<string, Leg>;
}

export function buildPassthrough({ settings, clock, logger, health, legs }: PassthroughParts): HostedProtocol {
  const find = createNames(settings.names, legs);
  const house = { clock, logger, health, find, helloTimeoutMs: settings.helloTimeout };
  return {
    ...passthroughPart,
    host: (socket, session) => new Passage(socket, session, house),
    refusal: alertFor,
    close: () => {},
  };
}
