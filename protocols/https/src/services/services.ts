// Finds the service of a request: by the host and the longest folder, in whole segments and any case of letters. What the
// configuration says of a host goes before what it says of none, and what it adds before what the table has.
// Throws Failure syntax for a path that two servers could read in two ways (paths.ts).

import { Failure } from "@postern/contracts";
import type { Service } from "../parts.ts";
import type { HttpsSettings } from "../settings.ts";
import { pathReadings, plainPath } from "./paths.ts";
import { OTHER, SERVICES, type ServiceRow } from "./table.ts";

export interface Services {
  /** All of them; those that the configuration adds first. */
  readonly all: readonly Service[];
  /** `host`: in small letters, without the port. `target`: in origin-form, or "*". Failure: syntax. */
  find(host: string, target: string): Service;
}

type ServiceSettings = HttpsSettings["services"][string];

export function createServices(settings: Pick<HttpsSettings, "services" | "defaultAuthentication">): Services {
  const known = new Set(SERVICES.map(({ name }) => name));
  const added = Object.entries(settings.services)
    .filter(([name]) => !known.has(name))
    .map(([name, one]) => serviceOf({ ...OTHER, name, paths: one.paths.length > 0 ? one.paths : ["/"] }, one, settings));
  const all = [...added, ...SERVICES.map((row) => serviceOf(row, settings.services[row.name], settings))];
  const other = all.find(({ name }) => name === OTHER.name);
  if (other === undefined) throw new Error("There is no service for everything else");
  const lookUp = lookUpIn(all);
  const find = (host: string, path: string): Service => lookUp(host, path) ?? other;
  return {
    all,
    find(host, target) {
      const name = host.endsWith(".") ? host.slice(0, -1) : host;
      const plain = plainPath(target);
      if (plain !== undefined) return find(name, plain);
      let service: Service | undefined;
      for (const path of pathReadings(target)) {
        const found = find(name, path);
        if (service !== undefined && found !== service)
          throw new Failure("syntax", "The path could be read in two ways, as of two services");
        service = found;
      }
      return service ?? other;
    },
  };
}

function serviceOf(
  row: ServiceRow,
  change: ServiceSettings | undefined,
  { defaultAuthentication }: Pick<HttpsSettings, "defaultAuthentication">,
): Service {
  return {
    ...row,
    hosts: change?.hosts ?? [],
    paths: row.paths.map((path) => path.toLowerCase().replace(/(.)\/+$/, "$1")),
    backends: change?.backends ?? [],
    authentication: change?.authentication ?? row.authentication ?? defaultAuthentication,
    idleMs: change?.idle ?? row.idleMs,
    maxBody: change?.maxBody ?? row.maxBody,
    hasAffinity: change?.affinity === undefined ? row.hasAffinity : change.affinity === "on",
    own: row.own && { ...row.own, when: change?.answeredBy ?? row.own.when },
  };
}

/** By a path's first segment; of each, the longest path first. */
type Folders = Map<string, { readonly path: string; readonly service: Service }[]>;

function lookUpIn(services: readonly Service[]): (host: string, path: string) => Service | undefined {
  const anywhere: Folders = new Map();
  const byHost = new Map<string, Folders>();
  for (const service of services) {
    if (service.hosts.length === 0) addTo(anywhere, service);
    for (const host of service.hosts) addTo(mapAt(byHost, host), service);
  }
  const patterns = [...byHost]
    .filter(([host]) => host.startsWith("*."))
    .map(([host, folders]) => ({ end: host.slice(1), folders }))
    .sort((a, b) => b.end.length - a.end.length);
  return (host, path) => {
    if (byHost.size > 0) {
      const found = inFolders(byHost.get(host), path);
      if (found !== undefined) return found;
      for (const { end, folders } of patterns) {
        const below = host.endsWith(end) ? inFolders(folders, path) : undefined;
        if (below !== undefined) return below;
      }
    }
    return inFolders(anywhere, path);
  };
}

function mapAt(byHost: Map<string, Folders>, host: string): Folders {
  const there = byHost.get(host);
  if (there !== undefined) return there;
  const folders: Folders = new Map();
  byHost.set(host, folders);
  return folders;
}

/** Of two services with the same path, the first stays before the second: sorting is stable. */
function addTo(folders: Folders, service: Service): void {
  for (const path of service.paths) {
    const segment = firstSegment(path);
    const entries = [...(folders.get(segment) ?? []), { path, service }];
    folders.set(
      segment,
      entries.sort((a, b) => b.path.length - a.path.length),
    );
  }
}

function inFolders(folders: Folders | undefined, path: string): Service | undefined {
  if (folders === undefined) return undefined;
  for (const entry of folders.get(firstSegment(path)) ?? []) if (isAtOrBelow(path, entry.path)) return entry.service;
  return folders.get("")?.[0]?.service;
}

/** Both in small letters. */
export const isAtOrBelow = (path: string, folder: string): boolean =>
  path.startsWith(folder) && (path.length === folder.length || path.charCodeAt(folder.length) === 0x2f);

function firstSegment(path: string): string {
  const end = path.indexOf("/", 1);
  return path.slice(1, end === -1 ? undefined : end);
}
