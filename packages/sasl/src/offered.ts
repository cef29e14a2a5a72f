// What a listener offers, derived from what verifiers and backends can do: nothing is typed twice. A mechanism is offered
// when the gateway can check it and every backend can be logged in at with what comes out of it, or when the backend
// itself checks it and gets what the client sent.

import {
  carries,
  LOGIN_STRATEGIES,
  type Authenticator,
  type Credentials,
  type LoginWay,
  type MechanismFactory,
  type OfferedMechanism,
} from "@postern/contracts";

/** What the house can do with an exchange. */
export interface Abilities {
  readonly authenticator: Pick<Authenticator, "proves" | "believes">;
  /** How the backends of this protocol are logged in at. */
  readonly logins: readonly LoginWay[];
  /** A route source checks passwords, and gives those for the backends. */
  readonly checkedByRoute: boolean;
  /** The listener asks clients for certificates. */
  readonly certificates: boolean;
}

/** Why a mechanism cannot be offered, in words that follow its name. */
export type Obstacle = string;

/**
 * All of `mechanisms` that can be offered, or, of those that are named, each in the order of the names. An exchange that
 * is left to the backends has to be named: only a person knows whether they take it.
 */
export function offeredMechanisms(
  mechanisms: ReadonlyMap<string, MechanismFactory>,
  abilities: Abilities,
  named: readonly string[] | undefined,
): OfferedMechanism[] {
  const wanted = named ?? [...mechanisms.values()].filter(({ onRequest }) => !onRequest).map(({ name }) => name);
  return wanted.flatMap((name) => {
    const mechanism = mechanisms.get(name);
    const offered = mechanism && offer(mechanism, abilities);
    if (offered === undefined || typeof offered === "string") return [];
    return offered.live === true && named === undefined ? [] : [offered];
  });
}

/** The mechanism as it can be offered, or why it cannot be. */
export function offer(mechanism: MechanismFactory, abilities: Abilities): OfferedMechanism | Obstacle {
  const { authenticator, logins, checkedByRoute, certificates } = abilities;
  const { needs, relays } = mechanism;
  if (needs === "certificate" && !certificates) return "needs clientCertificate: request or require on the listener";
  if (needs === "digest")
    return checkedByRoute
      ? mechanism
      : "works only where a route source checks the password and gives the one for the backend; add a route with source: http and dialect: nginx (or sendPassword: true)";
  if (authenticator.proves.has(needs)) {
    const login = logins.find((one) => !carries(one, outcome(mechanism)));
    return login === undefined ? mechanism : nothingFor(login);
  }
  if (!authenticator.believes) return `needs a verifier that proves it (${needs}); there is none under authentication.verifiers`;
  if (!relays) return `cannot be passed through; it needs a verifier that proves it (${needs}) under authentication.verifiers`;
  const login = logins.find(({ strategy }) => LOGIN_STRATEGIES[strategy].needsProof);
  if (login !== undefined)
    return `is checked by nobody, and login: ${login.strategy} opens any mailbox; add a verifier that proves it (${needs}) under authentication.verifiers`;
  return { ...mechanism, live: needs !== "password" && needs !== "token" };
}

const outcome = ({ needs }: MechanismFactory): Credentials["kind"] =>
  needs === "password" || needs === "token" ? needs : "proven";

const nothingFor = ({ strategy }: LoginWay): Obstacle =>
  strategy === "oauth"
    ? "brings no token, and a backend with login: oauth without tokenUrl needs one; set tokenUrl there"
    : `leaves no password behind it, and a backend with login: ${strategy} needs one; use login: master, oauth or xclient there`;
