// What the checks of one message come to: results for the header, findings, and a verdict. The checks fill it, in order of
// how much they prove.

import { found, stop, type FilterVerdict, type Finding } from "@postern/contracts";
import type { CheckAction } from "./settings.ts";
import { resinfoText, type Resinfo } from "./results.ts";

export interface Outcome {
  readonly results: readonly string[];
  readonly findings: readonly Finding[];
  /** The first refusal, else the first deferral. */
  readonly verdict: FilterVerdict | undefined;
}

/** "off" is neither told nor counted, "mark" counts 0. */
export type Weight = CheckAction | "follow";

export class OutcomeBuilder {
  readonly #results: string[] = [];
  readonly #findings: Finding[] = [];
  #refusal: FilterVerdict | undefined;
  #deferral: FilterVerdict | undefined;

  result(weight: Weight, resinfo: Resinfo): void {
    if (weight !== "off") this.#results.push(resinfoText(resinfo));
  }

  find(weight: Weight, symbol: string, score: number, text: string): void {
    if (weight !== "off") this.#findings.push(found(symbol, weight === "mark" ? 0 : score, text));
  }

  refuse(status: string, text: string): void {
    this.#refusal ??= stop(550, status, text);
  }

  defer(status: string, text: string): void {
    this.#deferral ??= stop(451, status, text);
  }

  /** Checks that are only told of never stop a message. */
  deferIf(weight: Weight, dnsDown: "accept" | "defer", status: string, text: string): void {
    if (dnsDown === "defer" && weight !== "off" && weight !== "mark") this.defer(status, text);
  }

  get outcome(): Outcome {
    return { results: this.#results, findings: this.#findings, verdict: this.#refusal ?? this.#deferral };
  }
}
