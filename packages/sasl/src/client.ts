// The client's half towards a backend: which mechanism to log in with, and its messages. The client's own mechanism is
// replayed when the backend offers it; otherwise a password goes by the protocol's own login command, or by PLAIN or
// LOGIN where that command is disabled. Failure: backend-mechanism when there is no way across.

import { Failure, type Credentials, type PasswordCredentials } from "@postern/contracts";
import { oauthbearerResponse, xoauth2Response } from "./oauth.ts";
import { plainResponse } from "./plain.ts";

/** The mechanism name of credentials that came by a protocol's own login command. */
export const OWN_COMMAND = "CLEARTEXT";

export interface ClientResponse {
  readonly mechanism: string;
  /** What to send, one message a challenge, not yet base64; the first is the initial response, where that is allowed. */
  readonly messages: readonly Buffer[];
}

export interface BackendOffer {
  /** Upper-case SASL names. */
  readonly mechanisms: ReadonlySet<string>;
  /** The protocol's own login command may be used. */
  readonly ownCommand: boolean;
  readonly host: string;
  readonly port: number;
}

/** How to log in with `credentials`; undefined: by the protocol's own login command, with authcid and secret. */
export function chooseResponse(credentials: Credentials, offer: BackendOffer): ClientResponse | undefined {
  if (credentials.kind === "digest") {
    throw new Failure("backend-mechanism", `${credentials.mechanism} cannot be replayed; the route source must give a password`);
  }
  if (credentials.kind === "password") return choosePassword(credentials, offer);
  const others = credentials.mechanism === "XOAUTH2" ? "OAUTHBEARER" : "XOAUTH2";
  const mechanism = [credentials.mechanism, others].find((name) => offer.mechanisms.has(name));
  if (mechanism === undefined)
    throw new Failure("backend-mechanism", "The backend takes no bearer tokens (XOAUTH2, OAUTHBEARER)");
  const message =
    mechanism === "XOAUTH2" ? xoauth2Response(credentials) : oauthbearerResponse(credentials, offer.host, offer.port);
  return { mechanism, messages: [message] };
}

function choosePassword(credentials: PasswordCredentials, offer: BackendOffer): ClientResponse | undefined {
  const { mechanisms } = offer;
  if (credentials.authzid !== "" && credentials.authzid !== credentials.authcid) {
    if (mechanisms.has("PLAIN")) return byPlain(credentials);
    throw new Failure("backend-mechanism", "Only PLAIN can carry an authorization identity, and the backend does not offer it");
  }
  if (mechanisms.has(credentials.mechanism))
    return credentials.mechanism === "LOGIN" ? byLogin(credentials) : byPlain(credentials);
  if (offer.ownCommand) return undefined;
  if (mechanisms.has("PLAIN")) return byPlain(credentials);
  if (mechanisms.has("LOGIN")) return byLogin(credentials);
  throw new Failure("backend-mechanism", "The backend offers no way to log in with a password");
}

const byPlain = (credentials: PasswordCredentials): ClientResponse => ({
  mechanism: "PLAIN",
  messages: [plainResponse(credentials)],
});

const byLogin = ({ authcid, secret }: PasswordCredentials): ClientResponse => ({
  mechanism: "LOGIN",
  messages: [Buffer.from(authcid), Buffer.from(secret.reveal())],
});
