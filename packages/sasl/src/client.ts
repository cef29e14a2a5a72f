// The client's half towards a backend: which mechanism to log in with, and its messages. The client's own mechanism is
// replayed when the backend offers it; otherwise a password goes by the protocol's own login command, or by PLAIN or
// LOGIN where that command is disabled. Failure: backend-mechanism when there is no way across.

import { Failure, type BackendCredentials, type LiveCredentials, type TrustedCredentials } from "@postern/contracts";
import { oauthbearerResponse, xoauth2Response } from "./oauth.ts";
import { plainResponse } from "./plain.ts";

/** The mechanism name of credentials that came by a protocol's own login command. */
export const OWN_COMMAND = "CLEARTEXT";

export interface ClientResponse {
  readonly mechanism: string;
  /** The first message, not yet base64: the initial response, where that is allowed. */
  readonly initial: Buffer;
  /**
   * The answer to a challenge behind the first message, not yet base64; undefined: the challenge tells why the backend
   * is about to say no (RFC 7628 section 3.2.3), and gets `farewell`.
   */
  answer(challenge: Buffer): Buffer | undefined | Promise<Buffer | undefined>;
  /** What the backend wants to see before it says no. */
  readonly farewell: Buffer;
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
export function chooseResponse(credentials: BackendCredentials, offer: BackendOffer): ClientResponse | undefined {
  switch (credentials.kind) {
    case "password":
      return choosePassword(credentials, offer);
    case "token":
      return chooseToken(credentials, offer);
    case "trusted":
      return chooseTrusted(credentials, offer);
    case "admitted":
      throw new Failure("backend-mechanism", `${credentials.authcid} has nothing to log in with`);
    case "live":
    default:
      return chooseLive(credentials, offer);
  }
}

type Parts = Pick<BackendCredentials, "authcid" | "authzid" | "secret">;

/** A mechanism without challenges, or with these answers to them, whatever they say. */
function fixed(mechanism: string, [initial = Buffer.alloc(0), ...answers]: readonly Buffer[], farewell = ""): ClientResponse {
  const left = [...answers];
  return { mechanism, initial, answer: () => left.shift(), farewell: Buffer.from(farewell) };
}

function choosePassword(credentials: BackendCredentials & { kind: "password" }, offer: BackendOffer): ClientResponse | undefined {
  const { mechanisms } = offer;
  if (credentials.authzid !== "" && credentials.authzid !== credentials.authcid) {
    if (mechanisms.has("PLAIN")) return byPlain(credentials);
    throw new Failure("backend-mechanism", "Only PLAIN can carry an authorization identity, and the backend does not offer it");
  }
  if (mechanisms.has(credentials.mechanism))
    return credentials.mechanism === "LOGIN" ? byLogin(credentials) : byPlain(credentials);
  return byAnyPassword(credentials, offer);
}

function byAnyPassword(credentials: Parts, { mechanisms, ownCommand }: BackendOffer): ClientResponse | undefined {
  if (ownCommand) return undefined;
  if (mechanisms.has("PLAIN")) return byPlain(credentials);
  if (mechanisms.has("LOGIN")) return byLogin(credentials);
  throw new Failure("backend-mechanism", "The backend offers no way to log in with a password");
}

function chooseToken(credentials: BackendCredentials & { kind: "token" }, offer: BackendOffer): ClientResponse {
  const others = credentials.mechanism === "XOAUTH2" ? "OAUTHBEARER" : "XOAUTH2";
  const mechanism = [credentials.mechanism, others].find((name) => offer.mechanisms.has(name));
  if (mechanism === undefined)
    throw new Failure("backend-mechanism", "The backend takes no bearer tokens (XOAUTH2, OAUTHBEARER)");
  return mechanism === "XOAUTH2"
    ? fixed(mechanism, [xoauth2Response(credentials)])
    : fixed(mechanism, [oauthbearerResponse(credentials, offer.host, offer.port)], "\x01");
}

function chooseTrusted(credentials: TrustedCredentials, offer: BackendOffer): ClientResponse | undefined {
  if (offer.mechanisms.has("EXTERNAL")) return fixed("EXTERNAL", [Buffer.from(credentials.authcid)]);
  return byAnyPassword(credentials, offer);
}

function chooseLive({ mechanism, secret, answer }: LiveCredentials, { mechanisms }: BackendOffer): ClientResponse {
  if (!mechanisms.has(mechanism)) throw new Failure("backend-mechanism", `The backend does not offer ${mechanism}`);
  return { mechanism, initial: Buffer.from(secret.reveal()), answer, farewell: Buffer.alloc(0) };
}

const byPlain = (credentials: Parts): ClientResponse => fixed("PLAIN", [plainResponse(credentials)]);

const byLogin = ({ authcid, secret }: Parts): ClientResponse =>
  fixed("LOGIN", [Buffer.from(authcid), Buffer.from(secret.reveal())]);
