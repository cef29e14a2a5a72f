// Which backend an association group is at (C706 section 12.6.3.1.2, [MS-RPCE] section 3.3.1.5.6): a server gives it its number in the
// answer to a bind, and all connections of the client that name it must reach that server. Groups with connections in this process
// are known here; the other workers, and who comes after a reload, hear of them by the shared state. What belongs to a group ends
// soon after its last connection. A number that a client made up is noted nowhere: only a backend makes groups. Never throws.

import type { Clock, SharedState, Timer } from "@postern/contracts";

/** A claim outlives the group's last connection by so much; it is renewed while there are any. */
const TTL_MS = 2 * 60_000;
const RENEW_MS = 50_000;

interface Group {
  readonly backend: string;
  connections: number;
  /** Another backend has the same number for this client in the shared state, of a group that is gone. */
  isTaken: boolean;
}

export class Groups {
  readonly #state: SharedState;
  readonly #clock: Clock;
  readonly #groups = new Map<string, Group>();
  #sweep: Timer | undefined;

  constructor(state: SharedState, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  /** The backend of a group; `preferred` where nobody knows it. */
  async backendOf(client: string, id: number, preferred: string): Promise<string> {
    const key = keyOf(client, id);
    return this.#groups.get(key)?.backend ?? (await this.#state.claimed(key)) ?? preferred;
  }

  /** A connection of the group is at `backend`. What is returned is called once, when the connection is over. */
  join(client: string, id: number, backend: string): () => void {
    const key = keyOf(client, id);
    const known = this.#groups.get(key);
    const group = known?.backend === backend ? known : { backend, connections: 0, isTaken: false };
    group.connections += 1;
    if (group !== known) {
      this.#groups.set(key, group);
      this.#claim(key, group);
      this.#sweep ??= this.#clock.after(RENEW_MS, () => this.#renew());
    }
    return () => this.#leave(key, group);
  }

  #leave(key: string, group: Group): void {
    group.connections -= 1;
    if (group.connections > 0 || this.#groups.get(key) !== group) return;
    this.#groups.delete(key);
    if (this.#groups.size > 0) return;
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  #claim(key: string, group: Group): void {
    void this.#state.claim(key, group.backend, TTL_MS).then((first) => {
      group.isTaken = first !== undefined && first !== group.backend;
    });
  }

  #renew(): void {
    for (const [key, group] of this.#groups) if (!group.isTaken) this.#claim(key, group);
    this.#sweep = this.#clock.after(RENEW_MS, () => this.#renew());
  }
}

const keyOf = (client: string, id: number): string => `rpc-group:${client}:${id}`;
