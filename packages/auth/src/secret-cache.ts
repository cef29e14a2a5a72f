// Remembers for a short while what a verifier said yes to, so that an app with five connections is one question. Only a
// keyed hash of the secret is kept; a no, an unknown user and a failure are never remembered. A verifier may have looked at
// the session too: a yes counts for the same protocol, client and client certificate only. Questions that are the same at
// the same moment are asked once. Memory is bounded. Never throws by itself.

import { createHmac, randomBytes } from "node:crypto";
import type { Clock, Credentials, Session, Verdict } from "@postern/contracts";

const MAX_ENTRIES = 50_000;

export class SecretCache {
  readonly #lifeMs: number;
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  /** By hash, oldest first. */
  readonly #entries = new Map<string, Required<Verdict>>();
  readonly #asked = new Map<string, Promise<Verdict | undefined>>();

  /** Milliseconds; 0: nothing is remembered. */
  constructor(lifeMs: number, clock: Clock) {
    this.#lifeMs = lifeMs;
    this.#clock = clock;
  }

  /** What `ask` says of these credentials, or what it said a short while ago. */
  async remember(
    verifier: string,
    credentials: Credentials,
    session: Session,
    ask: () => Promise<Verdict | undefined>,
  ): Promise<Verdict | undefined> {
    if (this.#lifeMs === 0 || credentials.kind === "digest") return ask();
    const hash = this.#hash(verifier, credentials, session);
    const entry = this.#entries.get(hash);
    if (entry !== undefined && entry.until > this.#clock.now()) return entry;
    const running = this.#asked.get(hash);
    if (running !== undefined) return running;
    const asking = ask();
    this.#asked.set(hash, asking);
    try {
      const verdict = await asking;
      if (verdict !== undefined) this.#add(hash, verdict);
      return verdict;
    } finally {
      this.#asked.delete(hash);
    }
  }

  #add(hash: string, { user, until = Infinity }: Verdict): void {
    this.#entries.delete(hash);
    this.#entries.set(hash, { user, until: Math.min(until, this.#clock.now() + this.#lifeMs) });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
  }

  /** Every part with its length in front: no two questions have the same text. */
  #hash(verifier: string, { kind, authcid, authzid, secret }: Credentials, { listener, client, tls }: Session): string {
    const hmac = createHmac("sha256", this.#key);
    const { verify = "", pem = "" } = tls?.clientCertificate ?? {};
    const asker = [listener.protocol, client.host, tls === undefined ? "" : "tls", verify, pem];
    for (const part of [verifier, kind, authcid, authzid, ...asker]) hmac.update(`${Buffer.byteLength(part)}:${part}`);
    return hmac.update(secret.reveal()).digest("base64");
  }
}
