// What to present at a backend: what the leg's strategy makes of the client's credentials, or what the route source says;
// and whose fault it is when the backend does not take it.

import {
  Failure,
  LOGIN_STRATEGIES,
  toFailure,
  Secret,
  type BackendCredentials,
  type Credentials,
  type Identity,
  type Leg,
  type RouteAnswer,
} from "@postern/contracts";
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

/**
 * A backend's no to what the gateway presents in its own name, for a user whom it has checked: then nobody's password is
 * wrong, and nobody has guessed. A client whose own token went on is told to get another one.
 */
export function refusedAt(leg: Leg, { credentials, identity, login }: Checked, error: unknown, { house }: Visit): Failure {
  const failure = toFailure(error);
  // An application has proved nothing, so nothing that is refused at a login is its fault.
  if (credentials.kind === "admitted" && failure.row.blame === "client") {
    const reason = `${leg.backend} does not let the gateway in for ${identity.user}: ${failure.message}`;
    return new Failure("backend-unavailable", reason, { cause: failure });
  }
  if (failure.kind !== "wrong-credentials" || !identity.proven || login?.secret !== undefined) return failure;
  const { strategy } = house.loginAt(leg);
  const isOurs = LOGIN_STRATEGIES[strategy].needsProof && !(strategy === "oauth" && credentials.kind === "token");
  if (!isOurs) return failure;
  const reason = `${leg.backend} does not let the gateway in for this user: ${failure.message}`;
  return new Failure("backend-unavailable", reason, { cause: failure });
}
