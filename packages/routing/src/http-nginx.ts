// A route source that speaks nginx's mail `auth_http` dialect, so that an existing auth_http server works as it is. It
// checks the password as well, so nothing is remembered. Never sends another user's name than the one who proves: the
// dialect has no authorization identity, so acting for somebody else is refused.
// Throws Failure: wrong-credentials, not-authorized, source-down.

import { Failure, normaliseUser, sleep } from "@postern/contracts";
import type { Clock, Credentials, RouteAnswer, RouteQuery, RouteSource } from "@postern/contracts";
import type { AddressPolicy } from "./answer.ts";
import type { HttpClient } from "./http-client.ts";
import { readNginxAnswer } from "./nginx-answer.ts";
import { nginxHeaders } from "./nginx-request.ts";

export interface NginxSourceOptions {
  readonly name: string;
  /** Built with `ignoreBody`. */
  readonly client: HttpClient;
  /** The admin's own headers (nginx's auth_http_header): sent as they are. */
  readonly headers: Readonly<Record<string, string>>;
  readonly passClientCertificate: boolean;
  /** How addresses are reached that belong to no configured backend. */
  readonly addresses: AddressPolicy;
  readonly clock: Clock;
}

const MAX_ASKS = 10;
const MIN_WAIT_MS = 1000;

function refuseActingForOthers(credentials: Credentials | undefined): void {
  if (credentials === undefined || credentials.authzid === "") return;
  const { authcid, authzid } = credentials;
  if (authcid === "" || normaliseUser(authzid, undefined) === normaliseUser(authcid, undefined)) return;
  throw new Failure("not-authorized", "the client asked to act for another user, which the nginx dialect cannot say");
}

/** The source; `close` closes the client's connections. */
export function nginxSource(options: NginxSourceOptions): RouteSource {
  const { name, client, headers, passClientCertificate, addresses, clock } = options;
  const find = async (query: RouteQuery): Promise<RouteAnswer | undefined> => {
    refuseActingForOthers(query.credentials);
    const request = { method: "GET", headers: { ...nginxHeaders(query, { passClientCertificate }), ...headers } } as const;
    for (let ask = 1; ask <= MAX_ASKS; ask += 1) {
      const answer = await client.ask(request, (got) => readNginxAnswer(got, query, addresses));
      if (!("againMs" in answer)) return answer;
      await sleep(clock, Math.max(answer.againMs, MIN_WAIT_MS));
    }
    throw new Failure("source-down", `answered Auth-Status: WAIT ${MAX_ASKS} times`);
  };
  return { name, cacheable: false, find, close: () => client.close() };
}
