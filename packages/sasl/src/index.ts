// SASL mechanisms without sockets.

import type { MechanismFactory } from "@postern/contracts";
import { cramMd5 } from "./cram-md5.ts";
import { external } from "./external.ts";
import { gssapi } from "./gss/gssapi.ts";
import { gssSpnego } from "./gss/gss-spnego.ts";
import { login } from "./login.ts";
import { ntlm } from "./ntlm/mechanism.ts";
import { oauthbearer, xoauth2 } from "./oauth.ts";
import { plain } from "./plain.ts";
import { scramSha1, scramSha1Plus, scramSha256, scramSha256Plus } from "./scram.ts";

/** All mechanisms by name. */
export const MECHANISMS: ReadonlyMap<string, MechanismFactory> = new Map(
  [
    plain,
    login,
    xoauth2,
    oauthbearer,
    scramSha256Plus,
    scramSha256,
    scramSha1Plus,
    scramSha1,
    gssapi,
    gssSpnego,
    ntlm,
    external,
    cramMd5,
  ].map((mechanism) => [mechanism.name, mechanism]),
);

export { chooseResponse, OWN_COMMAND, type BackendOffer, type ClientResponse } from "./client.ts";
export { offer, offeredMechanisms, type Abilities } from "./offered.ts";
export { bareContext } from "./context.ts";
export { runExchange, stepOf, type AskClient } from "./exchange.ts";
export { utf8 } from "./utf8.ts";
export { scramKeys } from "./scram-keys.ts";
export { isNtlmMessage, parseAuthenticate, type Authenticate } from "./ntlm/messages.ts";
export { ntlm } from "./ntlm/mechanism.ts";
export { ntlmSignature, type NtlmSession } from "./ntlm/signing.ts";
export { SpnegoExchange, type SpnegoMechanism } from "./gss/spnego-exchange.ts";
export { buildAnswer, mechanismsOf, readNegotiateToken, type NegotiateToken } from "./gss/spnego.ts";
