// Verifier kind `file`: a password file (line.ts has its format). Checks passwords, and gives the SCRAM keys and NT hashes of
// users who have such a column; others are unknown to these mechanisms. Failure: wrong-credentials; verifier-down, when too
// many passwords wait for their check. A user who is not known takes the time of one who is.

import { randomBytes } from "node:crypto";
import { Failure, normaliseUser, setting, type ScramHash, type ValueOf, type Verifier } from "@postern/contracts";
import { checkNtlmv2 } from "../ntlm/check.ts";
import { USUAL_ITERATIONS } from "../made-up-keys.ts";
import { quoted } from "../quoted.ts";
import { HashPool } from "./hash-pool.ts";
import type { Account } from "./line.ts";
import { PasswordFile, type PasswordFileContext } from "./password-file.ts";
import { scramKeysOf } from "./scram-hash.ts";
import type { Table } from "./table.ts";

export const fileSettings = setting.group(
  "A password file: one user a line, user:{SCHEME}hash, as `postern passwd` writes them; most of Dovecot's passwd-files fit. It is read again when it changes.",
  {
    path: setting.path(
      "The password file. Hashes are argon2id, bcrypt and sha512-crypt; SCRAM needs a column scram-sha-256, NTLM a column nt.",
    ),
  },
);

interface FileContext extends PasswordFileContext {
  /** What counts as one client. */
  readonly clientKey?: (host: string) => string;
}

const SCRAM_COLUMNS = { sha1: "scram-sha-1", sha256: "scram-sha-256" } as const satisfies Record<ScramHash, keyof Account>;

/** Throws an Error "path: FILE:LINE: sentence" when the file cannot be used. */
export function createFileVerifier({ path }: ValueOf<typeof fileSettings>, context: FileContext): Verifier {
  const file = new PasswordFile(path, context);
  const pool = new HashPool();
  const nobody = randomBytes(16);
  const { clientKey = (host) => host } = context;

  /** [MS-NLMP] lets clients send user@domain, or the domain apart: a DNS name is a mail domain, a NetBIOS name is not. */
  const windowsUser = (user: string, domain: string, { users }: Table): string | undefined => {
    const whole = user.includes("@") || !domain.includes(".") ? user : `${user}@${domain}`;
    const names = [whole, user].map((name) => normaliseUser(name, context.defaultDomain));
    return names.find((name) => name !== undefined && users.has(name));
  };

  return {
    name: `file ${path}`,
    proves: file.proves,
    get scramIterations() {
      return file.latest.scramIterations ?? USUAL_ITERATIONS;
    },
    async check({ kind, authcid, secret }, { client }) {
      if (kind !== "password") return undefined;
      const { users, typical } = await file.current();
      const user = normaliseUser(authcid, context.defaultDomain);
      const account = user === undefined ? undefined : users.get(user);
      const hash = account?.password ?? typical;
      const fits = hash !== undefined && (await pool.check(hash, secret.reveal(), clientKey(client.host)));
      if (user === undefined || account === undefined) return undefined;
      if (fits && account.password !== undefined) return { user };
      throw new Failure("wrong-credentials", `the password file has another password for ${quoted(user)}`);
    },
    async scram(hash, user) {
      const text = (await file.current()).users.get(user)?.[SCRAM_COLUMNS[hash]];
      const keys = text === undefined ? undefined : scramKeysOf(hash, text);
      return keys === undefined ? undefined : { keys, user };
    },
    async ntlm(response) {
      const table = await file.current();
      const user = windowsUser(response.user, response.domain, table);
      const hash = user === undefined ? undefined : table.users.get(user)?.nt;
      const sessionBaseKey = checkNtlmv2(response, hash === undefined ? nobody : Buffer.from(hash, "hex"));
      if (user === undefined || hash === undefined) return undefined;
      if (sessionBaseKey !== undefined) return { user, sessionBaseKey };
      throw new Failure("wrong-credentials", `the NTLM response does not fit the NT hash of ${quoted(user)}`);
    },
    close: () => pool.close(),
  };
}
