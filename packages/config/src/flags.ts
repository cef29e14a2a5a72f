// What the command line says, as a tree, so that the walk that checks the file checks the flags too.
// Never throws for what a flag says.

import { orList } from "@postern/contracts";
import type { ProtocolPart } from "./config.ts";
import { exampleUrl, schemeOf, unknownScheme } from "./backend-url.ts";
import { flagProtocol, LISTENER_FLAGS, unknownProtocol } from "./listener-flags.ts";
import type { ListenerFlag } from "./listener-flags.ts";
import { laterSchemes, notYet } from "./later.ts";
import type { Place, Problem } from "./place.ts";
import { listTree, mapTree, scalarTree } from "./tree.ts";
import type { MapTree, Tree } from "./tree.ts";

/** Flags as they were given; texts are not checked yet. */
export interface Flags {
  readonly listeners?: Readonly<Partial<Record<ListenerFlag, readonly string[]>>> | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly pfx?: string | undefined;
  readonly passphraseFile?: string | undefined;
  readonly selfSigned?: boolean | undefined;
  /** "NAME=URL" */
  readonly backend?: readonly string[] | undefined;
  /** "PATTERN=NAME[,NAME…]" */
  readonly route?: readonly string[] | undefined;
  readonly workers?: string | undefined;
  readonly hostname?: string | undefined;
}

export interface FlagTree {
  readonly tree: MapTree;
  readonly problems: readonly Problem[];
}

const at = (flag: string): Place => ({ kind: "flag", flag: `--${flag}` });
const text = (flag: string, value: string): Tree => scalarTree(at(flag), value);

/** The flags as the tree that a file with the same content would give. */
export function flagTree(flags: Flags, protocols: readonly ProtocolPart[]): FlagTree {
  const problems: Problem[] = [];
  const refuse = (flag: string, sentence: string): void => {
    problems.push({ place: at(flag), path: "", sentence });
  };
  const entries: (readonly [string, Tree | undefined])[] = [
    ["hostname", flags.hostname === undefined ? undefined : text("hostname", flags.hostname)],
    ["workers", flags.workers === undefined ? undefined : text("workers", flags.workers)],
    ["tls", tlsTree(flags)],
    ["listeners", listenersTree(flags.listeners ?? {}, protocols, refuse)],
    ["backends", backendsTree(flags.backend ?? [], speakersOf(flags.listeners ?? {}, protocols), protocols, refuse)],
    ["routes", routesTree(flags.route ?? [], refuse)],
  ];
  const given = entries.filter((entry): entry is readonly [string, Tree] => entry[1] !== undefined);
  return { tree: mapTree({ kind: "command line" }, given), problems };
}

/** Did anybody give a listener flag? */
export function hasListenerFlags(flags: Flags): boolean {
  return LISTENER_FLAGS.some((flag) => (flags.listeners?.[flag]?.length ?? 0) > 0);
}

type Refuse = (flag: string, sentence: string) => void;

const FILES = [
  ["cert", "cert"],
  ["key", "key"],
  ["pfx", "pfx"],
  ["passphraseFile", "passphrase-file"],
] as const;

/** Certificates given by flags, --self-signed among them, stand instead of the file's. */
function tlsTree(flags: Flags): Tree | undefined {
  const given = FILES.flatMap(([key, flag]) => (flags[key] === undefined ? [] : [[key, text(flag, flags[key])] as const]));
  const selfSigned = flags.selfSigned === true;
  if (given.length === 0 && !selfSigned) return undefined;
  const place = given[0]?.[1].place ?? at("self-signed");
  const certificates = listTree(place, given.length === 0 ? [] : [mapTree(place, given)]);
  return mapTree(place, [
    ["certificates", certificates],
    ["selfSigned", scalarTree(selfSigned ? at("self-signed") : place, selfSigned)],
  ]);
}

function listenersTree(
  given: NonNullable<Flags["listeners"]>,
  protocols: readonly ProtocolPart[],
  refuse: Refuse,
): Tree | undefined {
  const items: Tree[] = [];
  for (const flag of LISTENER_FLAGS) {
    for (const address of given[flag] ?? []) {
      const meant = flagProtocol(flag, protocols);
      if (meant === undefined) {
        refuse(flag, unknownProtocol(flag, protocols));
        continue;
      }
      const tls: [string, Tree][] = meant.implicit ? [["tls", text(flag, "implicit")]] : [];
      items.push(mapTree(at(flag), [["protocol", text(flag, meant.name)], ["address", text(flag, address)], ...tls]));
    }
  }
  const first = LISTENER_FLAGS.find((flag) => (given[flag]?.length ?? 0) > 0);
  return first === undefined ? undefined : listTree(at(first), items);
}

type Speakers = (scheme: string, url: string) => readonly ProtocolPart[];

