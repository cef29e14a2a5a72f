// The health pages of the folders, /FOLDER/healthcheck.htm, as load balancers ask for them: 200 only while a backend that
// serves the folder may be up and this node takes clients, 503 otherwise. They need no login, name nobody and no backend.
// A backend that nobody has tried yet counts as up: real requests go to it too, and a node that has just started would
// otherwise say no for no reason.

import type { Exchange } from "../exchange.ts";
import type { HttpsParts, Service } from "../parts.ts";
import { escapeXml } from "../xml.ts";
import { pathOf, say, sayMethods } from "./local.ts";

type Facts = Pick<HttpsParts, "hostname" | "legs" | "health"> & { readonly isDraining: () => boolean };

const PAGE = "/healthcheck.htm";
const IS_PAGE = /\/healthcheck\.htm(?:\?|$)/i;

/** False: it was not asked for. */
export function answersHealth(exchange: Exchange, service: Service, facts: Facts): boolean {
  const { target, method } = exchange.request;
  if (!service.hasHealthPage || !isHealthPage(target, service)) return false;
  if (method === "GET" || method === "HEAD") tellHealth(exchange, service, facts);
  else sayMethods(exchange, "GET, HEAD");
  return true;
}

function isHealthPage(target: string, { paths }: Service): boolean {
  if (!IS_PAGE.test(target)) return false;
  const path = pathOf(target).toLowerCase();
  if (!path.endsWith(PAGE)) return false;
  const folder = path.slice(0, -PAGE.length);
  return paths.some((each) => (each === "/" ? "" : each) === folder);
}

function tellHealth(exchange: Exchange, service: Service, facts: Facts): void {
  const isWell = !facts.isDraining() && isServed(service, facts);
  const body = isWell ? `200 OK<br/>${escapeXml(facts.hostname)}` : "503 Service Unavailable";
  say(exchange, isWell ? 200 : 503, ["Content-Type", "text/html; charset=utf-8"], body);
}

function isServed({ backends }: Service, { legs, health }: Facts): boolean {
  const names = backends.length > 0 ? backends : [...legs.keys()];
  return names.some((name) => {
    const leg = legs.get(name);
    return leg !== undefined && health.facts(leg).state !== "down";
  });
}
