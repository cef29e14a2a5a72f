// Where verifiers, logins at backends and listeners contradict each other: each finding names the place and the cure. Builds
// what reads files, and closes it again; asks nobody. Never throws for what the configuration says.

import { createAuthenticator, createBackendLogin } from "@postern/auth";
import { LOGIN_STRATEGIES, orList, type Authenticator } from "@postern/contracts";
import { offer, offeredMechanisms } from "@postern/sasl";
import { abilitiesOf, legsOf, type AuthenticationTools } from "./authentication.ts";
import { findingOf, problem, type Finding } from "./finding.ts";
import { LINE_PROTOCOLS, MECHANISMS, PROTOCOLS, type GatewayConfig } from "./parts.ts";
import { webFindings } from "./web.ts";

/** What cannot work, each with its place. */
export function authenticationFindings(config: GatewayConfig, tools: AuthenticationTools): Finding[] {
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
  return [
    ...proofFindings(config, authenticator),
    ...listenerFindings(config, authenticator),
    ...webFindings(config, authenticator),
    ...rightsFindings(config),
  ];
}

/** Each verifier is built by itself, so that all that are wrong are told. */
function verifierFindings({ authentication, defaultDomain }: GatewayConfig, tools: AuthenticationTools): Finding[] {
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

function loginFindings(config: GatewayConfig, { clock }: AuthenticationTools): Finding[] {
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
    if (!LINE_PROTOCOLS.some(({ name }) => name === listener.protocol)) return [];
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

function rightsFindings({ authentication }: GatewayConfig): Finding[] {
  const known = PROTOCOLS.filter(({ withoutLogin }) => withoutLogin !== true).map(({ name }) => name);
  return authentication.rights.flatMap(({ protocols }, index) =>
    protocols
      .filter((name) => !known.includes(name))
      .map((name) =>
        problem(`authentication.rights[${index}].protocols`, `there is no protocol "${name}"; use ${orList(known)}`),
      ),
  );
}
