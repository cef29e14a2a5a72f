// A question in nginx's mail `auth_http` dialect, asked again while the server says WAIT. Never sends another user's name
// than the one who proves: the dialect has no authorization identity. Throws Failure: wrong-credentials, source-down, and
// what `read` throws.

import { Failure, sleep } from "@postern/contracts";
import type { Clock, RouteQuery } from "@postern/contracts";
import type { HttpClient } from "./http-client.ts";
import { readNginxAnswer } from "./nginx-answer.ts";
import type { NginxYes } from "./nginx-answer.ts";
import { nginxHeaders } from "./nginx-request.ts";

export interface NginxOptions {
  /** Built with `ignoreBody`. */
  readonly client: HttpClient;
  /** The admin's own headers (nginx's auth_http_header): sent as they are. */
  readonly headers: Readonly<Record<string, string>>;
  readonly passClientCertificate: boolean;
  readonly clock: Clock;
}

const MAX_ASKS = 10;
const MIN_WAIT_MS = 1000;

/** What `read` makes of the server's yes. `read` throws Failure source-down for one that makes no sense. */
export async function askNginx<T extends object>(
  { client, headers, passClientCertificate, clock }: NginxOptions,
  query: RouteQuery,
  read: (yes: NginxYes) => T,
): Promise<T> {
  const request = { method: "GET", headers: { ...nginxHeaders(query, { passClientCertificate }), ...headers } } as const;
  for (let ask = 1; ask <= MAX_ASKS; ask += 1) {
    const answer = await client.ask(request, (got) => {
      const said = readNginxAnswer(got, query);
      return "againMs" in said ? said : { read: read(said) };
    });
    if ("read" in answer) return answer.read;
    await sleep(clock, Math.max(answer.againMs, MIN_WAIT_MS));
  }
  throw new Failure("source-down", `answered Auth-Status: WAIT ${MAX_ASKS} times`);
}
