// One process's gateway: house, listeners, health, certificates; started, reloaded and drained as a whole. The primary and
// its workers are in workers.ts; a gateway with one worker runs in the primary itself.

import { addressKey, systemClock, type Clock, type Leg, type Logger, type SharedState } from "@postern/contracts";
import { Registry } from "@postern/core";
import { createHealthMonitor, type HealthMonitor } from "@postern/health";
import { createLoginGuard, type MeasuredLoginGuard } from "@postern/limits";
import { createMetrics, createWireTrace, type Metrics } from "@postern/telemetry";
import { createObserver } from "./observer.ts";
import { buildHouse, listenerHouse, type BuiltHouse } from "./house.ts";
import { Listeners, type ListenOptions } from "./listeners.ts";
import type { GatewayConfig } from "./parts.ts";
import { featureProbe } from "./probe.ts";
import { TlsStore, type SharedTls } from "./tls-store.ts";

export interface GatewayParts {
  readonly logger: Logger;
  readonly state: SharedState;
  readonly shared: SharedTls;
  readonly listen: ListenOptions;
  readonly clock?: Clock;
}

/** What one configuration brought, and what its successor closes. */
interface Built {
  readonly config: GatewayConfig;
  readonly tls: TlsStore;
  readonly health: HealthMonitor;
  readonly guard: MeasuredLoginGuard;
  readonly house: BuiltHouse;
}

export class Gateway {
  readonly registry: Registry;
  readonly metrics: Metrics;
  readonly #parts: GatewayParts;
  readonly #clock: Clock;
  readonly #listeners: Listeners;
  #built: Built | undefined;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.registry = new Registry(this.#clock);
    this.metrics = createMetrics();
    this.#listeners = new Listeners(parts.listen, parts.logger);
  }

  /** Applies a configuration, the first or a new one. Throws, with the old one in service, when it cannot be applied. */
  async apply(config: GatewayConfig): Promise<void> {
    const before = this.#built;
    const built = await this.#build(config, before);
    const { tls, house } = built;
    const receptions = config.listeners.map((listener) => {
      const found = listenerHouse(listener, config, house, () => (listener.tls === "none" ? undefined : tls.server));
      return [listener, { house: house.house, listener: found }] as const;
    });
    try {
      await this.#listeners.set(receptions);
    } catch (error) {
      discard(built, before);
      throw error;
    }
    this.#built = built;
    // Not sooner: a monitor that was kept goes on with the old legs when the new configuration cannot be applied.
    built.health.update(allLegs(config));
    built.health.start();
    if (before !== undefined) discard(before, built);
  }

  /** One line per listener. */
  lines(): string[] {
    return this.#listeners.lines();
  }

  /** Stops accepting, says goodbye to everybody within the drain time, and resolves when all are gone. */
  async drain(): Promise<void> {
    await this.#listeners.close();
    await this.registry.drain(this.#built?.config.shutdown.drain ?? 0);
    if (this.#built !== undefined) discard(this.#built, undefined);
  }

  async #build(config: GatewayConfig, before: Built | undefined): Promise<Built> {
    const { logger, state, shared } = this.#parts;
    const clock = this.#clock;
    const tls = await TlsStore.open(config.tls, shared, clock, logger);
    try {
      // What is known of backends and of guessers stays while their settings do.
      const health =
        before !== undefined && isSame(before.config.health, config.health)
          ? before.health
          : createHealthMonitor({
              settings: config.health,
              clock,
              logger,
              probe: featureProbe(config),
              clientKey: addressKey,
            });
      const guard =
        before !== undefined && isSame(before.config.limits.login, config.limits.login)
          ? before.guard
          : createLoginGuard(config.limits.login, clock);
      const trace = createWireTrace(config.log.trace, logger);
      const house = buildHouse(
        config,
        {
          clock,
          logger,
          state,
          registry: this.registry,
          observer: createObserver(this.metrics, logger, clock),
          secret: shared.ticketKeys,
        },
        { health, guard, trace },
      );
      return { config, tls, health, guard, house };
    } catch (error) {
      tls.close();
      throw error;
    }
  }
}

/** Closes what `inService` does not go on with. */
function discard({ tls, health, house }: Built, inService: Built | undefined): void {
  tls.close();
  if (health !== inService?.health) health.stop();
  house.close();
}

/** Settings are plain values, in the order of their table. */
const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

const allLegs = (config: GatewayConfig): Leg[] => [...config.backends.values()].flatMap((legs) => [...legs.values()]);
