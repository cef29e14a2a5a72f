// Puts the inbound role together for one configuration: the pool of backend connections, and the protocol on top of it.

import type { HostedProtocol } from "@postern/contracts";
import { createBackendPool, type BackendPoolParts } from "@postern/core";
import { greet, leave, type SmtpBackend } from "./delivery/backend.ts";
import { createInbound } from "./inbound.ts";
import type { InboundParts } from "./parts.ts";

/** What the gateway hands in. */
export interface InboundServices extends Omit<InboundParts, "pool"> {
  /** Of the lines of backends. */
  readonly limits: BackendPoolParts<SmtpBackend>["limits"];
}

export function buildInbound({ limits, ...parts }: InboundServices): HostedProtocol {
  const { clock, health, hostname, settings } = parts;
  const pool = createBackendPool<SmtpBackend>({ greet: greet(hostname), leave, limits, clock, health, settings: settings.pool });
  return createInbound({ ...parts, pool });
}
