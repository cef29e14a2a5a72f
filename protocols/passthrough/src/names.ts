// Which backends a server name leads to: the name itself, then the nearest *.DOMAIN above it, then "*". Never throws.

import type { Leg } from "@postern/contracts";

/** The legs in order of preference; undefined: nobody is there for this name. */
export type FindLegs = (serverName: string | undefined) => readonly Leg[] | undefined;

export function createNames(names: Readonly<Record<string, readonly string[]>>, legs: ReadonlyMap<string, Leg>): FindLegs {
  const table = new Map(
    Object.entries(names).map(([host, backends]) => [
      host,
      backends.flatMap((name) => {
        const leg = legs.get(name);
        return leg === undefined ? [] : [leg];
      }),
    ]),
  );
  return (serverName) => {
    if (serverName === undefined) return table.get("*");
    const exact = table.get(serverName);
    if (exact !== undefined) return exact;
    for (let dot = serverName.indexOf("."); dot !== -1; dot = serverName.indexOf(".", dot + 1)) {
      const found = table.get(`*${serverName.slice(dot)}`);
      if (found !== undefined) return found;
    }
    return table.get("*");
  };
}
