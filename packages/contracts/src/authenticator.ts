// Who says yes.

import type { Credentials } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import type { Session } from "./session.ts";

export interface Authenticator {
  readonly name: string;
  /**
   * Who this is. `proven: false` when only the backend can tell. Failure: wrong-credentials, not-authorized,
   * credentials-expired, verifier-down (never a yes, and never wrong-credentials, when the verifier cannot be asked).
   */
  check(credentials: Credentials, session: Session): Promise<Identity>;
}
