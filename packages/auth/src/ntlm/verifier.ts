// The verifier `ntlm`: NTLM responses of a Windows domain's users, checked by the domain through Samba's ntlm_auth
// (winbind). It sees no password and no hash of one. Throws Failure as its helpers do: verifier-down, wrong-credentials,
// not-authorized, credentials-expired; when built, an Error that says "KEY: sentence".

import type { Clock, Verifier } from "@postern/contracts";
import { HelperPool } from "./helper-pool.ts";
import { question, sessionBaseKey } from "./helper-protocol.ts";
import { userNames } from "./names.ts";
import type { NtlmSettings } from "./settings.ts";

export function createNtlmVerifier(settings: NtlmSettings, { clock }: { readonly clock: Clock }): Verifier {
  const [program] = settings.command;
  if (program === undefined) throw new Error("command: name the program, as in [ntlm_auth, --helper-protocol=ntlm-server-1]");
  const userOf = userNames(settings.domains);
  const pool = new HelperPool(settings, clock);
  return {
    name: `ntlm ${program}`,
    proves: ["ntlm"],
    async ntlm(response) {
      const user = userOf(response);
      if (user === undefined) return undefined;
      const key = sessionBaseKey(await pool.ask(question(response)));
      return key && { user, sessionBaseKey: key };
    },
    close() {
      pool.close();
    },
  };
}
