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
      await serve(exchange, facts, house);
    } catch (error) {
      facts.failure = toFailure(error);
      refuse(exchange, facts.failure, facts.service);
    }
    const { accessLog } = house.settings;
    writeRequest(exchange, facts, accessLog, house.clock.now(), house.logger);
  };
}

async function serve(exchange: Exchange, facts: RequestFacts, house: House): Promise<void> {
  const { request } = exchange;
  const service = house.services.find(request.host, request.target);
  facts.service = service;
  if (answersHealth(exchange, service, house)) return;
  const { maxBody } = service;
  if (maxBody > 0 && (request.body?.length ?? 0) > maxBody) return tellTooLarge(exchange);
  const admission = await house.logins.admit(exchange, service);
  if (admission === undefined) return;
  let held: Held | undefined;
  try {
    held =
      request.body === undefined || service.own === undefined ? undefined : await hold(request.body, HELD_BYTES, house.holds);
    await serveAdmitted(exchange, service, admission, held, facts, house);
  } finally {
    held?.release();
    admission.release();
  }
}

/** More of a body is never held: it names a user, or asks for settings. */
const HELD_BYTES = 64 * 1024;

async function serveAdmitted(
  exchange: Exchange,
  service: Service,
  admission: Admission,
  held: Held | undefined,
  facts: RequestFacts,
  house: House,
): Promise<void> {
  const { request, client } = exchange;
  const { own } = service;
  facts.user = admission.identity?.user;
  if (request.body !== undefined && isChannel(request, service)) request.body.patience = service.idleMs;
  const device = house.devices.check(exchange, service, admission);
  facts.device = device;
  if (own?.when === "gateway" && ownAnswer(exchange, service, held?.bytes, house)) return;
  const soon = whereTo(exchange, service, admission, held?.bytes, house);
  const where = soon instanceof Promise ? await routed(soon, admission, facts) : soon;
  if (where === undefined) return;
  try {
    facts.user ??= where.user;
    facts.hint = where.hint;
    if (!client.isShared && where.user !== undefined)
      client.session.identity = admission.identity ?? { user: where.user, proven: false };
    if (redirected(exchange, service, where, house, held?.bytes)) return;
    const rpc = channelLegs(exchange, service, where.legs);
    if (rpc.length > 0) await serveChannel(exchange, admission, rpc, facts, house);
    else await serveRouted(exchange, service, admission, facts, where, held, house);
  } finally {
    where.login?.secret?.wipe();
  }
}

async function serveRouted(
  exchange: Exchange,
  service: Service,
  admission: Admission,
  facts: RequestFacts,
  where: Where,
  held: Held | undefined,
  house: House,
): Promise<void> {
  const { request, client } = exchange;
  const place = facts.user === undefined ? undefined : takePlace(facts.user, admission, client.session, house);
  try {
    const body = bounded(held?.body ?? request.body, service, exchange);
    const outcome = await deliver({ exchange, service, admission, where, body, facts }, house);
    if (outcome.kind === "refused") throw outcome.failure;
    if (outcome.kind === "unknown-folder") ownAnswer(exchange, service, held?.bytes, house);
    else facts.failure = outcome.failure;
  } finally {
    place?.release();
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
