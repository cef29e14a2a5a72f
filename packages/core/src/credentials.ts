// What to present at the backend when the route source says so: another user name, another secret.

import { type Credentials, type RouteAnswer } from "@postern/contracts";

/** The client's credentials, with the source's user and secret in their place. */
export function credentialsFor(credentials: Credentials, login: RouteAnswer["login"]): Credentials {
  if (login === undefined) return credentials;
  const authcid = login.user ?? credentials.authcid;
  if (login.secret !== undefined) return { kind: "password", mechanism: "PLAIN", authcid, authzid: "", secret: login.secret };
  return { ...credentials, authcid, authzid: "" };
}
