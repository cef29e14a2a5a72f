// The client's half towards a backend: which mechanism to log in with, and its one message. The client's own mechanism is
// replayed when the backend offers it; a password falls back to PLAIN, then to the protocol's own command (undefined).
// Failure: backend-mechanism when a token or an authzid has no way across.

import { Failure, type Credentials } from "@postern/contracts";
import { oauthbearerResponse, xoauth2Response } from "./oauth.ts";
import { plainResponse } from "./plain.ts";

export interface ClientResponse {
  readonly mechanism: string;
  /** Not yet base64. */
  readonly initial: Buffer;
}

/**
 * How to log in with `credentials` at a backend that offers `offered` (upper-case SASL names). undefined: use the
 * protocol's own login command with authcid and secret.
 */
export function chooseResponse(
  credentials: Credentials,
  offered: ReadonlySet<string>,
  host: string,
  port: number,
): ClientResponse | undefined {
  if (credentials.kind === "digest") {
    throw new Failure("backend-mechanism", `${credentials.mechanism} cannot be replayed; the route source must give a password`);
  }
  if (credentials.kind === "token") {
    const names =
      credentials.mechanism === "XOAUTH2" ? (["XOAUTH2", "OAUTHBEARER"] as const) : (["OAUTHBEARER", "XOAUTH2"] as const);
    const mechanism = names.find((name) => offered.has(name));
    if (mechanism === undefined)
      throw new Failure("backend-mechanism", "The backend takes no bearer tokens (XOAUTH2, OAUTHBEARER)");
    return {
      mechanism,
      initial: mechanism === "XOAUTH2" ? xoauth2Response(credentials) : oauthbearerResponse(credentials, host, port),
    };
  }
  const ownCommand = credentials.mechanism !== "PLAIN" && credentials.authzid === "";
  if (offered.has("PLAIN") && !ownCommand) return { mechanism: "PLAIN", initial: plainResponse(credentials) };
  if (credentials.authzid !== "" && credentials.authzid !== credentials.authcid) {
    throw new Failure("backend-mechanism", "Only PLAIN can carry an authorization identity, and the backend does not offer it");
  }
  return undefined;
}
