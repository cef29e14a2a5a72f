// Where an interface is reached at a backend: the port of the settings, or the one that the backend's own end-point mapper tells,
// remembered for a minute. Who asks while an answer is under way waits for that one. Failure: as of epm/ask.ts.

import { legText, type Clock, type Leg } from "@postern/contracts";
import type { Service } from "./interfaces.ts";
import { askPort } from "./epm/ask.ts";

const MEMORY_MS = 60_000;

interface Told {
  readonly port: Promise<number>;
  /** Until when it counts; undefined: it is under way. */
  until: number | undefined;
}

export class BackendPorts {
  readonly #clock: Clock;
  /** As many as there are legs and interfaces, at most. */
  readonly #told = new Map<string, Told>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(leg: Leg, { syntax, backendPort }: Service): Promise<number> {
    if (backendPort !== undefined) return Promise.resolve(backendPort);
    const key = keyOf(leg, syntax.uuid);
    const told = this.#told.get(key);
    if (told !== undefined && (told.until === undefined || told.until > this.#clock.now())) return told.port;
    return this.#ask(key, leg, { syntax });
  }

  /** Nobody answers there any more. */
  forget(leg: Leg, { syntax }: Service): void {
    this.#told.delete(keyOf(leg, syntax.uuid));
  }

  #ask(key: string, leg: Leg, { syntax }: Pick<Service, "syntax">): Promise<number> {
    const told: Told = { port: askPort(leg, syntax, this.#clock), until: undefined };
    this.#told.set(key, told);
    told.port.then(
      () => void (told.until = this.#clock.now() + MEMORY_MS),
      () => void (this.#told.get(key) === told && this.#told.delete(key)),
    );
    return told.port;
  }
}

const keyOf = (leg: Leg, uuid: string): string => `${legText(leg)} ${uuid}`;
