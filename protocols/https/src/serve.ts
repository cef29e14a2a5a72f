// READ FIRST: the path of a request, top to bottom.
//
//   service -> health page -> device rules -> login -> who is asked for -> route -> redirect -> limits -> backend -> answer
//
// Whatever goes wrong is told to the client in its service's own way, once, and to the log. A request is given to another
// backend only when nothing of the answer has come, and the one before cannot have acted on it.

import { Failure, legText, toFailure, type Leg, type Place, type Session } from "@postern/contracts";
import type { Fields } from "@postern/http";
import { newFacts, writeRequest, type RequestFacts } from "./access-log.ts";
import { answersHealth } from "./answers/health.ts";
import { ownAnswer } from "./answers/own.ts";
import { redirected } from "./answers/redirects.ts";
import { refuse, tellTooLarge } from "./answers/refusals.ts";
import { hostOf } from "./back/features.ts";
import { BoundedBody, hold } from "./bodies.ts";
import { requestFields } from "./forwarded-fields.ts";
import { forward, type Outcome } from "./forward.ts";
import type { House } from "./house.ts";
import { isConnectionBound } from "./login/connection-bound.ts";
import type { Admission, BackConnection, Exchange, Handler, HttpRequest, RequestBody, Service, Soon } from "./parts.ts";
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
  try {
    await serveAdmitted(exchange, service, admission, facts, house);
  } finally {
    admission.release();
  }
}

/** More of a body is never held: it names a user, or asks for settings. */
const HELD_BYTES = 64 * 1024;

async function serveAdmitted(
  exchange: Exchange,
  service: Service,
  admission: Admission,
  facts: RequestFacts,
  house: House,
): Promise<void> {
  const { request, client } = exchange;
  const { own } = service;
  const held = own !== undefined && request.body !== undefined ? await hold(request.body, HELD_BYTES) : undefined;
  facts.user = admission.identity?.user;
  const device = house.devices.check(exchange, service, admission);
  facts.device = device;
  if (own?.when === "gateway" && ownAnswer(exchange, service, held?.bytes, house)) return;
  const soon = whereTo(exchange, service, admission, held?.bytes, house);
  const where = soon instanceof Promise ? await routed(soon, admission, facts) : soon;
  if (where === undefined) return;
  facts.user ??= where.user;
  facts.hint = where.hint;
  if (!client.isShared && where.user !== undefined)
    client.session.identity = admission.identity ?? { user: where.user, proven: false };
  if (redirected(exchange, service, where, house, held?.bytes)) return;
  const place = facts.user === undefined ? undefined : takePlace(facts.user, admission, client.session, house);
  try {
    const body = bounded(held?.body ?? request.body, service, exchange);
    const outcome = await deliver({ exchange, service, admission, where, body, facts }, house);
    if (outcome.kind === "refused") throw outcome.failure;
    if (outcome.kind === "unknown-folder") ownAnswer(exchange, service, held?.bytes, house);
    else facts.failure = outcome.failure;
  } finally {
    place?.release();
    where.login?.secret?.wipe();
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

interface Errand {
  readonly exchange: Exchange;
  readonly service: Service;
  readonly admission: Admission;
  readonly where: Where;
  readonly body: RequestBody | undefined;
  readonly facts: RequestFacts;
}

type Delivered = Exclude<Outcome, { kind: "failed" }>;

/** Tries the candidates in order. Failure: of the last one, or of the first that the request was sent to and may not be sent again. */
async function deliver(errand: Errand, house: House): Promise<Delivered> {
  let last: Failure | undefined;
  for (const leg of errand.where.legs) {
    errand.facts.backend = leg.backend;
    const outcome = await deliverTo(leg, errand, house);
    if (outcome.kind !== "failed") return outcome;
    last = outcome.failure;
    if (!last.row.tryNext || !mayAskAgain(outcome, errand)) throw last;
    house.logger.warn("backend failed", {
      session: errand.exchange.client.session.id,
      request: errand.exchange.request.id,
      backend: leg.backend,
      kind: last.kind,
      reason: last.message,
    });
  }
  throw last ?? new Failure("no-candidate", "There is no backend to ask");
}

/** Asks one backend; once more when a connection from the pool turns out to be dead. */
async function deliverTo(leg: Leg, errand: Errand, house: House): Promise<Outcome> {
  for (let isFresh = false; ; isFresh = true) {
    let connection: BackConnection;
    if (errand.exchange.answer.isOver) throw new Failure("client-gone", "The client left before a backend was asked");
    try {
      const soon = connectionTo(leg, errand, isFresh, house);
      connection = soon instanceof Promise ? await soon : soon;
    } catch (error) {
      return { kind: "failed", failure: toFailure(error), wasSent: false };
    }
    const outcome = await ask(connection, await fieldsFor(connection, errand, house), errand, house);
    const isStale = outcome.kind === "failed" && connection.isReused && !isFresh && outcome.failure.kind === "backend-lost";
    if (!isStale || !mayAskAgain(outcome, errand)) return outcome;
  }
}

/** Methods that change nothing, or the same again (RFC 9110 section 9.2.2, RFC 4918). What a backend has done for others it may have done. */
const REPEATABLE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "SEARCH"]);