/**
 * The protocols that a backend's URL is for: those that have its scheme. Where several have it, the port tells, and else
 * the listener flags.
 */
function speakersOf(listeners: NonNullable<Flags["listeners"]>, protocols: readonly ProtocolPart[]): Speakers {
  const heard = new Set(
    LISTENER_FLAGS.filter((flag) => listeners[flag] !== undefined).map((flag) => flagProtocol(flag, protocols)?.name),
  );
  return (scheme, url) => {
    const all = protocols.filter(({ schemes }) => Object.hasOwn(schemes, scheme));
    const port = Number(/:(\d+)\/?$/.exec(url)?.[1] ?? 0);
    const byPort = all.filter(({ schemes }) => schemes[scheme]?.port === port);
    const some = byPort.length > 0 ? byPort : all.filter(({ name }) => heard.has(name));
    return some.length > 0 ? some : all;
  };
}

function backendsTree(
  given: readonly string[],
  speakersFor: Speakers,
  protocols: readonly ProtocolPart[],
  refuse: Refuse,
): Tree | undefined {
  if (given.length === 0) return undefined;
  const backends = new Map<string, Map<string, Tree>>();
  for (const one of given) {
    const [name, url] = cut(one);
    if (name === "" || url === "") {
      refuse("backend", `must be NAME=URL, not "${masked(one)}"`);
      continue;
    }
    const scheme = schemeOf(url);
    const speakers = scheme === undefined ? [] : speakersFor(scheme, url);
    if (speakers.length === 0) refuse("backend", wrongUrl(name, scheme, protocols));
    const legs = backends.get(name) ?? new Map<string, Tree>();
    backends.set(name, legs);
    for (const protocol of speakers) {
      if (legs.has(protocol.name)) refuse("backend", `${name} has two URLs for ${protocol.name}; keep one`);
      legs.set(protocol.name, text("backend", url));
    }
  }
  return mapTree(
    at("backend"),
    [...backends].map(([name, legs]) => [name, mapTree(at("backend"), legs)]),
  );
}

function wrongUrl(name: string, scheme: string | undefined, protocols: readonly ProtocolPart[]): string {
  if (scheme === undefined) return `must be NAME=URL, as in ${name}=${exampleUrl(protocols[0]?.schemes ?? {})}`;
  const known = protocols.flatMap(({ schemes }) => Object.keys(schemes));
  return laterSchemes(protocols).includes(scheme) ? `${notYet(scheme)}; use ${orList(known)}` : unknownScheme(scheme, known);
}

/** The static source that the route flags make; it is asked before those of the file. */
function routesTree(given: readonly string[], refuse: Refuse): Tree | undefined {
  const tables = { users: new Map<string, Tree>(), domains: new Map<string, Tree>(), wildcards: new Map<string, Tree>() };
  if (given.length === 0) return undefined;
  let fallback: Tree | undefined;
  for (const one of given) {
    const [pattern, names] = cut(one);
    const candidates = names.split(",").map((name) => name.trim());
    if (pattern === "" || candidates.includes("")) {
      refuse("route", `must be PATTERN=NAME[,NAME…], not "${one}"`);
      continue;
    }
    const tree = listTree(
      at("route"),
      candidates.map((name) => text("route", name)),
    );
    const kind = patternKind(pattern);
    const key = kind === "domains" ? pattern.replace(/^@/, "") : pattern;
    const taken = kind === "default" ? fallback !== undefined : tables[kind].has(key);
    if (taken) refuse("route", `the pattern "${pattern}" is given twice; name all its backends at once, in order of preference`);
    if (kind === "default") fallback = tree;
    else tables[kind].set(key, tree);
  }
  const filled = Object.entries(tables).filter(([, table]) => table.size > 0);
  if (filled.length === 0 && fallback === undefined) return listTree(at("route"), []);
  const entries: [string, Tree][] = filled.map(([name, table]) => [name, mapTree(at("route"), table)]);
  if (fallback !== undefined) entries.push(["default", fallback]);
  return listTree(at("route"), [mapTree(at("route"), [["source", text("route", "static")], ...entries])]);
}

/** `*` is everybody; other stars are wildcards; a name before the @ is a user; the rest is a domain. */
function patternKind(pattern: string): "default" | "wildcards" | "users" | "domains" {
  if (pattern === "*") return "default";
  if (pattern.includes("*")) return "wildcards";
  return pattern.indexOf("@") > 0 ? "users" : "domains";
}

/** At the first "=". */
function cut(one: string): [string, string] {
  const index = one.indexOf("=");
  return index === -1 ? ["", ""] : [one.slice(0, index).trim(), one.slice(index + 1).trim()];
}

/** Without what could be a password in a URL. */
const masked = (one: string): string => one.replace(/\/\/.*@/, "//***@");
