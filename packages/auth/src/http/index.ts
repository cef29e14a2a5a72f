// A verifier that asks an administrator's server over HTTP, in JSON or in nginx's auth_http dialect. Never takes silence,
// an error or a garbled answer for a yes or for a no: that is verifier-down. Throws Error "KEY: sentence" when it is built;
// later Failure: wrong-credentials, not-authorized, credentials-expired, verifier-down.

import { Failure, type PasswordCredentials, type Session, type TokenCredentials, type Verifier } from "@postern/contracts";
import { httpServer } from "@postern/lookup";
import { normalisedOrEmpty } from "./name.ts";
import { jsonQuestion } from "./json.ts";
import { nginxQuestion } from "./nginx.ts";
import type { HttpSettings } from "./settings.ts";
import type { VerifierContext } from "../verifiers.ts";

/** One login, as the dialects ask about it. */
export interface Login {
  /** Normalised; empty for a token that came without a name. */
  readonly user: string;
  readonly credentials: PasswordCredentials | TokenCredentials;
  readonly session: Session;
}

/** Whom the server says it is: a name, "" for the one who was asked about, undefined for a user whom it does not know. */
export type Question = (login: Login) => Promise<string | undefined>;

/** A server that cannot be asked, in the words of a verifier. */
function asVerifier(error: unknown, name: string): unknown {
  if (!(error instanceof Failure) || error.kind !== "source-down") return error;
  const { message, said, waitMs, cause } = error;
  return new Failure("verifier-down", `${name}: ${message}`, { waitMs, cause, ...(said !== undefined && { said }) });
}

/** The verifier; `close` closes its connections. */
export function createHttpVerifier(
  settings: HttpSettings,
  { clock, defaultDomain }: Pick<VerifierContext, "clock" | "defaultDomain">,
): Verifier {
  const { dialect, proves, headers } = settings;
  if (proves.length === 0) throw new Error("proves: name password, token, or both");
  const { client, label } = httpServer(settings, { sendsSecrets: true, ignoreBody: dialect === "nginx", clock });
  const name = `http ${label}`;
  const ask: Question =
    dialect === "nginx" ? nginxQuestion({ client, headers, passClientCertificate: false, clock }) : jsonQuestion(client, headers);

  async function check(
    credentials: PasswordCredentials | TokenCredentials,
    session: Session,
  ): Promise<{ user: string } | undefined> {
    const user = normalisedOrEmpty(credentials, defaultDomain);
    try {
      const found = await ask({ user, credentials, session });
      if (found === undefined) return undefined;
      if (found === "" && user === "")
        throw new Failure("source-down", "said yes to a token without a name, and not whose it is");
      return { user: found === "" ? credentials.authcid : found };
    } catch (error) {
      throw asVerifier(error, name);
    }
  }

  return {
    name,
    proves,
    async check(credentials, session) {
      return credentials.kind === "digest" ? undefined : check(credentials, session);
    },
    close: () => client.close(),
  };
}
