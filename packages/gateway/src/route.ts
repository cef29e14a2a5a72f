// `postern route USER`: where this user goes, and why: which source answered, the candidates with their health (each is
// probed now), and the choice. Uses the configuration, not a running gateway. Exit code 0, or 1 when nobody knows the
// user.

import { legText, normaliseUser, systemClock, type Leg, type RouteExplanation } from "@postern/contracts";
import type { RouteArgs } from "@postern/config";
import { createRouter } from "@postern/core";
import { adHocLeg } from "./house.ts";
import { PROTOCOLS, type GatewayConfig } from "./parts.ts";
import { probe } from "./probe.ts";
import { readSource } from "./serve.ts";
import { sourcesOf } from "./sources.ts";
import { usableConfig } from "./usable.ts";

interface Candidate {
  readonly backend: string;
  readonly leg: string;
  readonly healthy: boolean;
  readonly evidence: string;
}

interface Explained extends Omit<RouteExplanation, "route"> {
  readonly source: string | undefined;
  readonly why: string | undefined;
  readonly candidates: readonly Candidate[];
  readonly choice: string | undefined;
}

export async function runRoute(args: RouteArgs): Promise<number> {
  const result = await usableConfig(readSource(args));
  if ("problems" in result) {
    for (const problem of result.problems) process.stderr.write(`${problem}\n`);
    return 1;
  }
  const user = normaliseUser(args.user, result.config.defaultDomain);
  if (user === undefined) {
    process.stderr.write(`${JSON.stringify(args.user)} is not a user name\n`);
    return 1;
  }
  const explained = await explain(user, args.protocol, result.config);
  if (explained.length === 0) {
    const asked = args.protocol ?? "Each protocol of the listeners";
    process.stderr.write(`${asked} asks no route source: its own settings say where clients go, whoever they are\n`);
  }
  process.stdout.write(args.json ? `${JSON.stringify(explained, null, 2)}\n` : explained.map(asText).join("\n"));
  return explained.every(({ choice }) => choice !== undefined) && explained.length > 0 ? 0 : 1;
}

async function explain(user: string, protocol: string | undefined, config: GatewayConfig): Promise<Explained[]> {
  const sources = sourcesOf(config, systemClock);
  const router = createRouter(sources, config.backends, adHocLeg);
  const asked = protocol === undefined ? config.listeners.flatMap((listener) => spokenAt(listener.protocol, config)) : [protocol];
  const protocols = new Set(asked.flatMap(routedAs));
  try {
    const found: Explained[] = [];
    for (const name of protocols) {
      const { route, ...rest } = await router.explain({ user, protocol: name, credentials: undefined, session: undefined });
      const candidates = await Promise.all((route?.legs ?? []).map(candidate));
      const choice = candidates.find(({ healthy }) => healthy) ?? candidates[0];
      found.push({ ...rest, source: route?.source, why: route?.why, candidates, choice: choice?.leg });
    }
    return found;
  } finally {
    for (const source of sources) source.close();
  }
}

/** The listener's own, and guests that have a backend. */
const spokenAt = (name: string, { backends }: GatewayConfig): string[] => [
  name,
  ...PROTOCOLS.filter((one) => one.guestOf === name && [...backends.values()].some((legs) => legs.has(one.name))).map(
    (guest) => guest.name,
  ),
];

/** The protocol whose legs it has; nothing where no route source is asked. */
function routedAs(name: string): string[] {
  const protocol = PROTOCOLS.find((one) => one.name === name);
  return protocol?.withoutRoutes === true ? [] : [protocol?.legs ?? name];
}

async function candidate(leg: Leg): Promise<Candidate> {
  const facts = { backend: leg.backend, leg: legText(leg) };
  try {
    return { ...facts, healthy: true, evidence: await probe(leg) };
  } catch (error) {
    return { ...facts, healthy: false, evidence: error instanceof Error ? error.message : String(error) };
  }
}

function asText({ user, protocol, steps, problem, why, candidates, choice }: Explained): string {
  const asked = steps.map(
    ({ source, outcome, detail }) => `  ${source}: ${outcome === "answered" ? detail : `${outcome}, ${detail}`}`,
  );
  const tried = candidates.map(({ leg, healthy, evidence }) => `  ${healthy ? "up  " : "down"} ${leg}: ${evidence}`);
  const goes = choice === undefined ? `nowhere: ${problem ?? "no candidate"}` : `${choice} (${why ?? ""})`;
  return [
    `${user} over ${protocol} goes to ${goes}`,
    " asked:",
    ...asked,
    ...(tried.length > 0 ? [" candidates:", ...tried] : []),
    "",
  ].join("\n");
}
