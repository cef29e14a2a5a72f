// The virtual connections that this process knows, by their cookie ([MS-RPCH] section 3.2.3.1, the virtual connection cookie table),
// each with its user: nobody else has part in it, and what one half of it loses the other half loses too. Failure: not-authorized.

import { Failure, type Leg } from "@postern/contracts";
import type { InProxy } from "./in-proxy.ts";
import type { OutProxy } from "./out-proxy.ts";

export class VirtualConnection {
  readonly user: string;
  readonly cookie: string;
  /** The server that all its channels go to, once one of them was there. */
  home: Leg | undefined;
  /** When the other nodes were told of it last, milliseconds. */
  toldAt = 0;
  in: InProxy | undefined;
  out: OutProxy | undefined;

  constructor(user: string, cookie: string) {
    this.user = user;
    this.cookie = cookie;
  }
}

export class Connections {
  readonly #all = new Map<string, VirtualConnection>();

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<VirtualConnection> {
    return this.#all.values();
  }

  /** The connection of that cookie; a new one where there is none. */
  enter(user: string, cookie: string): VirtualConnection {
    const known = this.#all.get(cookie);
    if (known !== undefined && known.user !== user)
      throw new Failure("not-authorized", "The virtual connection is somebody else's");
    const connection = known ?? new VirtualConnection(user, cookie);
    this.#all.set(cookie, connection);
    return connection;
  }

  /** `half` is over; with a failure the other half is ended too. */
  left(connection: VirtualConnection, half: InProxy | OutProxy, failure: Failure | undefined): void {
    if (connection.in === half) connection.in = undefined;
    if (connection.out === half) connection.out = undefined;
    if (failure !== undefined) (connection.in ?? connection.out)?.end(failure);
    if (connection.in === undefined && connection.out === undefined && this.#all.get(connection.cookie) === connection)
      this.#all.delete(connection.cookie);
  }
}
