// What the table of settings cannot see: interfaces that are not told apart, arrays of backends that are not there, and a port that
// nobody can know. Never throws.

import { isIP } from "node:net";
import type { Contradiction } from "@postern/contracts";
import { INTERFACES } from "@postern/dcerpc";
import { addressForm } from "./arrays.ts";
import { KNOWN } from "./interfaces.ts";
import type { RpcTcpSettings } from "./settings.ts";

/** Other sections of the configuration; undefined where one is broken. */
export interface Sections {
  readonly listeners?:
    | readonly ({ readonly protocol: string; readonly address: { readonly kind: string; readonly port?: number } } | undefined)[]
    | undefined;
  /** The legs of each backend, by protocol. */
  readonly backends?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>> | undefined;
}

/** As the table yields them when some of it is broken. */
interface Drafts {
  readonly interfaces: Readonly<Record<string, RpcTcpSettings["interfaces"][string] | undefined>>;
  readonly arrays: Readonly<Record<string, Arrays | undefined>>;
  readonly port: number | undefined;
}

interface Arrays {
  readonly addresses: readonly (string | undefined)[];
  readonly backends: readonly (string | undefined)[];
}

const MAPPER_PORT = 135;
/** The end-point mapper tells it as a text of less than 64 characters. */
const NAME = /^[A-Za-z0-9._-]{1,63}$/;

export function rpcTcpContradictions(settings: RpcTcpSettings, sections: Sections): readonly Contradiction[] {
  const drafts: Drafts = settings;
  return [...portProblems(drafts, sections), ...interfaceProblems(drafts), ...arrayProblems(drafts, sections)];
}

function portProblems({ port }: Drafts, { listeners = [] }: Sections): Contradiction[] {
  const ports = listeners.flatMap((listener) => (listener?.protocol === "rpc-tcp" ? [listener.address.port] : []));
  const others = new Set(ports.filter((one) => one !== undefined && one !== MAPPER_PORT));
  if (port !== undefined || others.size < 2) return [];
  const problem = `must say which port clients are told: listeners of rpc-tcp have ${[...others].join(" and ")}`;
  return [{ key: "port", problem }];
}

function interfaceProblems({ interfaces }: Drafts): Contradiction[] {
  const found: Contradiction[] = [];
  const owners = new Map<string, string>(Object.entries(KNOWN).map(([name, { uuid }]) => [uuid, name]));
  for (const [name, row] of Object.entries(interfaces)) {
    const key = `interfaces.${name}`;
    if (!NAME.test(name)) found.push({ key, problem: "must be 1 to 63 letters, digits, dots, hyphens or underscores" });
    if (row !== undefined) found.push(...rowProblems(name, key, row, owners));
  }
  return found;
}

function rowProblems(
  name: string,
  key: string,
  row: RpcTcpSettings["interfaces"][string],
  owners: Map<string, string>,
): Contradiction[] {
  const isKnown = Object.hasOwn(KNOWN, name);
  const given = (["uuid", "version"] as const).filter((part) => row[part] !== undefined);
  if (isKnown)
    return given.map((part) => ({ key: `${key}.${part}`, problem: `is known of ${name}; take it out, or give another name` }));
  if (given.length < 2)
    return [{ key, problem: `needs uuid and version; only ${Object.keys(KNOWN).join(", ")} are there by themselves` }];
  const uuid = row.uuid?.toLowerCase() ?? "";
  const owner = uuid === INTERFACES.epm.uuid ? "the end-point mapper" : owners.get(uuid);
  if (owner !== undefined) return [{ key: `${key}.uuid`, problem: `is that of ${owner} already` }];
  owners.set(uuid, name);
  return [];
}

function arrayProblems({ arrays }: Drafts, sections: Sections): Contradiction[] {
  const found: Contradiction[] = [];
  const owners = new Map<string, string>();
  for (const [name, array] of Object.entries(arrays)) {
    if (array === undefined) continue;
    const key = `arrays.${name}`;
    if (array.backends.length === 0) found.push({ key, problem: "names no backend; name one, or take it out" });
    for (const [index, backend] of array.backends.entries()) {
      const problem = backend === undefined ? undefined : backendProblem(backend, sections);
      if (problem !== undefined) found.push({ key: `${key}.backends[${index}]`, problem });
    }
    found.push(...addressProblems(name, array, owners));
  }
  return found;
}

function addressProblems(name: string, { addresses }: Arrays, owners: Map<string, string>): Contradiction[] {
  const found: Contradiction[] = [];
  const take = (key: string, address: string, what: string): void => {
    const owner = owners.get(address);
    if (owner !== undefined) found.push({ key, problem: `${what} belongs to the array ${owner} already` });
    owners.set(address, name);
  };
  if (addresses.length === 0) take(`arrays.${name}`, "", "what has no addresses, all other clients,");
  for (const [index, address] of addresses.entries()) {
    const key = `arrays.${name}.addresses[${index}]`;
    if (address === undefined) continue;
    if (isIP(address) === 0) found.push({ key, problem: `must be an IP address, not "${address}"` });
    else take(key, addressForm(address), address);
  }
  return found;
}

function backendProblem(name: string, { backends }: Sections): string | undefined {
  if (backends === undefined) return undefined;
  if (!Object.hasOwn(backends, name)) return `unknown backend "${name}"; it must be one of backends`;
  const legs = backends[name];
  if (legs === undefined || legs["rpc-tcp"] !== undefined) return undefined;
  return `backends.${name} cannot be reached for rpc-tcp; add rpc-tcp: ncacn_ip_tcp://HOST[:PORT] to it`;
}
