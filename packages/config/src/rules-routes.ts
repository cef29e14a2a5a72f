// Rules of the routes: somebody is asked, and every backend that is named exists.

import { itemPath, keyPath } from "./place.ts";
import type { Rule, RuleContext } from "./rules.ts";
import type { Values } from "./walk.ts";
import { didYouMean } from "./words.ts";

/** The fields of a source that hold names of backends: a list of names, or a dict of such lists. */
const NAMING_FIELDS: Readonly<Record<string, readonly string[]>> = {
  static: ["users", "domains", "wildcards", "default"],
  hash: ["backends"],
};

/** The fields whose keys are names of backends. */
const NAMING_KEYS: Readonly<Record<string, readonly string[]>> = { hash: ["weights"] };

function present({ draft, parts, refuse }: RuleContext): void {
  const listeners = draft.listeners ?? [];
  const asks = (name: string | undefined): boolean =>
    parts.protocols.find((protocol) => protocol.name === name)?.withoutRoutes !== true;
  if (listeners.length > 0 && !listeners.some((listener) => asks(listener?.protocol))) return;
  if (draft.routes?.length === 0)
    refuse(
      "routes",
      "there is none, so nobody's backend is known; add one such as { source: static, default: mbx1 }, or give --route '*=NAME'",
    );
}

function backendsExist(context: RuleContext): void {
  const { backends, routes } = context.draft;
  if (backends === undefined) return;
  const known = Object.keys(backends);
  for (const [index, route] of (routes ?? []).entries()) {
    if (route === undefined) continue;
    for (const [path, name] of namedBackends(route, itemPath("routes", index))) {
      if (known.includes(name)) continue;
      const cure = known.length === 0 ? "there are no backends" : didYouMean(name, known, "use");
      context.refuse(context.given(path) ? path : path.replace(/\[0\]$/, ""), `unknown backend "${name}"; ${cure}`);
    }
  }
}

function* namedBackends(route: Values, path: string): Generator<readonly [path: string, name: string]> {
  const source = String(route["source"]);
  for (const field of NAMING_KEYS[source] ?? []) {
    for (const name of Object.keys(route[field] ?? {})) yield [keyPath(keyPath(path, field), name), name];
  }
  for (const field of NAMING_FIELDS[source] ?? []) {
    const value = route[field];
    const at = keyPath(path, field);
    if (Array.isArray(value)) yield* names(value, at);
    else if (typeof value === "object" && value !== null)
      for (const [key, list] of Object.entries(value)) if (Array.isArray(list)) yield* names(list, keyPath(at, key));
  }
}

function authoritiesAreReadable({ draft, files, refuse }: RuleContext): void {
  for (const [index, route] of (draft.routes ?? []).entries()) {
    const tls = route?.["tls"] as { readonly ca?: unknown } | undefined;
    const read = typeof tls?.ca === "string" ? files.certificates(tls.ca) : undefined;
    if (read !== undefined && "problem" in read) refuse(`${itemPath("routes", index)}.tls.ca`, read.problem);
  }
}

/** A name written without brackets stands at the path of the list itself. */
function* names(list: readonly unknown[], path: string): Generator<readonly [path: string, name: string]> {
  for (const [index, name] of list.entries()) if (typeof name === "string") yield [itemPath(path, index), name];
}

export const routeRules: readonly Rule[] = [present, backendsExist, authoritiesAreReadable];
