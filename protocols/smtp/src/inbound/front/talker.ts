// Who does what a client says, behind the wire (connection.ts).

import type { Clock } from "@postern/contracts";
import type { Limits } from "./patience.ts";

/** Nothing here rejects. */
export interface Talker {
  /** Greets. What the client sends is read when that is done. */
  begin(): void | Promise<void>;
  /** One line without its end. */
  command(line: Buffer): void | Promise<void>;
  /** The client is silent: what is held for it, and can be had again, goes back. */
  rests(): void;
  /** The client is gone: what is under way for it and cannot end is given up. */
  gone(): void;
  /** No work is under way any more. */
  close(): void;
}

export interface WireHouse extends Limits {
  readonly clock: Clock;
}
