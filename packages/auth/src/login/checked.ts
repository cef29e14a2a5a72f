// The guard of the strategies that open any mailbox: only for a user whom the gateway itself has checked, and only for
// credentials that a strategy carries. Failure: not-authorized, backend-mechanism.

import {
  Failure,
  LOGIN_STRATEGIES,
  type Credentials,
  type Identity,
  type LoginSettings,
  type LoginStrategy,
} from "@postern/contracts";
import { quoted } from "../quoted.ts";

export function requireChecked(strategy: LoginStrategy, credentials: Credentials, identity: Identity): void {
  const { carries, needsProof } = LOGIN_STRATEGIES[strategy];
  if (needsProof && !identity.proven)
    throw new Failure("not-authorized", `nobody has checked ${quoted(identity.user)}, and login: ${strategy} opens any mailbox`);
  if (!(carries as readonly string[]).includes(credentials.kind))
    throw new Failure("backend-mechanism", `${credentials.mechanism} leaves nothing that login: ${strategy} can use`);
}

/** A setting that the strategy cannot do without. Throws Error "KEY: sentence". */
export function needed<K extends keyof LoginSettings>(settings: LoginSettings, key: K): NonNullable<LoginSettings[K]> {
  const value = settings[key];
  if (value === undefined || value === "") throw new Error(`${key}: login: ${settings.strategy} needs it`);
  return value;
}
