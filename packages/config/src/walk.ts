// Walks a settings table over a tree and yields the value, every problem with its place, and where each value stood.
// A wrong value does not stop the walk: it becomes undefined in its list, dict or section, and the walk goes on.
// Dicts have no prototype, so that a look-up by a foreign name finds nothing that was not configured. Never throws.

import { resolve } from "node:path";
import { orList } from "@postern/contracts";
import type { Setting } from "@postern/contracts";
import { notYet } from "./later.ts";
import { itemPath, keyPath } from "./place.ts";
import type { Place, Problem } from "./place.ts";
import type { MapTree, ScalarTree, Tree } from "./tree.ts";
import { didYouMean } from "./words.ts";

type List = Extract<Setting<unknown>, { kind: "list" }>;
type Dict = Extract<Setting<unknown>, { kind: "dict" }>;
type Group = Extract<Setting<unknown>, { kind: "group" }>;
type Tagged = Extract<Setting<unknown>, { kind: "tagged" }>;
type Scalar = Extract<Setting<unknown>, { kind: "scalar" }>;

/** The values of a group's fields; undefined for one that is broken, or optional and not given. */
export type Values = Readonly<Record<string, unknown>>;

export interface Walked {
  readonly values: Values;
  readonly problems: readonly Problem[];
  /** Where each value that was given stands, by its path. */
  readonly places: ReadonlyMap<string, Place>;
}

/** `base` is the folder that relative paths of the file start from; those of flags start from the working directory. */
export function walk(root: Group, tree: Tree, base: string): Walked {
  const walker = new Walker(base);
  const place = tree.place;
  walker.places.set("", place);
  if (tree.kind !== "map") walker.refuse(place, "file", `must hold settings (key: value), not ${kindText(tree)}`);
  const entries = tree.kind === "map" ? tree : { kind: "map" as const, place, entries: new Map() };
  const { values } = walker.fields(root, entries, "", undefined);
  return { values, problems: walker.problems, places: walker.places };
}

/** The place of a path, or of the nearest thing around it that was given. */
export function placeOf(places: ReadonlyMap<string, Place>, path: string): Place {
  for (let rest = path; rest !== ""; rest = rest.slice(0, Math.max(rest.lastIndexOf("."), rest.lastIndexOf("["), 0))) {
    const place = places.get(rest);
    if (place !== undefined) return place;
  }
  return places.get("") ?? { kind: "command line" };
}

const BROKEN = Symbol("broken");
/** A value, undefined for what is optional and not given, or BROKEN when a problem was told. */
type Outcome = unknown;

class Walker {
  readonly problems: Problem[] = [];
  readonly places = new Map<string, Place>();
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  refuse(place: Place, path: string, sentence: string): typeof BROKEN {
    this.problems.push({ place, path, sentence });
    return BROKEN;
  }

