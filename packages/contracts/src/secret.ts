// A secret in memory: bytes that are wiped when the login is over, and that no log, JSON or inspector can print.

import { inspect } from "node:util";

export class Secret {
  #bytes: Buffer;

  constructor(value: string | Buffer) {
    this.#bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  }

  /** The bytes themselves, not a copy. Empty after wipe(). */
  reveal(): Buffer {
    return this.#bytes;
  }

  /** Overwrites the bytes. Calling it twice is harmless. */
  wipe(): void {
    this.#bytes.fill(0);
    this.#bytes = Buffer.alloc(0);
  }

  toString(): string {
    return "***";
  }

  toJSON(): string {
    return "***";
  }

  [inspect.custom](): string {
    return "Secret(***)";
  }
}
