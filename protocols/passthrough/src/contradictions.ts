// What the table of settings cannot see: names that no client can ask for, and backends that are not there. Never throws.

import type { Contradiction } from "@postern/contracts";
import type { PassthroughSettings } from "./settings.ts";

/** Other sections of the configuration; undefined where one is broken. */
export interface Sections {
  readonly listeners?: readonly ({ readonly protocol: string } | undefined)[] | undefined;
  /** The legs of each backend, by protocol. */
  readonly backends?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>> | undefined;
}

type Names = Readonly<Record<string, readonly (string | undefined)[] | undefined>>;

const PATTERN = /^(\*|(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*)$/;

export function passthroughContradictions(settings: PassthroughSettings, sections: Sections): readonly Contradiction[] {
  const names: Names = settings.names;
  return [...nowhere(names, sections), ...Object.entries(names).flatMap(([host, backends]) => ofHost(host, backends, sections))];
}

function nowhere(names: Names, { listeners = [] }: Sections): Contradiction[] {
  const isSpoken = listeners.some((listener) => listener?.protocol === "passthrough");
  if (!isSpoken || Object.keys(names).length > 0) return [];
  return [
    {
      key: "names",
      problem: "a listener speaks passthrough, but there is no name to go by; add one as in mail.example.com: mbx1",
    },
  ];
}

function ofHost(host: string, backends: Names[string], sections: Sections): Contradiction[] {
  const key = `names.${host}`;
  const found: Contradiction[] = [];
  if (!PATTERN.test(host))
    found.push({ key, problem: 'must be a host name in small letters, *.DOMAIN for any name below it, or "*" for all others' });
  if (backends?.length === 0) found.push({ key, problem: "names no backend; name one, or take it out" });
  for (const [index, name] of (backends ?? []).entries()) {
    const problem = name === undefined ? undefined : backendProblem(name, sections);
    if (problem !== undefined) found.push({ key: `${key}[${index}]`, problem });
  }
  return found;
}

function backendProblem(name: string, { backends }: Sections): string | undefined {
  if (backends === undefined) return undefined;
  if (!Object.hasOwn(backends, name)) return `unknown backend "${name}"; it must be one of backends`;
  const legs = backends[name];
  if (legs === undefined || legs["passthrough"] !== undefined) return undefined;
  return `backends.${name} cannot be reached for passthrough; add passthrough: tcp://HOST[:PORT] to it`;
}
