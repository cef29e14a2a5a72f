// READ FIRST: the path of a request, top to bottom.
//
//   service -> health page -> too large? -> login -> device rules -> own answer -> who is asked for -> route -> redirect -> limits
//   -> backend -> answer
//
// Whatever goes wrong is told to the client in its service's own way, once, and to the log. Which backend gets it, and whether
// another one may, is in deliver.ts.

import { toFailure, type Place, type Session } from "@postern/contracts";
import { newFacts, writeRequest, type RequestFacts } from "./access-log.ts";
import { answersHealth } from "./answers/health.ts";
import { ownAnswer } from "./answers/own.ts";
import { redirected } from "./answers/redirects.ts";
import { refuse, tellTooLarge } from "./answers/refusals.ts";
import { BoundedBody, hold, type Held } from "./bodies.ts";
import type { Soon } from "./backends.ts";
import { channelLegs, isChannel, serveChannel } from "./channels.ts";
import { deliver } from "./deliver.ts";
import type { House } from "./house.ts";
import type { Exchange, Handler, RequestBody } from "./exchange.ts";
import type { Admission, Service } from "./parts.ts";
import { whereTo, type Where } from "./where.ts";

/** Answers one request. */
export function createServe(house: House): Handler {
  return async (exchange) => {
    const facts = newFacts(house.clock.now());
    try {
      const service = house.services.find(exchange.request.host, exchange.request.target);
      facts.service = service;
      const soon = admit(exchange, service, house);
      const admission = soon instanceof Promise ? await soon : soon;
      if (admission !== undefined) await serve(exchange, service, admission, facts, house);
    } catch (error) {
      facts.failure = toFailure(error);
      refuse(exchange, facts.failure, facts.service);
    }
    const { accessLog } = house.settings;
    writeRequest(exchange, facts, accessLog, house.clock.now(), house.logger);
  };
}

/** undefined: it was answered. */
function admit(exchange: Exchange, service: Service, house: House): Soon<Admission | undefined> {
  if (answersHealth(exchange, service, house)) return undefined;
  const { maxBody } = service;
  if (maxBody === 0 || (exchange.request.body?.length ?? 0) <= maxBody) return house.logins.admit(exchange, service);
  tellTooLarge(exchange);
  return undefined;
}

/** More of a body is never held: it names a user, or asks for settings. */
const HELD_BYTES = 64 * 1024;

/** Whatever was taken for the request is given back at its end, on every way out. */
async function serve(
  exchange: Exchange,
  service: Service,
  admission: Admission,
  facts: RequestFacts,
  house: House,
): Promise<void> {
  const { request, client } = exchange;
  const { own } = service;
  let held: Held | undefined;
  let where: Where | undefined;
  let place: Place | undefined;
  try {
    if (request.body !== undefined && own !== undefined) held = await hold(request.body, HELD_BYTES, house.holds);
    facts.user = admission.identity?.user;
    if (request.body !== undefined && isChannel(request, service)) request.body.patience = service.idleMs;
    facts.device = house.devices.check(exchange, service, admission);
    if (own?.when === "gateway" && ownAnswer(exchange, service, held?.bytes, house)) return;
    const soon = whereTo(exchange, service, admission, held?.bytes, house);
    where = soon instanceof Promise ? await routed(soon, admission, facts) : soon;
    if (where === undefined) return;
    facts.user ??= where.user;
    facts.hint = where.hint;
    if (!client.isShared && where.user !== undefined)
      client.session.identity = admission.identity ?? { user: where.user, proven: false };
    if (redirected(exchange, service, where, house, held?.bytes)) return;
    const rpc = channelLegs(exchange, service, where.legs);
    if (rpc.length > 0) return await serveChannel(exchange, admission, rpc, facts, house);
    if (facts.user !== undefined) place = takePlace(facts.user, admission, client.session, house);
    const body = bounded(held?.body ?? request.body, service, exchange);
    const outcome = await deliver({ exchange, service, admission, where, body, facts }, house);
    if (outcome.kind === "refused") throw outcome.failure;
    if (outcome.kind === "unknown-folder") ownAnswer(exchange, service, held?.bytes, house);
    else facts.failure = outcome.failure;
  } finally {
    place?.release();
    where?.login?.secret?.wipe();
    held?.release();
    admission.release();
  }
}

/** undefined: a route source has refused the login, and the client was told. */
async function routed(soon: Promise<Where>, admission: Admission, facts: RequestFacts): Promise<Where | undefined> {
  try {
    return await soon;
  } catch (error) {
    const failure = toFailure(error);
    const last = await admission.unrouted(failure);
    if (last !== "answered") throw last;
    facts.failure = failure;
    return undefined;
  }
}

/** Of a name that is only claimed each address has places of its own: nobody takes those of others by saying their name. */
function takePlace(user: string, { identity }: Admission, { client }: Session, { places }: House): Place {
  return places.take(identity?.proven === true ? user : `${user} from ${client.host}`);
}

function bounded(body: RequestBody | undefined, { maxBody }: Service, exchange: Exchange): RequestBody | undefined {
  if (body === undefined || body.length !== undefined || maxBody === 0) return body;
  return new BoundedBody(body, maxBody, () => tellTooLarge(exchange));
}
