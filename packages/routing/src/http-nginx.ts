// A route source that speaks nginx's mail `auth_http` dialect, so that an existing auth_http server works as it is. It
// checks the password as well, so nothing is remembered. Never sends another user's name than the one who proves: the
// dialect has no authorization identity, so acting for somebody else is refused.
// Throws Failure: wrong-credentials, not-authorized, source-down.

import { Failure, normaliseUser } from "@postern/contracts";
import type { Credentials, RouteAnswer, RouteQuery, RouteSource } from "@postern/contracts";
import { askNginx, authMethod, isCheckable, nginxSecret, nginxUser } from "@postern/lookup";
import type { NginxOptions, NginxYes } from "@postern/lookup";
import { addressCandidate } from "./answer.ts";
import type { AddressPolicy } from "./answer.ts";

export interface NginxSourceOptions extends NginxOptions {
  readonly name: string;
  /** How addresses are reached that belong to no configured backend. */
  readonly addresses: AddressPolicy;
}

function refuseActingForOthers(credentials: Credentials | undefined): void {
  if (credentials === undefined || credentials.authzid === "") return;
  const { authcid, authzid } = credentials;
  if (authcid === "" || normaliseUser(authzid, undefined) === normaliseUser(authcid, undefined)) return;
  throw new Failure("not-authorized", "the client asked to act for another user, which the nginx dialect cannot say");
}

/** Without a password of the client's that could go on to the backend, the server must give one. */
function needsSecret(credentials: Credentials | undefined): boolean {
  return credentials?.kind !== "proven" && ["cram-md5", "apop", "external"].includes(authMethod(credentials));
}

/** A secret for the backend is taken only when somebody has checked the client's: otherwise anybody would do. */
function mayGiveSecret({ credentials, session }: RouteQuery): boolean {
  return credentials === undefined || isCheckable(credentials) || session?.identity?.proven === true;
}

/** Whom to log in as, where the server says so. */
function loginOf(yes: NginxYes, query: RouteQuery): RouteAnswer["login"] {
  const user = nginxUser(yes);
  const secret = nginxSecret(yes);
  if (secret === undefined && needsSecret(query.credentials)) {
    throw new Failure("source-down", "did not send Auth-Pass, which this mechanism needs");
  }
  if (secret !== undefined && !mayGiveSecret(query)) {
    throw new Failure("source-down", "sent Auth-Pass though nobody has checked the client");
  }
  if (user === undefined && secret === undefined) return undefined;
  return { ...(user !== undefined && { user }), ...(secret !== undefined && { secret }) };
}

function routeOf(yes: NginxYes, query: RouteQuery, policy: AddressPolicy): RouteAnswer {
  const server = yes.of("auth-server") ?? "";
  const port = yes.of("auth-port") ?? "";
  if (server === "" || port === "") {
    throw new Failure("source-down", `did not send Auth-Server or Auth-Port (status ${yes.status})`);
  }
  const candidate = addressCandidate(server, port, policy);
  const login = loginOf(yes, query);
  const why = `Auth-Server ${server}, Auth-Port ${port}`;
  return { candidates: [candidate], why, ...(login !== undefined && { login }) };
}

/** The source; `close` closes the client's connections. */
export function nginxSource(options: NginxSourceOptions): RouteSource {
  const { name, client, addresses } = options;
  const find = async (query: RouteQuery): Promise<RouteAnswer> => {
    refuseActingForOthers(query.credentials);
    return askNginx(options, query, (yes) => routeOf(yes, query, addresses));
  };
  return { name, cacheable: false, find, close: () => client.close() };
}
