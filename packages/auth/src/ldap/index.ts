// A verifier that asks a directory over LDAP (RFC 4511, RFC 4513): finds the user's entry and binds as it, or compares an
// attribute. Several servers in order; one that failed is asked last for a while. Never follows a referral, never binds with
// an empty password, and never takes a server that cannot be asked for a yes or for a no.
// Throws Error "KEY: sentence" when it is built; later Failure: wrong-credentials, not-authorized, credentials-expired,
// verifier-down.

import { readFileSync } from "node:fs";
import { Failure, normaliseUser, type Verdict, type Verifier } from "@postern/contracts";
import { SecretFile } from "../login/secret-file.ts";
import { quoted } from "../quoted.ts";
import type { VerifierContext } from "../verifiers.ts";
import { DirectoryServer, type Found } from "./server.ts";
import { checkLdapSettings, locatorOf, type LdapSettings } from "./settings.ts";
import { namesOf } from "./template.ts";

type Context = Pick<VerifierContext, "clock" | "defaultDomain">;

/** Asks servers in order until one can be asked. */
function inTurn(servers: readonly DirectoryServer[], { setAside }: LdapSettings, { clock }: Context) {
  const asideUntil = new Map<DirectoryServer, number>();
  const isAside = (server: DirectoryServer): boolean => (asideUntil.get(server) ?? 0) > clock.now();
  return async (ask: (server: DirectoryServer) => Promise<Found | undefined>): Promise<Found | undefined> => {
    const problems: string[] = [];
    const ordered = [...servers.filter((server) => !isAside(server)), ...servers.filter(isAside)];
    for (const server of ordered) {
      try {
        const found = await ask(server);
        asideUntil.delete(server);
        return found;
      } catch (error) {
        if (error instanceof Failure && error.kind !== "verifier-down") throw error;
        asideUntil.set(server, clock.now() + setAside);
        problems.push(`${server.label}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    throw new Failure("verifier-down", problems.join("; "));
  };
}

/** The verifier; `close` closes its connections. Reads the CA and the password file. */
export function createLdapVerifier(settings: LdapSettings, context: Context): Verifier {
  checkLdapSettings(settings);
  const { locator, ownDomainOnly } = locatorOf(settings);
  const { startTls, tls, bindPasswordFile } = settings;
  const ca = tls.ca === undefined ? undefined : readFileSync(tls.ca, "utf8");
  const dialling = { startTls, ca, verify: tls.verify };
  const bindPassword = bindPasswordFile === undefined ? undefined : new SecretFile("bindPasswordFile", bindPasswordFile);
  const { clock, defaultDomain } = context;
  const servers = settings.url.map(
    (endpoint) => new DirectoryServer({ endpoint, settings, dialling, locator, bindPassword, clock }),
  );
  const ask = inTurn(servers, settings, context);

  async function check(authcid: string, password: Buffer): Promise<Verdict | undefined> {
    const user = normaliseUser(authcid, defaultDomain);
    if (user === undefined) throw new Failure("wrong-credentials", `no user has the name ${quoted(authcid)}`);
    // A bind without a password is no check, and succeeds (RFC 4513 section 5.1.2).
    if (password.length === 0) throw new Failure("wrong-credentials", "the password is empty");
    const names = namesOf(user);
    const foreign = ownDomainOnly && names.domain !== defaultDomain?.toLowerCase();
    const found = await ask((server) => server.check(foreign ? NOBODY : names, password));
    return found === undefined ? undefined : { user: found.user ?? authcid };
  }

  return {
    name: `ldap ${settings.url.map(({ label }) => label).join(", ")}`,
    proves: ["password"],
    async check(credentials) {
      return credentials.kind === "password" ? check(credentials.authcid, credentials.secret.reveal()) : undefined;
    },
    close() {
      for (const server of servers) server.close();
      bindPassword?.close();
    },
  };
}

/** Names that find no entry. */
const NOBODY = { user: undefined, local: undefined, domain: undefined };
