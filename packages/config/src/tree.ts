// What a configuration says before anybody judges it: scalars, lists and maps, each with its place. The file and the
// flags both become such a tree, so that one walk checks both.

import type { Place } from "./place.ts";

export interface ScalarTree {
  readonly kind: "scalar";
  readonly place: Place;
  /** Numbers that do not print as they were written ("0123", "1e3") are given as their text. */
  readonly value: string | number | boolean | null;
}

export interface ListTree {
  readonly kind: "list";
  readonly place: Place;
  readonly items: readonly Tree[];
}

export interface MapEntry {
  /** Of the key. */
  readonly place: Place;
  readonly tree: Tree;
}

export interface MapTree {
  readonly kind: "map";
  readonly place: Place;
  readonly entries: ReadonlyMap<string, MapEntry>;
}

export type Tree = ScalarTree | ListTree | MapTree;

/** A map tree of ready subtrees, all at one place. */
export function mapTree(place: Place, entries: Iterable<readonly [string, Tree]>): MapTree {
  return { kind: "map", place, entries: new Map([...entries].map(([key, tree]) => [key, { place: tree.place, tree }])) };
}

export function listTree(place: Place, items: readonly Tree[]): ListTree {
  return { kind: "list", place, items };
}

export function scalarTree(place: Place, value: ScalarTree["value"]): ScalarTree {
  return { kind: "scalar", place, value };
}
