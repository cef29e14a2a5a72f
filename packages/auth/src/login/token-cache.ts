// Tokens for the backend that the gateway was given, in memory only: each until shortly before it expires, so many at most,
// and the same question at the same moment asked once. What was refused is not remembered. Never throws by itself.

import type { Clock } from "@postern/contracts";

export interface Token {
  readonly token: Buffer;
  /** For how long it is good, milliseconds. */
  readonly lifeMs: number;
}

const MAX_ENTRIES = 10_000;
/** So long before its end a token is not presented any more: it must live until the backend has looked at it. */
const MARGIN_MS = 60_000;
/** However long a token lives: a user who was locked at the provider shall not stay in. */
const LONGEST_MS = 3_600_000;

export class TokenCache {
  readonly #clock: Clock;
  /** By key, oldest first. */
  readonly #entries = new Map<string, { readonly token: Buffer; readonly until: number }>();
  readonly #asked = new Map<string, Promise<Token>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A copy of the token that is known under this key, or of that which `ask` gets. */
  async get(key: string, ask: () => Promise<Token>): Promise<Buffer> {
    const known = this.#entries.get(key);
    if (known !== undefined && known.until > this.#clock.now()) return Buffer.from(known.token);
    const { token } = await (this.#asked.get(key) ?? this.#ask(key, ask));
    return Buffer.from(token);
  }

  clear(): void {
    for (const key of this.#entries.keys()) this.#forget(key);
  }

  async #ask(key: string, ask: () => Promise<Token>): Promise<Token> {
    const asking = ask();
    this.#asked.set(key, asking);
    try {
      const answer = await asking;
      this.#add(key, answer);
      return answer;
    } finally {
      this.#asked.delete(key);
    }
  }

  #add(key: string, { token, lifeMs }: Token): void {
    this.#forget(key);
    const usableMs = Math.min(lifeMs - MARGIN_MS, LONGEST_MS);
    if (usableMs <= 0) return;
    this.#entries.set(key, { token: Buffer.from(token), until: this.#clock.now() + usableMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#forget(oldest);
  }

  #forget(key: string): void {
    this.#entries.get(key)?.token.fill(0);
    this.#entries.delete(key);
  }
}
