// RPC over TCP, built for one configuration. Throws Error for settings that the contradictions refuse.

import type { Clock, ConnectionLimits, Health, HostedProtocol, Leg, Logger, SharedState } from "@postern/contracts";
import { createArrays, type Rank } from "./arrays.ts";
import { BackendPorts } from "./backend-ports.ts";
import { Groups } from "./groups.ts";
import { createServices } from "./interfaces.ts";
import { rpcTcpPart } from "./part.ts";
import { createRates } from "./rates.ts";
import type { RpcTcpSettings } from "./settings.ts";
import { Visit, type VisitHouse } from "./visit.ts";

/** Handed in by the gateway. */
export interface RpcTcpParts {
  readonly settings: RpcTcpSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly health: Health;
  readonly limits: Pick<ConnectionLimits, "user">;
  readonly state: SharedState;
  readonly defaultDomain: string | undefined;
  /** Of all backends that have one, by the backend's name. */
  readonly legs: ReadonlyMap<string, Leg>;
  /** The ports of all listeners of this protocol, as far as the configuration knows them. */
  readonly ports: readonly number[];
  readonly rank: Rank;
  /** Is this host not counted by the limits per address? */
  readonly isExempt: (host: string) => boolean;
}

/** Where end-point mappers are. */
const MAPPER_PORT = 135;

export function buildRpcTcp(parts: RpcTcpParts): HostedProtocol {
  const { settings, clock, state, legs, rank } = parts;
  const port = settings.port ?? parts.ports.find((one) => one !== MAPPER_PORT);
  const house: VisitHouse = {
    ...parts,
    openTimeoutMs: settings.openTimeout,
    services: createServices(settings.interfaces),
    toldPort: (service, local) => service.port ?? port ?? local,
    findLegs: createArrays(settings.arrays, legs, rank),
    backendPorts: new BackendPorts(clock),
    groups: new Groups(state, clock),
    rates: createRates(settings.connectionRate, state, parts.isExempt),
  };
  return {
    ...rpcTcpPart,
    host: (socket, session) => new Visit(socket, session, house),
    refusal: () => "",
    // Nothing is held but for clients, and those who are there stay when a reload closes this.
    close: () => {},
  };
}
