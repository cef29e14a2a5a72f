// Where a recipient's mail goes: what the address stands for, then the route sources, then the catch-all. One address, one
// route; what a rule has chosen goes before the sources, but never makes a domain ours. Failures as RecipientRouter says;
// `said` only where the client must be told another thing than who exists.

import {
  Failure,
  normaliseUser,
  type Leg,
  type RecipientRouter,
  type Route,
  type Router,
  type Session,
} from "@postern/contracts";
import { domainTable } from "./domain-table.ts";
import type { MailSettings } from "./mail-settings.ts";
import { createAddressBook, type Resolved } from "./resolve.ts";

/** The protocol of a backend's leg for mail that comes in. */
const PROTOCOL = "smtp";

export interface RouterParts {
  readonly router: Pick<Router, "find">;
  /** By name, then by protocol. */
  readonly backends: ReadonlyMap<string, ReadonlyMap<string, Leg>>;
}

export function createRecipientRouter(settings: MailSettings, { router, backends }: RouterParts): RecipientRouter {
  const book = createAddressBook(settings);
  const catchAll = domainTable(Object.entries(settings.catchAll));

  const legsOf = (backend: string): readonly Leg[] => {
    const leg = backends.get(backend)?.get(PROTOCOL);
    if (leg === undefined)
      throw new Failure("no-candidate", `Backend ${JSON.stringify(backend)} cannot be reached for ${PROTOCOL}`);
    return [leg];
  };
  const routeOf = async (address: string, session: Session | undefined): Promise<Route> => {
    const user = normaliseUser(address, undefined);
    if (user === undefined) throw new Failure("unknown-user", `${JSON.stringify(address)} is no name that a look-up may see`);
    return router.find({ user, protocol: PROTOCOL, credentials: undefined, session });
  };
  const caughtBy = async (unknown: Failure, { domain }: Resolved, session: Session | undefined) => {
    const address = catchAll.get(domain);
    if (address === undefined) throw unknown;
    const { deliverTo, routeAs } = book.own(address);
    const route = await routeOf(routeAs, session);
    return { deliverTo, routeAs, route: { ...route, why: `catch-all of ${domain}: ${route.why}` } };
  };

  return {
    async find(address, session, by = {}) {
      const resolved = book.resolve(address);
      const { deliverTo, routeAs } = resolved;
      if (by.redirect !== undefined) return { deliverTo, routeAs, route: redirected(by.redirect, legsOf(by.redirect)) };
      // Whoever only hands back what the address stands for has chosen nothing.
      if (by.routeAs !== undefined && ![address, deliverTo, routeAs].includes(by.routeAs))
        return { deliverTo, routeAs: by.routeAs, route: await routeOf(by.routeAs, session) };
      try {
        return { deliverTo, routeAs, route: await routeOf(routeAs, session) };
      } catch (error) {
        if (error instanceof Failure && error.kind === "unknown-user") return caughtBy(error, resolved, session);
        throw error;
      }
    },
    legsOf,
  };
}

const redirected = (backend: string, legs: readonly Leg[]): Route => ({
  source: "rules",
  why: `redirected to ${backend}`,
  legs,
  login: undefined,
});
