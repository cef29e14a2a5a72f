// What the table of settings cannot see: backends that no client can reach, a login that nobody checks, nodes that cannot find each
// other. Items that are broken are undefined, and were told already. Never throws.

import type { Contradiction } from "@postern/contracts";

/** Other sections of the configuration; undefined where one is broken. */
export interface Sections {
  readonly listeners?: readonly ({ readonly protocol: string } | undefined)[] | undefined;
  /** The legs of each backend, by protocol. */
  readonly backends?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>> | undefined;
  readonly https?:
    | {
        readonly defaultAuthentication?: string | undefined;
        readonly services?: Readonly<Record<string, { readonly authentication?: string | undefined } | undefined>> | undefined;
      }
    | undefined;
  readonly authentication?: { readonly verifiers: readonly unknown[] } | undefined;
}

/** Of our own settings, as the walk over the file leaves them. */
interface Draft {
  readonly ports: readonly (number | undefined)[];
  readonly join: { readonly address?: string | undefined; readonly nodes: readonly (string | undefined)[] };
}

const DOORS: ReadonlySet<string> = new Set(["https", "http"]);

export function rpcHttpContradictions(settings: Draft, sections: Sections): readonly Contradiction[] {
  return [...noPorts(settings), ...joins(settings.join), ...ofLegs(sections)];
}

function noPorts({ ports }: Draft): Contradiction[] {
  return ports.length > 0
    ? []
    : [{ key: "ports", problem: "is empty, so no client can ask for anything; name a port, or take it out" }];
}

function joins({ address, nodes }: Draft["join"]): Contradiction[] {
  if (nodes.length === 0) {
    if (address === undefined) return [];
    return [{ key: "join.address", problem: "is of no use without the other nodes; add them as join.nodes, or take it out" }];
  }
  const found: Contradiction[] = [];
  if (address === undefined) found.push({ key: "join.address", problem: "is missing; say which of join.nodes this one is" });
  else if (!nodes.includes(address) && !nodes.includes(undefined))
    found.push({ key: "join.address", problem: `${address} is not one of join.nodes, which must be the same on all nodes` });
  if (new Set(nodes).size < 2)
    found.push({ key: "join.nodes", problem: "names fewer than two nodes; name all of them, or take join out" });
  return found;
}

function ofLegs({ listeners, backends, https, authentication }: Sections): Contradiction[] {
  const [name] = Object.entries(backends ?? {}).find(([, legs]) => legs?.["rpc-http"] !== undefined) ?? [];
  if (name === undefined) return [];
  const found: Contradiction[] = [];
  const isOpen = listeners === undefined || listeners.some((listener) => listener === undefined || DOORS.has(listener.protocol));
  if (!isOpen)
    found.push({
      key: "",
      problem: `backends.${name} can be reached by rpc-http, but no listener speaks https, by which its clients come; add one`,
    });
  if (authentication !== undefined && authentication.verifiers.length === 0)
    found.push({
      key: "",
      problem: `backends.${name} cannot check a login by rpc-http, and the gateway cannot either; add a verifier under authentication.verifiers`,
    });
  const asks = https && (https.services?.["rpc"]?.authentication ?? https.defaultAuthentication);
  if (asks === "pass")
    found.push({
      key: "",
      problem: `backends.${name} cannot ask for a login by rpc-http, so the gateway must; set https.services.rpc.authentication: edge`,
    });
  return found;
}
