// What the table of the web settings alone cannot see. Items that are broken are undefined, and were told already. Never
// throws.

import { orList, type Contradiction } from "@postern/contracts";
import type { HttpsSettings } from "../settings.ts";
import { OTHER, SERVICES } from "./table.ts";

/** The sections that these settings lean on; undefined where one is broken. */
export interface HttpsSurroundings {
  /** The legs of each backend, by protocol. */
  readonly backends?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>> | undefined;
}

/** As the walk over the file leaves it: what is broken in a list or a dictionary is undefined. */
type ServiceDraft = Omit<HttpsSettings["services"][string], "paths" | "hosts" | "backends"> & {
  readonly paths: readonly (string | undefined)[];
  readonly hosts: readonly (string | undefined)[];
  readonly backends: readonly (string | undefined)[];
};

const DEFAULTS = new Map(SERVICES.map((row) => [row.name, row]));
const OWN = SERVICES.filter(({ own }) => own !== undefined).map(({ name }) => name);
const MOST_LISTED = 12;

/** Empty when all is well. */
export function httpsContradictions(settings: HttpsSettings, { backends }: HttpsSurroundings = {}): readonly Contradiction[] {
  const services: [string, ServiceDraft][] = Object.entries(settings.services).filter(([, service]) => service !== undefined);
  return [
    ...services.flatMap(([name, service]) => prefixed(`services.${name}`, ofService(name, service, backends))),
    ...doubledFolders(services),
    ...Object.keys(settings.redirects).flatMap((name) => prefixed(`redirects.${name}`, unknownBackend("", name, backends))),
    ...endlessRules(settings.devices),
    ...badBounds(settings),
  ];
}

/** The servers that services have of their own. */
export function ownBackendsOf(settings: Readonly<Record<string, unknown>>): readonly string[] {
  // The table of this protocol made them.
  const services = (settings["services"] ?? {}) as Readonly<Record<string, ServiceDraft | undefined>>;
  return Object.values(services).flatMap((service) => service?.backends.filter((name) => name !== undefined) ?? []);
}

const prefixed = (place: string, found: readonly Contradiction[]): Contradiction[] =>
  found.map(({ key, problem }) => ({ key: key === "" ? place : `${place}.${key}`, problem }));

function ofService(name: string, service: ServiceDraft, backends: HttpsSurroundings["backends"]): Contradiction[] {
  const row = DEFAULTS.get(name);
  const found: Contradiction[] = [];
  if (row === undefined && service.paths.length === 0 && service.hosts.length === 0)
    found.push({ key: "", problem: `is new, and says neither paths nor hosts; add one, or use ${orList([...DEFAULTS.keys()])}` });
  if (row !== undefined && service.paths.length > 0)
    found.push({ key: "paths", problem: `${name} has its own folders; add a service of another name for more` });
  if (name === OTHER.name && service.hosts.length > 0)
    found.push({ key: "hosts", problem: `${name} is for all that no other service takes; add a service of another name` });
  if (service.answeredBy !== undefined && row?.own === undefined)
    found.push({ key: "answeredBy", problem: `the gateway has no answers of its own here; it has them for ${orList(OWN)}` });
  if (service.authentication === "forms" && (row ?? OTHER).refusals !== "page")
    found.push({ key: "authentication", problem: `${name} is for programs, and they fill in no page; use edge` });
  return [
    ...found,
    ...service.paths.flatMap((path, index) => unclearPath(`paths[${index}]`, path)),
    ...service.backends.flatMap((backend, index) => unknownBackend(`backends[${index}]`, backend, backends)),
  ];
}

/** Such a folder would never be found: paths of requests are read more strictly than that. */
function unclearPath(key: string, path: string | undefined): Contradiction[] {
  const isClear = path === undefined || !/[?#%;\\,"]|\/\/|\/\.{1,2}(\/|$)/.test(path);
  return isClear ? [] : [{ key, problem: 'must be a plain path, without ? # % ; , " or \\, double slashes and dot segments' }];
}

function unknownBackend(key: string, name: string | undefined, backends: HttpsSurroundings["backends"]): Contradiction[] {
  if (name === undefined || backends === undefined) return [];
  if (!Object.hasOwn(backends, name)) {
    const known = Object.keys(backends).slice(0, MOST_LISTED);
    return [{ key, problem: `unknown backend "${name}"; ${known.length === 0 ? "none is known here" : `use ${orList(known)}`}` }];
  }
  const legs = backends[name];
  if (legs === undefined || legs["https"] !== undefined) return [];
  return [{ key, problem: `backends.${name} cannot be reached for https; add https: URL to it` }];
}

/** Two services of the configuration want the same requests. */
function doubledFolders(services: readonly [string, ServiceDraft][]): Contradiction[] {
  const owners = new Map<string, string>();
  const found: Contradiction[] = [];
  for (const [name, { paths, hosts }] of services) {
    if (DEFAULTS.has(name)) continue;
    for (const path of paths.length > 0 ? paths : ["/"]) {
      for (const host of hosts.length > 0 ? hosts : [""]) {
        if (path === undefined || host === undefined) continue;
        const folder = `${host} ${path.toLowerCase().replace(/(.)\/+$/, "$1")}`;
        const owner = owners.get(folder);
        if (owner !== undefined && owner !== name)
          found.push({ key: `services.${name}`, problem: `${owner} has ${folder.trim()} already` });
        owners.set(folder, name);
      }
    }
  }
  return found;
}

/** A rule without a condition fits every phone. */
function endlessRules(rules: readonly (HttpsSettings["devices"][number] | undefined)[]): Contradiction[] {
  const fitsAll = (rule: HttpsSettings["devices"][number] | undefined): boolean =>
    rule !== undefined && [rule.user, rule.type, rule.id, rule.agent, rule.below].every((one) => one === undefined);
  const first = rules.findIndex(fitsAll);
  if (first === -1 || first === rules.length - 1) return [];
  return [{ key: `devices[${first + 1}]`, problem: `never counts: devices[${first}] fits every phone; put that one last` }];
}

function badBounds({ forms, maxHead, maxTarget }: HttpsSettings): Contradiction[] {
  const found: Contradiction[] = [];
  if (maxTarget > maxHead)
    found.push({ key: "maxTarget", problem: "is more than maxHead, which has the target in it; lower it" });
  if (forms !== undefined && forms.publicIdle > forms.privateIdle)
    found.push({ key: "forms.publicIdle", problem: "is longer than privateIdle: a public computer needs the shorter time" });
  return found;
}
