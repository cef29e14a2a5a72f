// Takes a request to a backend: the candidates in order, over a connection from the pool, a new one, or the one that is pinned to
// the client's. It is given to another backend only when nothing of the answer has come, and the one before cannot have acted
// on it. Failure: what a backend ended with; client-gone; no-candidate; what presenting a login says.

import { Failure, legText, toFailure, type Leg } from "@postern/contracts";
import type { Fields } from "@postern/http";
import { isChannel } from "./channels.ts";
import type { RequestFacts } from "./access-log.ts";
import { requestFields } from "./forwarded-fields.ts";
import { forward, type Outcome } from "./forward.ts";
import type { House } from "./house.ts";
import { isConnectionBound } from "./login/connection-bound.ts";
import { hostOf, type BackConnection, type Soon } from "./backends.ts";
import type { Exchange, HttpRequest, RequestBody } from "./exchange.ts";
import type { Admission, Service } from "./parts.ts";
import type { Where } from "./where.ts";

export interface Errand {
  readonly exchange: Exchange;
  readonly service: Service;
  readonly admission: Admission;
  readonly where: Where;
  readonly body: RequestBody | undefined;
  readonly facts: RequestFacts;
}

/** The client has its answer, or who asked has to give one. */
export type Delivered = Exclude<Outcome, { kind: "failed" }>;

/** Tries the candidates in order. Failure: of the last one, or of the first that the request was sent to and may not be sent again. */
export async function deliver(errand: Errand, house: House): Promise<Delivered> {
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
  if (errand.service.authentication === "pass" && client.pinned.size > 0) {
    const pinned = client.pinned.get(legText(leg));
    if (pinned?.isFree === true) return pinned;
  }
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
    isChannel: isChannel(request, service),
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
