// The authenticator "the backend decides": says who this claims to be, never whether it is true. The identity is not
// proven; it serves to find the backend and to count, and the backend's answer to the login is the verdict. Throws
// Failure wrong-credentials for a name that no look-up may see. SASL names: RFC 4422 section 3.4.1.

import { Failure, normaliseUser, type Credentials, type Identity, type Session } from "@postern/contracts";
import { quoted } from "./quoted.ts";
import type { AuthSettings } from "./settings.ts";

/**
 * Whose mailbox is asked for. Who acts as somebody else (an authzid) is routed and counted as that mailbox; so is a
 * master user in the login name itself.
 */
function mailbox({ authcid, authzid }: Credentials, masterSeparator: string | undefined): string {
  if (authzid !== "") return authzid;
  const end = masterSeparator === undefined ? -1 : authcid.indexOf(masterSeparator);
  return end === -1 ? authcid : authcid.slice(0, end);
}

/** Anywhere in the name, its ends too: the name goes to the backend as the client sent it. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u;

function normalised(name: string, defaultDomain: string | undefined): string {
  const user = normaliseUser(name, defaultDomain);
  if (user === undefined || CONTROL.test(name)) throw new Failure("wrong-credentials", `no user has the name ${quoted(name)}`);
  return user;
}

export interface BackendDecides {
  check(credentials: Credentials, session: Session): Promise<Identity>;
}

/** Believes every name until the backend has decided. */
export function createBackendDecides(
  settings: Pick<AuthSettings, "masterSeparator">,
  defaultDomain: string | undefined,
): BackendDecides {
  return {
    async check(credentials) {
      // The authcid travels to the backend and into logs too, even when another name routes.
      if (credentials.authcid !== "") normalised(credentials.authcid, undefined);
      return { user: normalised(mailbox(credentials, settings.masterSeparator), defaultDomain), proven: false };
    },
  };
}
