// What a backend sees of a login that the gateway has checked: what the leg's strategy, or the route, makes of it becomes an
// Authorization (Basic, RFC 7617; Bearer, RFC 6750) or the header field that names the user. Whatever the client itself sent
// of the two is gone. Failure: backend-mechanism, backend-plaintext, not-authorized, and what the strategy throws.

import {
  Failure,
  legText,
  LOGIN_STRATEGIES,
  Secret,
  wipe,
  type BackendCredentials,
  type Credentials,
  type Identity,
  type Leg,
  type Route,
  type Session,
} from "@postern/contracts";
import { withoutFields, type Fields } from "@postern/http";
import type { HttpsParts } from "../parts.ts";
import { requireSafeLeg } from "./plaintext.ts";

export type PresentParts = Pick<HttpsParts, "loginAt" | "settings">;

/** Who is there, and by what. */
export interface Checked {
  readonly credentials: Credentials;
  readonly identity: Identity;
}

/** The fields of the request with the login that this backend is to see. */
export async function presented(
  { loginAt, settings }: PresentParts,
  leg: Leg,
  fields: Fields,
  checked: Checked,
  session: Session,
  login: Route["login"],
): Promise<Fields> {
  requireSafeLeg(leg);
  const credentials = await presentedAt(loginAt(leg), leg, checked, session, login);
  try {
    const named = settings.remoteUser.toLowerCase();
    // Behind CGI a backend cannot tell "_" from "-".
    const rest = withoutFields(fields, (lower) => lower === "authorization" || lower.replaceAll("_", "-") === named);
    rest.push(...asFields(credentials, leg, settings.remoteUser));
    return rest;
  } finally {
    if (credentials.secret !== checked.credentials.secret) wipe(credentials);
  }
}

async function presentedAt(
  strategy: ReturnType<HttpsParts["loginAt"]>,
  leg: Leg,
  { credentials, identity }: Checked,
  session: Session,
  login: Route["login"],
): Promise<BackendCredentials> {
  // A name that was only typed may be another user's at the backend.
  const authcid = login?.user ?? (identity.proven ? identity.user : credentials.authcid);
  if (login?.secret !== undefined) {
    const secret = new Secret(Buffer.from(login.secret.reveal()));
    return { kind: "password", mechanism: "Basic", authcid, authzid: "", secret };
  }
  if (credentials.kind === "proven" && !carriesProven(strategy.strategy))
    throw new Failure(
      "backend-mechanism",
      `${legText(leg)}: a login by ${credentials.mechanism} leaves nothing that login: ${strategy.strategy} can send, and there is ` +
        "no Kerberos delegation; give this backend login: master (form: separator), oauth or xclient, or the service authentication: pass",
    );
  if (login?.user === undefined) return strategy.present(credentials, identity, session);
  return strategy.present({ ...credentials, authcid, authzid: "" }, { ...identity, user: login.user }, session);
}

function carriesProven(strategy: keyof typeof LOGIN_STRATEGIES): boolean {
  return (LOGIN_STRATEGIES[strategy].carries as readonly string[]).includes("proven");
}

function asFields(credentials: BackendCredentials, leg: Leg, remoteUser: string): Fields {
  switch (credentials.kind) {
    case "password":
      return ["Authorization", basicOf(credentials, leg)];
    case "token":
      return ["Authorization", `Bearer ${token(credentials.secret, leg)}`];
    case "trusted":
      return [remoteUser, octets(credentials.authcid, leg)];
    case "live":
    case "admitted":
    default:
      throw new Failure("backend-mechanism", `${legText(leg)}: ${credentials.mechanism} cannot be sent over HTTP`);
  }
}

function basicOf({ authcid, authzid, secret }: BackendCredentials, leg: Leg): string {
  if (authzid !== "" && authzid !== authcid)
    throw new Failure(
      "backend-mechanism",
      `${legText(leg)}: Basic has no room for the user on whose behalf ${authcid} logs in; use form: separator`,
    );
  // The first colon ends the name: the rest of it would be taken for the password's beginning.
  if (authcid.includes(":"))
    throw new Failure("not-authorized", `${legText(leg)}: a user name with a colon cannot be sent by Basic`);
  const name = Buffer.from(`${authcid}:`);
  const both = Buffer.concat([name, secret.reveal()]);
  const text = both.toString("base64");
  both.fill(0);
  return `Basic ${text}`;
}

function token(secret: Secret, leg: Leg): string {
  const text = secret.reveal().toString("latin1");
  if (!/^[\x21-\x7e]+$/.test(text)) throw new Failure("backend-mechanism", `${legText(leg)}: the token cannot stand in a header`);
  return text;
}

/** In UTF-8, one character for each octet, as a field's value is. Normalised names hold no control characters. */
function octets(name: string, leg: Leg): string {
  if (/\p{Cc}/u.test(name)) throw new Failure("not-authorized", `${legText(leg)}: the user's name cannot stand in a header`);
  return Buffer.from(name).toString("latin1");
}

/** Is it the gateway's own login that the backend did not take, for a user whom the gateway has checked? */
export function isOurLogin({ loginAt }: Pick<PresentParts, "loginAt">, leg: Leg, { credentials, identity }: Checked): boolean {
  const { strategy } = loginAt(leg);
  if (!identity.proven || !LOGIN_STRATEGIES[strategy].needsProof) return false;
  return !(strategy === "oauth" && credentials.kind === "token");
}

/** Nobody's password is wrong, and nobody has guessed. */
export function notLetIn(leg: Leg, { user }: Identity): Failure {
  return new Failure("backend-unavailable", `${legText(leg)} does not let the gateway in for ${user}`);
}
