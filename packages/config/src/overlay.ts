// Lays the tree of the flags over the tree of the file. Never throws; what is of the wrong kind in the file stays, so that
// the walk tells it.

import type { MapEntry, MapTree, Tree } from "./tree.ts";

/** The file's tree with the flags laid over it: flags win. */
export function overlay(file: Tree, flags: MapTree): Tree {
  if (file.kind !== "map") return file;
  const entries = new Map(file.entries);
  for (const [section, entry] of flags.entries) entries.set(section, merged(section, file.entries.get(section), entry));
  return { ...file, entries };
}

/** backends merge by name and protocol, tls by key; flag routes stand before the file's; the rest is replaced. */
function merged(section: string, file: MapEntry | undefined, flag: MapEntry): MapEntry {
  if (file === undefined || isNothing(file.tree)) return flag;
  if (section === "backends") return { ...file, tree: mergeMaps(file.tree, flag.tree, 2) };
  if (section === "tls") return { ...file, tree: mergeMaps(file.tree, flag.tree, 1) };
  if (section === "routes" && file.tree.kind === "list" && flag.tree.kind === "list")
    return { ...file, tree: { ...file.tree, items: [...flag.tree.items, ...file.tree.items] } };
  return section === "routes" ? file : flag;
}

/** A section of the file that is no map is kept, so that the walk tells it. */
function mergeMaps(under: Tree, over: Tree, depth: number): Tree {
  if (depth === 0 || isNothing(under)) return over;
  if (under.kind !== "map" || over.kind !== "map") return under;
  const entries = new Map(under.entries);
  for (const [key, entry] of over.entries) {
    const old = entries.get(key);
    entries.set(key, old === undefined ? entry : { ...old, tree: mergeMaps(old.tree, entry.tree, depth - 1) });
  }
  return { ...under, entries };
}

const isNothing = (tree: Tree): boolean => tree.kind === "scalar" && tree.value === null;
