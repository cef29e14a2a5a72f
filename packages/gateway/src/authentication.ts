// Who says yes, and how the gateway logs in behind it, out of a configuration; and what a listener can offer because of
// both. Where they contradict each other, the finding names the place and the cure.

import { createAuthenticator, createBackendLogin } from "@postern/auth";
import {
  addressKey,
  LOGIN_STRATEGIES,
  normaliseUser,
  orList,
  type Authenticator,
  type BackendLogin,
  type Clock,
  type Leg,
  type Logger,
  type LoginSettings,
} from "@postern/contracts";
import type { House } from "@postern/core";
import type { ListenerConfig } from "@postern/config";
import { offer, offeredMechanisms, type Abilities } from "@postern/sasl";
import { LINE_PROTOCOLS, MECHANISMS, PROTOCOLS, type GatewayConfig } from "./parts.ts";

export interface Finding {
  readonly kind: "problem" | "warning";
  readonly path: string;
  readonly sentence: string;
}

interface Tools {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The same in all workers of a node, and in all nodes that share their TLS ticket keys. */
  readonly secret: Buffer;
}

export interface Authentication extends Pick<House, "authenticator" | "loginAt" | "claimedUser"> {
  close(): void;
}

/** Throws an Error that begins with the key when a verifier or a strategy cannot be built. */
export function buildAuthentication(config: GatewayConfig, tools: Tools): Authentication {
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
  listener: ListenerConfig,
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

/** What cannot work, each with its place. Builds what reads files, and closes it again; asks nobody. */
export function authenticationFindings(config: GatewayConfig, tools: Tools): Finding[] {
  const unbuilt = [...loginFindings(config, tools), ...verifierFindings(config, tools)];
  if (unbuilt.length > 0) return unbuilt;
  let authenticator: Authenticator;
  try {
    const { authentication, defaultDomain } = config;
    authenticator = createAuthenticator(authentication, { ...tools, defaultDomain });
  } catch (error) {
    return [findingOf("authentication", error)];
  }
  authenticator.close();
  return [...proofFindings(config, authenticator), ...listenerFindings(config, authenticator), ...rightsFindings(config)];
}

/** Each verifier is built by itself, so that all that are wrong are told. */
function verifierFindings({ authentication, defaultDomain }: GatewayConfig, tools: Tools): Finding[] {
  return authentication.verifiers.flatMap((verifier, index) => {
    try {
      createAuthenticator({ ...authentication, verifiers: [verifier] }, { ...tools, defaultDomain }).close();
      return [];
    } catch (error) {
      const { path, ...rest } = findingOf("authentication", error);
      return [{ ...rest, path: path.replace("verifiers[0]", `verifiers[${index}]`) }];
    }
  });
}

function loginFindings(config: GatewayConfig, { clock }: Tools): Finding[] {
  return legsOf(config).flatMap(([path, { login }]) => {
    try {
      createBackendLogin(login, { clock, hostname: config.hostname }).close();
      return [];
    } catch (error) {
      return [findingOf(`${path}.login`, error)];
    }
  });
}

/** A strategy that opens any mailbox, behind an authenticator that believes anybody. */
function proofFindings(config: GatewayConfig, { believes }: Authenticator): Finding[] {
  return legsOf(config).flatMap(([path, { login }]) =>
    believes && LOGIN_STRATEGIES[login.strategy].needsProof
      ? [
          problem(
            `${path}.login`,
            `${login.strategy} opens any mailbox, and not everybody is checked before; list verifiers under authentication.verifiers, without backend at their end`,
          ),
        ]
      : [],
  );
}

function listenerFindings(config: GatewayConfig, authenticator: Authenticator): Finding[] {
  return config.listeners.flatMap((listener, index) => {
    if (isWithoutLogin(listener)) return [];
    const abilities = abilitiesOf(listener, config, authenticator);
    const path = `listeners[${index}]`;
    if (listener.mechanisms === undefined) {
      if (offeredMechanisms(MECHANISMS, abilities, undefined).length > 0) return [];
      return [problem(path, "offers no way to log in: no verifier proves anything that its backends' login can carry")];
    }
    return listener.mechanisms.flatMap((name, place) => {
      const mechanism = MECHANISMS.get(name);
      const offered = mechanism && offer(mechanism, abilities);
      return typeof offered === "string" ? [problem(`${path}.mechanisms[${place}]`, `${name} ${offered}`)] : [];
    });
  });
}

const isWithoutLogin = ({ protocol }: ListenerConfig): boolean =>
  PROTOCOLS.find(({ name }) => name === protocol)?.withoutLogin ?? false;

function rightsFindings({ authentication }: GatewayConfig): Finding[] {
  const known = LINE_PROTOCOLS.map(({ name }) => name);
  return authentication.rights.flatMap(({ protocols }, index) =>
    protocols
      .filter((name) => !known.includes(name))
      .map((name) =>
        problem(`authentication.rights[${index}].protocols`, `there is no protocol "${name}"; use ${orList(known)}`),
      ),
  );
}

function legsOf({ backends }: GatewayConfig): (readonly [path: string, leg: Leg])[] {
  return [...backends].flatMap(([name, legs]) =>
    [...legs].map(([protocol, leg]) => [`backends.${name}.${protocol}`, leg] as const),
  );
}

const problem = (path: string, sentence: string): Finding => ({ kind: "problem", path, sentence });

/** An Error that says "KEY: sentence" is told at that key. */
function findingOf(path: string, error: unknown): Finding {
  const reason = error instanceof Error ? error.message : String(error);
  const [, key, sentence] = /^([\w[\].]+): (.*)$/s.exec(reason) ?? [];
  return key === undefined ? problem(path, reason) : problem(`${path}.${key}`, sentence ?? "");
}
