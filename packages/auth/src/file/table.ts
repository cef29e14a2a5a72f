// A whole password file as a look-up table, put together line by line. Never throws: problems are collected, each as
// FILE:LINE: sentence.

import type { Proof } from "@postern/contracts";
import { quoted } from "../quoted.ts";
import { parseLine, type Account } from "./line.ts";
import { schemeOf } from "./schemes.ts";

/** Problems that are told of one file; the others are only counted. */
const SHOWN = 10;

export interface Table {
  /** By normalised name. */
  readonly users: ReadonlyMap<string, Account>;
  /** A hash that costs what most do: unknown users are checked against it, and the result is thrown away. */
  readonly typical: string | undefined;
  readonly proves: readonly Proof[];
  /** What most SCRAM keys have. */
  readonly scramIterations: number | undefined;
}

/** The columns that a proof other than the password needs. */
const COLUMN_PROOFS = { nt: "ntlm", "scram-sha-256": "scram-sha-256", "scram-sha-1": "scram-sha-1" } as const;

export class TableBuilder {
  readonly #file: string;
  readonly #defaultDomain: string | undefined;
  readonly #users = new Map<string, Account>();
  /** How many hashes of one cost there are, with one of them. */
  readonly #costs = new Map<string, { count: number; readonly example: string }>();
  /** How many users have keys of so many iterations. */
  readonly #iterations = new Map<string, number>();
  readonly #proves = new Set<Proof>(["password"]);
  readonly #problems: string[] = [];
  #line = 0;

  constructor(file: string, defaultDomain: string | undefined) {
    this.#file = file;
    this.#defaultDomain = defaultDomain;
  }

  /** The next line. */
  add(text: string): void {
    this.#line++;
    const parsed = parseLine(text, this.#defaultDomain);
    if (parsed === undefined) return;
    if ("problem" in parsed) this.#problem(parsed.problem);
    else if (this.#users.has(parsed.user)) this.#problem(`${quoted(parsed.user)} is there twice`);
    else this.#take(parsed.user, parsed.account);
  }

  /** The table, or what is wrong with the file, in one text. */
  finish(): { readonly table: Table } | { readonly problem: string } {
    const more = this.#problems.length - SHOWN;
    const problem = [...this.#problems.slice(0, SHOWN), ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
    if (problem !== "") return { problem };
    const [most] = [...this.#costs.values()].toSorted((a, b) => b.count - a.count);
    const [iterations] = [...this.#iterations].toSorted(([, a], [, b]) => b - a)[0] ?? [];
    const scramIterations = iterations === undefined ? undefined : Number(iterations);
    return { table: { users: this.#users, typical: most?.example, proves: [...this.#proves], scramIterations } };
  }

  #problem(sentence: string): void {
    this.#problems.push(`${this.#file}:${this.#line}: ${sentence}`);
  }

  #take(user: string, account: Account): void {
    this.#users.set(user, account);
    for (const [column, proof] of Object.entries(COLUMN_PROOFS)) if (column in account) this.#proves.add(proof);
    const keys = account["scram-sha-256"] ?? account["scram-sha-1"];
    const iterations = keys === undefined ? undefined : schemeOf(keys)?.cost(keys);
    if (iterations !== undefined) this.#iterations.set(iterations, (this.#iterations.get(iterations) ?? 0) + 1);
    this.#countCost(account);
  }

  #countCost({ password }: Account): void {
    const scheme = password === undefined ? undefined : schemeOf(password);
    if (password === undefined || scheme === undefined) return;
    const cost = `${scheme.name} ${scheme.cost(password)}`;
    const same = this.#costs.get(cost);
    if (same === undefined) this.#costs.set(cost, { count: 1, example: password });
    else same.count++;
  }
}
