// The HTTP authentication schemes as mechanisms, so that what a listener offers follows from what its verifiers and
// backends can do, as it does for SASL; and what more HTTP must know of each. Never throws.

import type { MechanismContext, MechanismFactory } from "@postern/contracts";
import { offeredMechanisms, type Abilities, type SpnegoMechanism } from "@postern/sasl";
import { SCHEMES, type Scheme } from "./authorization.ts";
import { basic } from "./basic.ts";
import { bearer } from "./bearer.ts";
import { negotiate } from "./negotiate.ts";
import { ntlm } from "./ntlm.ts";

export interface HttpMechanismFactory extends MechanismFactory {
  /** Its last word goes into the answer to the request (mutual authentication, RFC 4559 section 5). */
  create(context: MechanismContext): SpnegoMechanism;
  /**
   * For a scheme whose exchange takes several requests, and whose login holds for the connection: is this the first
   * message of an exchange? One that is under way is over then. undefined: each request brings its own login.
   */
  readonly begins: ((message: Buffer) => boolean) | undefined;
}

/** One for each scheme. */
export const HTTP_MECHANISMS: Readonly<Record<Scheme, HttpMechanismFactory>> = {
  Negotiate: negotiate,
  NTLM: ntlm,
  Bearer: bearer,
  Basic: basic,
};

/** All schemes that can be offered, strongest first, or those of them that are named. */
export function offeredSchemes(abilities: Abilities, named?: readonly Scheme[]): Scheme[] {
  const offered = new Set(offeredMechanisms(new Map(Object.entries(HTTP_MECHANISMS)), abilities, named).map(({ name }) => name));
  return SCHEMES.filter((scheme) => offered.has(scheme));
}
