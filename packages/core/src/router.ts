// Asks the route sources in order; the first that knows the user decides. Turns names into legs of this protocol, and
// explains every step. Failure: unknown-user, source-down, no-candidate, and what a source refuses.

import {
  Failure,
  toFailure,
  type AddressCandidate,
  type AdmittedCredentials,
  type CandidateName,
  type Leg,
  type Route,
  type RouteAnswer,
  type RouteExplanation,
  type RouteQuery,
  type Router,
  type RouteSource,
  type RouteStep,
} from "@postern/contracts";

/** Backends by name; each has legs by protocol. */
export type BackendTable = ReadonlyMap<string, ReadonlyMap<string, Leg>>;

/** Makes a leg for an address that a source named and that no configured backend has. */
export type AdHocLeg = (protocol: string, candidate: AddressCandidate) => Leg;

export function createRouter(sources: readonly RouteSource[], backends: BackendTable, adHoc: AdHocLeg): Router {
  const walk = async (query: RouteQuery, steps: RouteStep[]): Promise<Route> => {
    for (const source of sources) {
      const answer = await ask(source, query, steps);
      if (answer === undefined) continue;
      const legs = answer.candidates
        .map((name) => legOf(name, query.protocol, backends, adHoc))
        .filter((leg) => leg !== undefined);
      if (legs.length === 0)
        throw new Failure("no-candidate", `${source.name} names no backend that serves ${query.protocol}: ${names(answer)}`);
      return { source: source.name, why: answer.why, legs, login: answer.login };
    }
    throw new Failure("unknown-user", `No route source knows ${JSON.stringify(query.user)}`);
  };
  return {
    find: (query) =>
      query.credentials?.kind === "admitted" ? straight(query.credentials, query.protocol, backends) : walk(query, []),
    async explain(query): Promise<RouteExplanation> {
      const steps: RouteStep[] = [];
      const { user, protocol } = query;
      try {
        return { user, protocol, steps, route: await walk(query, steps), problem: undefined };
      } catch (error) {
        return { user, protocol, steps, route: undefined, problem: toFailure(error).message };
      }
    },
  };
}

/** Whom a rule lets in has the backend of that rule: no source is asked. */
async function straight({ authcid, backend }: AdmittedCredentials, protocol: string, backends: BackendTable): Promise<Route> {
  const leg = backends.get(backend)?.get(protocol);
  if (leg === undefined) throw new Failure("no-candidate", `${backend}, the backend of ${authcid}, does not serve ${protocol}`);
  return { source: "applications", why: `application ${authcid}`, legs: [leg], login: undefined };
}

/** A source that is down stops the walk: the next source might send the user to a mailbox that is not theirs. */
async function ask(source: RouteSource, query: RouteQuery, steps: RouteStep[]): Promise<RouteAnswer | undefined> {
  try {
    const answer = await source.find(query);
    steps.push({
      source: source.name,
      outcome: answer === undefined ? "unknown" : "answered",
      detail: answer === undefined ? "does not know the user" : `${answer.why} -> ${names(answer)}`,
    });
    return answer;
  } catch (error) {
    const failure = toFailure(error);
    steps.push({ source: source.name, outcome: failure.kind === "source-down" ? "down" : "refused", detail: failure.message });
    throw failure;
  }
}

function legOf(name: CandidateName, protocol: string, backends: BackendTable, adHoc: AdHocLeg): Leg | undefined {
  if ("backend" in name) return backends.get(name.backend)?.get(protocol);
  for (const legs of backends.values()) {
    const leg = legs.get(protocol);
    if (leg !== undefined && leg.host === name.host && leg.port === name.port) return leg;
  }
  return adHoc(protocol, name);
}

const names = (answer: RouteAnswer): string =>
  answer.candidates.map((name) => ("backend" in name ? name.backend : `${name.host}:${name.port}`)).join(", ");
