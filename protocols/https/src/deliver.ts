// Takes a request to a backend: the candidates in order, over a connection from the pool, a new one, or the one that is pinned to
// the client's. It is given to another backend only when nothing of the answer has come, and the one before cannot have acted
// on it. Failure: what a backend ended with; client-gone; no-candidate; what presenting a login says.

import { Failure, toFailure, type Leg } from "@postern/contracts";
import type { Fields } from "@postern/http";
import { hostOf, type BackConnection, type Soon } from "./backends.ts";
import { boundTo } from "./binding.ts";
import type { Errand } from "./errand.ts";
import { requestFields } from "./forwarded-fields.ts";
import { forward, type Outcome } from "./forward.ts";
import type { House } from "./house.ts";

/** The client has its answer, or who asked has to give one. */
export type Delivered = Exclude<Outcome, { kind: "failed" }>;

/** Tries the candidates in order. Failure: of the last one, or of the first that the request was sent to and may not be sent again. */
export async function deliver(errand: Errand, house: House): Promise<Delivered> {
  let last: Failure | undefined;
  for (const leg of errand.where.legs) {
    errand.facts.backend = leg.backend;
    let outcome = await ask(leg, errand, false, house);
    // Once more when a connection from the pool turns out to be dead.
    if (outcome.kind === "failed" && outcome.wasStale && mayAskAgain(outcome, errand))
      outcome = await ask(leg, errand, true, house);
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

/** Asks one backend. `isFresh`: over no connection that waited. */
function ask(leg: Leg, errand: Errand, isFresh: boolean, house: House): Promise<Outcome> {
  if (errand.exchange.answer.isOver) throw new Failure("client-gone", "The client left before a backend was asked");
  const connection = connectionTo(leg, errand, isFresh, house);
  if (!(connection instanceof Promise)) return askOver(connection, errand, house);
  return connection.then(
    (made) => askOver(made, errand, house),
    (error: unknown) => ({ kind: "failed", failure: toFailure(error), wasSent: false, wasStale: false }),
  );
}

function askOver(connection: BackConnection, errand: Errand, house: House): Promise<Outcome> {
  const fields = fieldsFor(connection, errand, house);
  if (fields instanceof Promise) return fields.then((presented) => forward(errand, connection, presented, house));
  return forward(errand, connection, fields, house);
}

/** Methods that change nothing, or the same again (RFC 9110 section 9.2.2, RFC 4918). What a backend has done for others it may have done. */
const REPEATABLE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "SEARCH"]);

/** No answer has come. A body that has begun to flow cannot begin again. */
function mayAskAgain({ wasSent }: { readonly wasSent: boolean }, { exchange, body }: Errand): boolean {
  return wasSent ? REPEATABLE.has(exchange.request.method) && body === undefined : body?.isStarted !== true;
}

/** What is pinned has a login of the backend's own: whom the gateway has checked goes by another connection. */
function connectionTo(leg: Leg, { service, exchange }: Errand, isFresh: boolean, { backs }: House): Soon<BackConnection> {
  const { client, answer } = exchange;
  const bound = service.authentication === "pass" ? boundTo(client, leg) : undefined;
  return bound?.isFree === true ? bound : backs.take(leg, client.session, isFresh, answer);
}

/** As this backend is to see them. */
function fieldsFor(connection: BackConnection, { exchange, admission, where }: Errand, house: House): Soon<Fields> {
  const { request, client } = exchange;
  const { leg } = connection;
  if (!client.isShared) client.session.backend = leg.backend;
  const notAsked = (error: unknown): never => {
    if (boundTo(client, leg) !== connection) connection.drop();
    throw error;
  };
  try {
    const own = requestFields(request, { backend: hostOf(leg), isTold: leg.forwardClient }, house.kept);
    const fields = admission.present(leg, own, where.login);
    return fields instanceof Promise ? fields.catch(notAsked) : fields;
  } catch (error) {
    return notAsked(error);
  }
}
