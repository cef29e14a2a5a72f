// The table of interfaces that clients may use: those of Outlook, and what the settings add or change. Throws Error for settings
// that the contradictions refuse.

import { Failure } from "@postern/contracts";
import { INTERFACES, type BindContext, type Syntax } from "@postern/dcerpc";
import type { RpcTcpSettings } from "./settings.ts";

/** An interface that is served. */
export interface Service {
  readonly name: string;
  readonly syntax: Syntax;
  /** Told by the end-point mapper; undefined: the same as of all others. */
  readonly port: number | undefined;
  /** Its port at backends; undefined: they are asked. */
  readonly backendPort: number | undefined;
}

/** By the names that settings give them. */
export const KNOWN: Readonly<Record<string, Syntax>> = {
  emsmdb: INTERFACES.EMSMDB,
  asyncemsmdb: INTERFACES.AsyncEMSMDB,
  nspi: INTERFACES.NSPI,
  rfr: INTERFACES.RFR,
};

export interface Services {
  readonly all: readonly Service[];
  /** The service that a client means that binds to `syntax`: a minor version says what can be asked, and is the backend's affair. */
  find(syntax: Syntax): Service | undefined;
}

export function createServices(rows: RpcTcpSettings["interfaces"]): Services {
  const names = new Set([...Object.keys(KNOWN), ...Object.keys(rows)]);
  const all = [...names].map((name): Service => {
    const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
    const syntax = syntaxOf(name, row);
    if (syntax === undefined) throw new Error(`interfaces.${name} has no uuid and version`);
    return { name, syntax, port: row?.port, backendPort: row?.backendPort };
  });
  return {
    all,
    find: ({ uuid, major }) => all.find(({ syntax }) => syntax.uuid === uuid && syntax.major === major),
  };
}

/** undefined: the row does not say which interface it is. */
export function syntaxOf(name: string, row: RpcTcpSettings["interfaces"][string] | undefined): Syntax | undefined {
  if (Object.hasOwn(KNOWN, name)) return KNOWN[name];
  if (row?.uuid === undefined || row.version === undefined) return undefined;
  const [major = 0, minor = 0] = row.version.split(".").map(Number);
  return { uuid: row.uuid.toLowerCase(), major, minor };
}

/** The services of a bind's contexts, one for each. Failure: route-refused, when there is one that clients may not use. */
export function servedBy(contexts: readonly BindContext[], services: Services): readonly Service[] {
  return contexts.map(({ interface: named }) => {
    const service = services.find(named);
    if (service !== undefined) return service;
    throw new Failure("route-refused", `RPC: the interface ${named.uuid} version ${named.major}.${named.minor} is not served`);
  });
}
