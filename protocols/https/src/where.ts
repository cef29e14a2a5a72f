// Where a request goes: the hints of its service in order, then the route sources, as for mail. Who is not known, or has no
// mailbox, gets any backend that is up, where that does no harm: it asks for the login itself. Failure: unknown-user,
// source-down, no-candidate, and what a route source refuses.

import {
  Failure,
  legText,
  normaliseUser,
  toFailure,
  type Identity,
  type Leg,
  type Route,
  type RouteQuery,
} from "@postern/contracts";
import type { House } from "./house.ts";
import type { BackConnection, Soon } from "./backends.ts";
import { isChannel } from "./channels.ts";
import type { Exchange } from "./exchange.ts";
import type { Admission, Hint, Service } from "./parts.ts";

export interface Where {
  /** In the order in which to try them; never empty. */
  readonly legs: readonly Leg[];
  /** Who is asked for, normalised; undefined: not known. */
  readonly user: string | undefined;
  /** What the route says of the login there. */
  readonly login: Route["login"];
  readonly hint: Hint["from"] | undefined;
}

/** `body`: what is held of it, for protocols that name the user in it. */
export function whereTo(
  exchange: Exchange,
  service: Service,
  admission: Admission,
  body: Buffer | undefined,
  house: House,
): Soon<Where> {
  const hints = house.hints.of(exchange.request, service, admission, body);
  if (hints.length === 0) return unhinted({}, exchange, service, admission, house);
  return hintedTo(hints, exchange, service, admission, house);
}

/** What hints have left behind that led nowhere. */
interface Tried {
  backend?: string | undefined;
  refusal?: Failure;
  speaker?: string;
}

async function hintedTo(
  hints: readonly Hint[],
  exchange: Exchange,
  service: Service,
  admission: Admission,
  house: House,
): Promise<Where> {
  const pinned = pinnedOf(exchange, service);
  const tried: Tried = {};
  for (const hint of hints) {
    tried.backend ??= hint.backend;
    const user = hint.mailbox === undefined ? undefined : normaliseUser(hint.mailbox, house.defaultDomain);
    if (user === undefined) continue;
    // In the middle of an exchange, and behind it, a name in it does not lead to another connection.
    if (hint.from === "ntlm" && pinned.size > 0) {
      tried.speaker = user;
      break;
    }
    if (service.backends.length > 0)
      return { legs: own(service, tried.backend, pinned, house), user, login: undefined, hint: hint.from };
    try {
      const { legs, login } = await routeOf(user, exchange, service, admission, house);
      return { legs: inOrder(legs, tried.backend, pinned, house), user, login, hint: hint.from };
    } catch (error) {
      const failure = toFailure(error);
      if (failure.kind !== "unknown-user") throw failure;
      tried.refusal ??= failure;
    }
  }
  return unhinted(tried, exchange, service, admission, house);
}

/** A login of the backend's own lives on its connection; one that the gateway has checked comes with each request. */
const pinnedOf = ({ client }: Exchange, { authentication }: Service): ReadonlyMap<string, BackConnection> =>
  authentication === "pass" ? client.pinned : NONE;

function unhinted(
  { backend, refusal, speaker }: Tried,
  exchange: Exchange,
  service: Service,
  admission: Admission,
  house: House,
): Where {
  const pinned = pinnedOf(exchange, service);
  const user = admission.identity?.user ?? speaker;
  const hint = speaker === undefined ? undefined : "ntlm";
  if (service.backends.length > 0) return { legs: own(service, backend, pinned, house), user, login: undefined, hint };
  // Whom the gateway has let in, and nobody knows, has no mailbox here. Everybody else the backend will ask.
  if (refusal !== undefined && admission.identity !== undefined && !service.isForAnybody) throw refusal;
  const legs =
    pinned.size > 0 ? Array.from(pinned.values(), ({ leg }) => leg) : inOrder(spread(exchange, house), backend, pinned, house);
  if (legs.length === 0) throw new Failure("no-candidate", `No backend serves ${service.name}`);
  return { legs, user, login: undefined, hint };
}

const NONE: ReadonlyMap<string, BackConnection> = new Map();

/**
 * Whoever has logged in is looked up with the password, and first: a source may check it. Others' mailboxes are only found:
 * what the route says of a login is said of its own user, and nobody becomes another by asking for another's mailbox.
 */
async function routeOf(
  user: string,
  { request, client: { session } }: Exchange,
  service: Service,
  { identity, credentials }: Admission,
  house: House,
): Promise<Pick<Route, "legs" | "login">> {
  const isForRpc = isChannel(request, service);
  const find = (who: string, shown: Admission["credentials"]): Promise<Route> =>
    house.lookUps.count(session, identity, () => findFor(isForRpc, { user: who, credentials: shown, session }, house));
  if (identity === undefined || identity.user === user) return find(user, credentials);
  const speaker = await find(identity.user, credentials).catch((error: unknown) => unlessUnknown(error, identity));
  try {
    const { legs, login } = await find(user, undefined);
    login?.secret?.wipe();
    return { legs, login: speaker?.login };
  } catch (error) {
    speaker?.login?.secret?.wipe();
    throw error;
  }
}

/** A channel goes to the address that the backend has for it; where there is none, the backend is an RPC proxy. An RPC server never hears HTTP. */
async function findFor(isForRpc: boolean, query: Omit<RouteQuery, "protocol">, house: House): Promise<Route> {
  const { router, channels } = house;
  if (!isForRpc || channels === undefined) return router.find({ ...query, protocol: "https" });
  try {
    return await router.find({ ...query, protocol: "rpc-http" });
  } catch (error) {
    if (toFailure(error).kind !== "no-candidate") throw error;
    return router.find({ ...query, protocol: "https" });
  }
}

/** Who has no mailbox, and is known to the gateway, may be let into another's. */
function unlessUnknown(error: unknown, { proven }: Identity): undefined {
  const failure = toFailure(error);
  if (!proven || (failure.kind !== "unknown-user" && failure.kind !== "no-candidate")) throw failure;
}

function own(
  { name, backends }: Service,
  preferred: string | undefined,
  pinned: ReadonlyMap<string, unknown>,
  house: House,
): readonly Leg[] {
  const legs = backends.map((backend) => house.legs.get(backend)).filter((leg) => leg !== undefined);
  if (legs.length === 0) throw new Failure("no-candidate", `No backend of ${name} has an address for https`);
  return inOrder(legs, preferred, pinned, house);
}

/** Those that are up first, and among them the one that served before; but always where the login is. */
function inOrder(
  legs: readonly Leg[],
  preferred: string | undefined,
  pinned: ReadonlyMap<string, unknown>,
  { health }: House,
): readonly Leg[] {
  if (legs.length < 2) return legs;
  const bound = pinned.size === 0 ? [] : legs.filter((leg) => pinned.has(legText(leg)));
  if (bound.length > 0) return bound;
  const last = preferred === undefined ? [] : legs.filter(({ backend }) => backend === preferred);
  return health.order(last.length === 0 ? legs : [...last, ...legs.filter((leg) => !last.includes(leg))]);
}

/** All legs, beginning with another one for each client, so that strangers are spread, and each comes back to the same. */
function spread({ client }: Exchange, { legs }: House): readonly Leg[] {
  const all = [...legs.values()];
  if (all.length < 2) return all;
  let hash = 0x811c9dc5;
  for (const character of client.session.client.host) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  const first = (hash >>> 0) % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}
