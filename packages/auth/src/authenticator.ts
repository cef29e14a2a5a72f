// Asks the verifiers in order; the first that knows the user decides. A verifier that cannot be asked ends the search with
// a temporary failure: what it would have said is not known, so nobody else may say it. Where the list ends with `backend`,
// or is empty, whom nobody knows is left to the backend. What a verifier has said yes to passes through the policy.

import {
  Failure,
  normaliseUser,
  type Authenticator,
  type ChannelBindings,
  type Credentials,
  type Identity,
  type Proof,
  type Proofs,
  type Session,
  type Verifier,
} from "@postern/contracts";
import { createBackendDecides } from "./backend-decides.ts";
import { SecretCache } from "./secret-cache.ts";
import { createPolicy } from "./policy.ts";
import { quoted } from "./quoted.ts";
import { madeUpKeys, USUAL_ITERATIONS } from "./made-up-keys.ts";
import type { AuthSettings } from "./settings.ts";
import { tokenChallenge } from "./token-challenge.ts";
import { buildVerifier, type VerifierContext } from "./verifiers.ts";

export interface AuthenticatorContext extends VerifierContext {
  /** The same in all workers of a node, and in all nodes that share their TLS ticket keys. */
  readonly secret: Buffer;
}

/** Throws an Error that begins with the key ("verifiers[0].path: …") when a verifier cannot be built. */
export function createAuthenticator(settings: AuthSettings, context: AuthenticatorContext): Authenticator {
  const verifiers: Verifier[] = [];
  let believes = settings.verifiers.length === 0;
  for (const [index, value] of settings.verifiers.entries()) {
    try {
      if (value.verifier === "kerberos" && settings.verifiers.findIndex((one) => one.verifier === "kerberos") < index)
        throw new Error("verifier: there is one kerberos already; put the keys of both into one keytab");
      const verifier = buildVerifier(value, context);
      if (verifier !== undefined) verifiers.push(verifier);
      else if (index < settings.verifiers.length - 1) throw new Error("verifier: backend must be the last one");
      else believes = true;
    } catch (error) {
      for (const verifier of verifiers) verifier.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`verifiers[${index}].${reason}`, { cause: error });
    }
  }
  return authenticatorOf(verifiers, believes, settings, context);
}

/** The authenticator of verifiers that are there already. */
export function authenticatorOf(
  verifiers: readonly Verifier[],
  believes: boolean,
  settings: AuthSettings,
  context: AuthenticatorContext,
): Authenticator {
  const { clock, defaultDomain } = context;
  const backend = createBackendDecides(settings, defaultDomain);
  const policy = createPolicy(settings, defaultDomain);
  const cache = new SecretCache(settings.cache, clock);

  /** The verdict of the first verifier that knows the user. */
  async function verdict(
    credentials: Credentials & { kind: "password" | "token" | "digest" },
    session: Session,
  ): Promise<string | undefined> {
    for (const verifier of verifiers) {
      if (!verifier.proves.includes(credentials.kind)) continue;
      const found = await cache.remember(verifier.name, credentials, session, async () => verifier.check?.(credentials, session));
      if (found !== undefined) return found.user;
    }
    return undefined;
  }

  function proven(user: string, credentials: Credentials, session: Session): Identity {
    return policy.identity(user, credentials.authzid, session);
  }

  return {
    name: verifiers.length === 0 ? "the backend decides" : verifiers.map(({ name }) => name).join(", "),
    proves: new Set(verifiers.flatMap(({ proves }) => proves)),
    believes,
    proofs: proofsOf(verifiers, context),
    async check(credentials, session) {
      switch (credentials.kind) {
        case "rejected":
          throw credentials.failure;
        case "admitted":
          // The listener has the last word on it: no rights, and no domain, which is for people.
          return { user: credentials.authcid, proven: true };
        case "proven":
          return proven(credentials.user, credentials, session);
        case "live":
          if (!believes) throw new Failure("internal", `${credentials.mechanism} was left to a backend that does not decide`);
          return policy.allow(await backend.check(credentials, session), session);
        case "password":
        case "token":
        case "digest":
        default: {
          checkName(credentials);
          const user = await verdict(credentials, session);
          if (user !== undefined) return proven(user, credentials, session);
          if (believes) return policy.allow(await backend.check(credentials, session), session);
          const challenge = credentials.kind === "token" && tokenChallenge(credentials.mechanism, "invalid_token");
          throw new Failure(
            "wrong-credentials",
            `no verifier knows ${quoted(credentials.authcid)}`,
            challenge ? { challenge } : {},
          );
        }
      }
    },
    close() {
      for (const verifier of verifiers) verifier.close();
    },
  };
}

/** No verifier sees a name that could be more than one. */
function checkName({ authcid }: Credentials): void {
  if (authcid !== "" && normaliseUser(authcid, undefined) === undefined)
    throw new Failure("wrong-credentials", `no user has the name ${quoted(authcid)}`);
}

/** What mechanisms may ask, put together from what the verifiers have. */
function proofsOf(verifiers: readonly Verifier[], { defaultDomain, secret }: AuthenticatorContext): Proofs {
  const having = <K extends Proof>(...proofs: readonly K[]): readonly Verifier[] =>
    verifiers.filter(({ proves }) => proofs.some((proof) => proves.includes(proof)));
  const scrams = having("scram-sha-1", "scram-sha-256");
  const ntlms = having("ntlm");
  const [kerberos] = having("kerberos");
  const certificates = having("certificate");
  return {
    ...(scrams.length > 0 && {
      async scram(hash, user) {
        const name = normaliseUser(user, defaultDomain);
        if (name === undefined) throw new Failure("wrong-credentials", `no user has the name ${quoted(user)}`);
        const found = await first(scrams, (verifier) => verifier.scram?.(hash, name));
        const iterations = scrams[0]?.scramIterations ?? USUAL_ITERATIONS;
        return found ?? { keys: madeUpKeys(secret, hash, name, iterations), user: undefined };
      },
    }),
    ...(ntlms.length > 0 && {
      async ntlm(response) {
        const found = await first(ntlms, (verifier) => verifier.ntlm?.(response));
        return known(found, response.user);
      },
    }),
    ...(kerberos !== undefined && {
      gss(service: string, binding: ReturnType<ChannelBindings>) {
        if (kerberos.gss === undefined) throw new Failure("internal", `${kerberos.name} has no acceptor`);
        return kerberos.gss(service, binding);
      },
      async principal(principal: string) {
        return known(await kerberos.principal?.(principal), principal);
      },
    }),
    ...(certificates.length > 0 && {
      async certificate(certificate) {
        return known(await first(certificates, (verifier) => verifier.certificate?.(certificate)), certificate.subject);
      },
    }),
  };
}

async function first<T>(
  verifiers: readonly Verifier[],
  ask: (verifier: Verifier) => Promise<T | undefined> | undefined,
): Promise<T | undefined> {
  for (const verifier of verifiers) {
    const found = await ask(verifier);
    if (found !== undefined) return found;
  }
  return undefined;
}

function known<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new Failure("wrong-credentials", `no verifier knows ${quoted(name)}`);
  return found;
}
