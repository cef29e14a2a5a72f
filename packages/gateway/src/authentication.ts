// Who says yes, and how the gateway logs in behind it, out of a configuration; and what a listener can offer because of
// both. What cannot work is told by authentication-findings.ts.

import { createAuthenticator, createBackendLogin } from "@postern/auth";
import {
  addressKey,
  normaliseUser,
  type BackendLogin,
  type Clock,
  type Leg,
  type Logger,
  type LoginSettings,
} from "@postern/contracts";
import type { House } from "@postern/core";
import type { ListenerConfig } from "@postern/config";
import type { Abilities } from "@postern/sasl";
import type { GatewayConfig } from "./parts.ts";

export interface AuthenticationTools {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The same in all workers of a node, and in all nodes that share their TLS ticket keys. */
  readonly secret: Buffer;
}

export interface Authentication extends Pick<House, "authenticator" | "loginAt" | "claimedUser"> {
  close(): void;
}

/** Throws an Error that begins with the key when a verifier or a strategy cannot be built. */
export function buildAuthentication(config: GatewayConfig, tools: AuthenticationTools): Authentication {
  const { authentication, defaultDomain, hostname } = config;
  const { clock } = tools;
  using building = new DisposableStack();
  const authenticator = building.adopt(
    createAuthenticator(authentication, { ...tools, defaultDomain, clientKey: addressKey }),
    (one) => one.close(),
  );
  const logins = new Map<LoginSettings, BackendLogin>();
  building.defer(() => {
    for (const login of logins.values()) login.close();
  });
  const loginAt = ({ login }: Pick<Leg, "login">): BackendLogin => {
    const built = logins.get(login) ?? createBackendLogin(login, { clock, hostname });
    logins.set(login, built);
    return built;
  };
  for (const [, leg] of legsOf(config)) loginAt(leg);
  const built = building.move();
  return {
    authenticator,
    loginAt,
    claimedUser: ({ authcid }) => normaliseUser(authcid, defaultDomain) ?? "",
    close: () => built.dispose(),
  };
}

/** What decides which mechanisms a listener can offer. */
export function abilitiesOf(
  listener: Pick<ListenerConfig, "protocol" | "clientCertificate">,
  config: GatewayConfig,
  authenticator: Abilities["authenticator"],
): Abilities {
  return {
    authenticator,
    logins: legsOf(config).flatMap(([, leg]) => (leg.protocol === listener.protocol ? [leg.login] : [])),
    checkedByRoute: config.routes.some((route) => route.source === "http" && (route.dialect === "nginx" || route.sendPassword)),
    certificates: listener.clientCertificate !== "none",
  };
}

/** All legs, with their places in the configuration. */
export function legsOf({ backends }: GatewayConfig): (readonly [path: string, leg: Leg])[] {
  return [...backends].flatMap(([name, legs]) =>
    [...legs].map(([protocol, leg]) => [`backends.${name}.${protocol}`, leg] as const),
  );
}
