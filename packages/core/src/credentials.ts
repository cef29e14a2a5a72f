// What to present at a backend: what the leg's strategy makes of the client's credentials, or what the route source says.

import { Secret, type BackendCredentials, type Credentials, type Identity, type Leg, type RouteAnswer } from "@postern/contracts";
import type { Visit } from "./visit.ts";

/** Who is there, and what is known of how to log in. */
export interface Checked {
  readonly credentials: Credentials;
  readonly identity: Identity;
  /** Another user name, another password: given by the route source. */
  readonly login: RouteAnswer["login"];
}

/** The secret is ours to wipe, unless it is the client's. Failure: what the strategy throws. */
export async function presentedAt(leg: Leg, checked: Checked, { house, session }: Visit): Promise<BackendCredentials> {
  const { credentials, identity, login } = checked;
  // A name that was only typed, or stands in a ticket, may be another user's at the backend.
  const authcid = login?.user ?? (identity.proven ? identity.user : credentials.authcid);
  if (login?.secret !== undefined) {
    const secret = new Secret(Buffer.from(login.secret.reveal()));
    return { kind: "password", mechanism: "PLAIN", authcid, authzid: "", secret };
  }
  const client: Credentials = login?.user === undefined ? credentials : { ...credentials, authcid, authzid: "" };
  return house.loginAt(leg).present(client, login?.user === undefined ? identity : { ...identity, user: login.user }, session);
}