  #setting(setting: Setting<unknown>, tree: Tree, path: string): Outcome {
    this.places.set(path, tree.place);
    switch (setting.kind) {
      case "scalar":
        return this.#scalar(setting, tree, path);
      case "list":
        return this.#list(setting, tree, path);
      case "dict":
        return this.#dict(setting, tree, path);
      case "group":
        return this.#group(setting, tree, path);
      case "tagged":
      default:
        return this.#tagged(setting, tree, path);
    }
  }

  #scalar(setting: Scalar, tree: Tree, path: string): Outcome {
    if (tree.kind !== "scalar")
      return this.refuse(tree.place, path, `must be one value (${setting.type}), not ${kindText(tree)}`);
    if (tree.value === null) return this.refuse(tree.place, path, "has no value; give one or take the key out");
    const parsed = setting.parse(tree.value);
    if ("problem" in parsed) return this.refuse(tree.place, path, parsed.problem);
    return setting.type === "path" ? this.#resolve(tree, String(parsed.value)) : parsed.value;
  }

  #resolve(tree: ScalarTree, path: string): string {
    return tree.place.kind === "file" ? resolve(this.#base, path) : resolve(path);
  }

  #list(setting: List, tree: Tree, path: string): Outcome {
    if (isEmpty(tree)) return setting.default;
    if (tree.kind !== "list") {
      if (!setting.single) return this.refuse(tree.place, path, `must be a list, not ${kindText(tree)}`);
      return [hole(this.#setting(setting.of, tree, path))];
    }
    return tree.items.map((item, index) => hole(this.#setting(setting.of, item, itemPath(path, index))));
  }

  #dict(setting: Dict, tree: Tree, path: string): Outcome {
    const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    if (isEmpty(tree)) return values;
    if (tree.kind !== "map") return this.refuse(tree.place, path, `must hold ${setting.key}: value, not ${kindText(tree)}`);
    for (const [key, entry] of tree.entries) values[key] = hole(this.#setting(setting.of, entry.tree, keyPath(path, key)));
    return values;
  }

  #group(setting: Group, tree: Tree, path: string): Outcome {
    const { short } = setting;
    const only = short === undefined ? undefined : setting.fields[short];
    if (short !== undefined && only !== undefined && tree.kind !== "map" && !isEmpty(tree)) {
      const value = this.#setting(only, tree, path);
      const { values, broken } = this.fields(setting, { kind: "map", place: tree.place, entries: new Map() }, path, short);
      return broken || value === BROKEN ? BROKEN : { ...values, [short]: value };
    }
    const map: Tree = isEmpty(tree) ? { kind: "map", place: tree.place, entries: new Map() } : tree;
    if (map.kind !== "map") {
      const known = orList(Object.keys(setting.fields).slice(0, 12));
      return this.refuse(tree.place, path, `must hold settings such as ${known}, not ${kindText(tree)}`);
    }
    const { values, broken } = this.fields(setting, map, path, undefined);
    return broken ? BROKEN : values;
  }

  /** Walks the fields of a map; `except` is a field that is dealt with elsewhere. */
  fields(group: Group, map: MapTree, path: string, except: string | undefined): { values: Values; broken: boolean } {
    const { fields, later = [] } = group;
    let broken = false;
    const names = Object.keys(fields);
    for (const [key, { place }] of map.entries) {
      if (Object.hasOwn(fields, key) || key === except) continue;
      const isLater = later.includes(key);
      const words = isLater ? `${notYet(key)}; take it out` : `unknown key "${key}"; ${didYouMean(key, names)}`;
      this.refuse(place, keyPath(path, key), words);
      broken = true;
    }
    const values: Record<string, unknown> = {};
    for (const [name, setting] of Object.entries(fields)) {
      if (name === except) continue;
      const entry = map.entries.get(name);
      const value = entry
        ? this.#setting(setting, entry.tree, keyPath(path, name))
        : this.#absent(setting, map.place, keyPath(path, name));
      broken ||= value === BROKEN;
      values[name] = hole(value);
    }
    return { values, broken };
  }

  #absent(setting: Setting<unknown>, place: Place, path: string): Outcome {
    switch (setting.kind) {
      case "scalar":
        if (setting.default !== undefined || setting.optional) return setting.default;
        return this.refuse(place, path, `is missing (${setting.type}): ${sentence(setting.doc)}`);
      case "list":
        return setting.default;
      case "dict":
        return Object.create(null);
      case "group": {
        if (setting.optional) return undefined;
        const { values, broken } = this.fields(setting, { kind: "map", place, entries: new Map() }, path, undefined);
        return broken ? BROKEN : values;
      }
      case "tagged":
      default:
        return this.refuse(place, path, `is missing: ${sentence(setting.doc)}`);
    }
  }

  #tagged(setting: Tagged, tree: Tree, path: string): Outcome {
    const { tag, variants } = setting;
    const names = Object.keys(variants);
    if (tree.kind !== "map") return this.refuse(tree.place, path, `must hold ${tag}: ${orList(names)}, not ${kindText(tree)}`);
    const chosen = tree.entries.get(tag)?.tree;
    if (chosen === undefined) return this.refuse(tree.place, keyPath(path, tag), `is missing; use ${orList(names)}`);
    this.places.set(keyPath(path, tag), chosen.place);
    const name = chosen.kind === "scalar" ? String(chosen.value) : "";
    const variant = Object.hasOwn(variants, name) ? variants[name] : undefined;
    if (variant === undefined) {
      return this.refuse(chosen.place, keyPath(path, tag), `unknown ${tag} "${name}"; ${didYouMean(name, names, "use")}`);
    }
    const { values, broken } = this.fields(variant, tree, path, tag);
    return broken ? BROKEN : { ...values, [tag]: name };
  }
}

/** Problems end without a full stop. */
const sentence = (doc: string): string => doc.replace(/\.$/, "");

const isEmpty = (tree: Tree): boolean => tree.kind === "scalar" && tree.value === null;

const hole = (value: Outcome): unknown => (value === BROKEN ? undefined : value);

function kindText(tree: Tree): string {
  if (tree.kind === "list") return "a list";
  if (tree.kind === "map") return "a group of keys";
  return tree.value === null ? "nothing" : `"${String(tree.value)}"`;
}
