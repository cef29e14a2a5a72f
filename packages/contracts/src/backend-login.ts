// How the gateway logs in at a backend leg: named strategies, each a row that says what it can carry across. Their code is
// in packages/auth (src/login); protocols see only the credentials that come out.

import type { BackendCredentials, Credentials } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import type { Session } from "./session.ts";

export interface LoginStrategyRow {
  /** Kinds of credentials that it makes something of. */
  readonly carries: readonly Credentials["kind"][];
  /** It opens any mailbox: only for users whom the gateway itself has checked. */
  readonly needsProof: boolean;
  /** What it does, in words that follow "the gateway". */
  readonly does: string;
}

const CHECKED = ["password", "token", "proven"] as const;

/**
 * `digest` is carried by none: a route source must check it and give the password for the backend. `admitted` is nobody
 * at the backend (relay, xclient), or the gateway's own account (master); a token endpoint has no token for nobody.
 */
export const LOGIN_STRATEGIES = {
  relay: { carries: ["password", "token", "live", "admitted"], needsProof: false, does: "sends what the client sent" },
  master: { carries: [...CHECKED, "admitted"], needsProof: true, does: "logs in as a master user on the user's behalf" },
  oauth: { carries: CHECKED, needsProof: true, does: "logs in with a token for the user that it gets from a token endpoint" },
  xclient: {
    carries: [...CHECKED, "admitted"],
    needsProof: true,
    does: "names the user, and the backend believes it because of its address",
  },
} as const satisfies Record<string, LoginStrategyRow>;

export type LoginStrategy = keyof typeof LOGIN_STRATEGIES;

/** The settings of one leg's strategy, as the configuration has them. Paths are absolute. */
export interface LoginSettings {
  readonly strategy: LoginStrategy;
  /** master: the master user's name. */
  readonly user: string | undefined;
  /** master: its password. xclient: a password that the backend wants to see, if any. */
  readonly passwordFile: string | undefined;
  /** master: how both names are told. `authzid`: by SASL PLAIN; `separator`: in one login name. */
  readonly form: "authzid" | "separator";
  readonly separator: string;
  /** oauth: RFC 8693. */
  readonly tokenUrl: string | undefined;
  readonly clientId: string | undefined;
  readonly clientSecretFile: string | undefined;
  readonly audience: string | undefined;
  readonly scope: string | undefined;
  /** oauth: PEM file of the authorities of the token endpoint. */
  readonly ca: string | undefined;
}

/** What decides how far credentials get. */
export type LoginWay = Pick<LoginSettings, "strategy" | "tokenUrl">;

/** Kinds of credentials that a leg makes something of. Without a token endpoint `oauth` can only pass tokens on. */
export function carries({ strategy, tokenUrl }: LoginWay, kind: Credentials["kind"]): boolean {
  if (strategy === "oauth" && tokenUrl === undefined) return kind === "token";
  return (LOGIN_STRATEGIES[strategy].carries as readonly string[]).includes(kind);
}

export const RELAY: LoginSettings = {
  strategy: "relay",
  user: undefined,
  passwordFile: undefined,
  form: "authzid",
  separator: "*",
  tokenUrl: undefined,
  clientId: undefined,
  clientSecretFile: undefined,
  audience: undefined,
  scope: undefined,
  ca: undefined,
};

/** A strategy at work. */
export interface BackendLogin {
  readonly strategy: LoginStrategy;
  /**
   * What to present at the backend. The secret is the caller's to wipe unless it is the client's own. Failure:
   * backend-mechanism (these credentials cannot be carried), not-authorized (nobody has checked the user),
   * verifier-down (no token to be had now).
   */
  present(credentials: Credentials, identity: Identity, session: Session): Promise<BackendCredentials>;
  close(): void;
}
