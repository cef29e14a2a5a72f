// For how long a number has not changed, looked at now and then: so that nothing is written down for each PDU. Never throws.

/** A client may ping once in a whole time-out, and look only then whether it has to ([MS-RPCH] section 3.2.2.6.1): so many are over then. */
export const SILENCE = 2;

export class Quiet {
  #of: unknown;
  #value: number | undefined;
  #since = 0;

  /** Milliseconds; 0 for a number that has changed, is one of something else, or is not there. */
  since(now: number, value: number | undefined, of?: unknown): number {
    if (value === undefined || value !== this.#value || of !== this.#of) this.#since = now;
    this.#value = value;
    this.#of = of;
    return now - this.#since;
  }
}
