// The three languages of Autodiscover, told apart by the last part of the path, in any case of letters.

import { pathOf } from "../local.ts";

export type Dialect = "pox" | "soap" | "json";

/** undefined: another page below the folder. */
export function dialectOf(target: string): Dialect | undefined {
  const path = pathOf(target).toLowerCase();
  if (path.endsWith("/autodiscover.xml")) return "pox";
  if (path.endsWith("/autodiscover.svc")) return "soap";
  return /\/autodiscover\.json(?:\/v\d+(?:\.\d+)?\/[^/]+)?$/.test(path) ? "json" : undefined;
}
