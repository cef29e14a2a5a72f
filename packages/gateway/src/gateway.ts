// One process's gateway: house, listeners, health, certificates; started, reloaded and drained as a whole. The primary and
// its workers are in workers.ts; a gateway with one worker runs in the primary itself.

import { systemClock, type Clock, type Leg, type Logger, type SharedState } from "@postern/contracts";
import { Registry } from "@postern/core";
import { createHealthMonitor, type HealthMonitor } from "@postern/health";
import { addressKey, createLoginGuard, type MeasuredLoginGuard } from "@postern/limits";
import { createMetrics, createWireTrace, type Metrics } from "@postern/telemetry";
import { createObserver } from "./observer.ts";
import { buildHouse, listenerHouse, type BuiltHouse } from "./house.ts";
import { Listeners, type ListenOptions } from "./listeners.ts";
import type { GatewayConfig } from "./parts.ts";
import { probe } from "./probe.ts";
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
      const found = listenerHouse(listener, config, this.#parts.logger, () => (listener.tls === "none" ? undefined : tls.server));
      return [listener, { house: house.house, listener: found }] as const;
    });
    try {
      await this.#listeners.set(receptions);
    } catch (error) {
      discard(built);
      throw error;
    }
    this.#built = built;
    built.health.start();
    if (before !== undefined) discard(before);
  }

  /** One line per listener. */
  lines(): string[] {
    return this.#listeners.lines();
  }

  /** Stops accepting, says goodbye to everybody within the drain time, and resolves when all are gone. */
  async drain(): Promise<void> {
    await this.#listeners.close();
    await this.registry.drain(this.#built?.config.shutdown.drain ?? 0);
    if (this.#built !== undefined) discard(this.#built);
  }

  async #build(config: GatewayConfig, before: Built | undefined): Promise<Built> {
    const { logger, state, shared } = this.#parts;
    const clock = this.#clock;
    const tls = await TlsStore.open(config.tls, shared, clock, logger);
    try {
      const health = createHealthMonitor({ settings: config.health, clock, logger, probe, clientKey: addressKey });
      health.update(allLegs(config));
      const sameLimits =
        before !== undefined && JSON.stringify(before.config.limits.login) === JSON.stringify(config.limits.login);
      const guard = sameLimits ? before.guard : createLoginGuard(config.limits.login, clock);
      const trace = createWireTrace(config.log.trace, logger);
      const house = buildHouse(
        config,
        { clock, logger, state, registry: this.registry, observer: createObserver(this.metrics, logger, clock) },
        { health, guard, trace },
      );
      return { config, tls, health, guard, house };
    } catch (error) {
      tls.close();
      throw error;
    }
  }
}

function discard({ tls, health, house }: Built): void {
  tls.close();
  health.stop();
  house.close();
}

const allLegs = (config: GatewayConfig): Leg[] => [...config.backends.values()].flatMap((legs) => [...legs.values()]);