/** No answer has come. A body that has begun to flow cannot begin again. */
function mayAskAgain({ wasSent }: { readonly wasSent: boolean }, { exchange, body }: Errand): boolean {
  return wasSent ? REPEATABLE.has(exchange.request.method) && body === undefined : body?.isStarted !== true;
}

/** What is pinned has a login of the backend's own: whom the gateway has checked goes by another connection. */
function connectionTo(leg: Leg, errand: Errand, isFresh: boolean, house: House): Soon<BackConnection> {
  const { client, answer } = errand.exchange;
  const pinned = errand.service.authentication === "pass" ? client.pinned.get(legText(leg)) : undefined;
  if (pinned?.isFree === true) return pinned;
  return house.backs.take(leg, client.session, isFresh, answer);
}

/** As this backend is to see them. */
async function fieldsFor(connection: BackConnection, errand: Errand, house: House): Promise<Fields> {
  const { request, client } = errand.exchange;
  const { leg } = connection;
  const { session } = client;
  if (!client.isShared) session.backend = leg.backend;
  try {
    const told = {
      session,
      backend: hostOf(leg),
      isTold: leg.forwardClient,
      isTrusted: session.listener.trusts(session.client.host),
    };
    return await errand.admission.present(leg, requestFields(request, told, house.kept), errand.where.login);
  } catch (error) {
    giveBack(connection, client.pinned);
    throw error;
  }
}

function ask(connection: BackConnection, fields: Fields, errand: Errand, house: House): Promise<Outcome> {
  const { exchange, service, admission, body, where } = errand;
  const { request } = exchange;
  const { leg } = connection;
  const passes = service.authentication === "pass";
  return forward({
    exchange,
    connection,
    request: {
      method: methodOf(request),
      target: request.target,
      fields,
      idleMs: service.idleMs,
      isUpgrade: request.upgrade !== undefined,
      isStripped: house.kept.isStripped,
    },
    body,
    admission,
    passes,
    isBound: passes && isConnectionBound(request.fields),
    more: () => addedTo(exchange, service, leg, where, admission, house),
    hasOwnAnswer: service.own?.when === "auto",
    bind: (bound) => bindTo(exchange, bound),
    clock: house.clock,
  });
}

/** An extended CONNECT (RFC 8441) is a GET with Upgrade in HTTP/1.1. */
const methodOf = ({ method, upgrade, version }: HttpRequest): string =>
  version === "2" && upgrade !== undefined ? "GET" : method;

/** Nothing was asked on it. */
function giveBack(connection: BackConnection, pinned: ReadonlyMap<string, BackConnection>): void {
  if (pinned.get(legText(connection.leg)) !== connection) connection.drop();
}

/** From now on this connection to the backend and the client's connection live and die together. */
function bindTo({ client }: Exchange, connection: BackConnection): void {
  const { pinned } = client;
  const key = legText(connection.leg);
  if (pinned.get(key) === connection) return;
  pinned.get(key)?.drop();
  pinned.set(key, connection);
  connection.pin(() => {
    if (pinned.get(key) === connection) pinned.delete(key);
    client.closeSoon();
  });
  if (pinned.size > 1) return;
  client.whenClosed(() => {
    for (const each of pinned.values()) each.drop();
  });
}

function addedTo(
  { client, request }: Exchange,
  service: Service,
  leg: Leg,
  { user }: Where,
  admission: Admission,
  { affinity, strictTransport }: House,
): readonly string[] {
  const { session } = client;
  const isSecure = session.tls !== undefined;
  const more = [...admission.answerFields];
  if (service.hasAffinity) more.push(...affinity.renew(request, { mailbox: user, backend: leg.backend }, service, isSecure));
  if (isSecure) more.push(...strictTransport);
  return more;
}
