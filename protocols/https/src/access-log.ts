// One line for each request, or for those that failed. No query is written: it may hold what is as good as a password.

import type { Failure, Logger } from "@postern/contracts";
import type { Exchange } from "./exchange.ts";
import type { Service } from "./parts.ts";
import type { HttpsSettings } from "./settings.ts";

/** What became known of a request on its way. */
export interface RequestFacts {
  service: Service | undefined;
  user: string | undefined;
  /** Where it was seen who is asked for. */
  hint: string | undefined;
  backend: string | undefined;
  device: string | undefined;
  failure: Failure | undefined;
  readonly startedAt: number;
}

export const newFacts = (startedAt: number): RequestFacts => ({
  service: undefined,
  user: undefined,
  hint: undefined,
  backend: undefined,
  device: undefined,
  failure: undefined,
  startedAt,
});

const LONGEST_PATH = 200;

export function writeRequest(
  { request, answer, client }: Exchange,
  facts: RequestFacts,
  mode: HttpsSettings["accessLog"],
  now: number,
  logger: Logger,
): void {
  if (mode === "none") return;
  const { status } = answer;
  // The channel that only takes is never answered while all is well.
  const isUnanswered = status === undefined && facts.service?.isForChannels !== true;
  const hasFailed = facts.failure !== undefined || isUnanswered || (status ?? 0) >= 400;
  if (mode === "failures" && !hasFailed) return;
  const { service, user, hint, backend, device, failure, startedAt } = facts;
  const level = failure === undefined || failure.row.blame === "client" ? "info" : "warn";
  logger[level]("request", {
    session: client.session.id,
    request: request.id,
    client: client.session.client.host,
    method: request.method,
    host: request.host,
    path: pathOf(request.target),
    version: request.version,
    ...(service && { service: service.name }),
    ...(user && { user }),
    ...(hint && { hint }),
    ...(backend && { backend }),
    ...(device && { device }),
    ...(status !== undefined && { status }),
    in: request.body?.given ?? 0,
    out: answer.bytes,
    ms: Math.round(now - startedAt),
    ...(failure && { kind: failure.kind, reason: failure.message }),
  });
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  const end = query === -1 ? target.length : query;
  return target.slice(0, Math.min(end, LONGEST_PATH));
}
