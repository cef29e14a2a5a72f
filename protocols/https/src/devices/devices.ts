// Rules for phones (ActiveSync): the first that fits says whether a phone is let through, kept out, or slowed down. What a phone
// says of itself is a claim, and a stolen password can come with any DeviceId: rules keep order, and no secrets. Patterns are
// compared in any case of letters, in time linear in the text. Memory is bounded: the phone that asked longest ago is forgotten.
// Failure: not-authorized for one that is kept out, too-many-of-user for one that comes too often.

import { addressKey, Failure, normaliseUser, parsePattern, patternMatches, piecesMatch, type Clock } from "@postern/contracts";
import { firstOf } from "@postern/http";
import { parseActiveSync } from "../hints/activesync.ts";
import { basicUser, bearerUser } from "../hints/authorization.ts";
import { ntlmUser } from "../hints/ntlm-user.ts";
import { loginText } from "../hints/mailbox-text.ts";
import type { Exchange } from "../exchange.ts";
import type { Admission, Service } from "../parts.ts";
import type { HttpsSettings } from "../settings.ts";
import { createRates } from "./rates.ts";

/** What is known of a phone; "" where it does not say it. */
export interface Device {
  /** Normalised. */
  readonly user: string;
  /** "" for a user whom the gateway has checked; else the address: a stranger who names a user does not use up what others may. */
  readonly from: string;
  readonly deviceId: string;
  readonly deviceType: string;
  /** "14.1"; "" in requests that speak no version (OPTIONS). */
  readonly version: string;
  readonly agent: string;
}

export type Decision =
  | { readonly action: "allow" }
  /** `rule`: which one, from 1. */
  | { readonly action: "block"; readonly rule: number }
  | { readonly action: "slow"; readonly rule: number; readonly retryAfter: number };

export interface Devices {
  /** Counts the request where a rule slows it down. `retryAfter`: seconds. */
  readonly decide: (device: Device) => Decision;
  /** The phone of a request, for the log; undefined: it is none. Failure: not-authorized, too-many-of-user. */
  check(
    exchange: Pick<Exchange, "request" | "client">,
    service: Service,
    admission: Pick<Admission, "identity">,
  ): string | undefined;
}

type RuleSettings = HttpsSettings["devices"][number];

interface Rule {
  readonly fits: (device: Device) => boolean;
  readonly action: RuleSettings["action"];
  readonly perMinute: number;
}

const ALLOWED: Decision = { action: "allow" };
const LONGEST_AGENT = 512;

export function createDevices(settings: readonly RuleSettings[], clock: Clock, defaultDomain: string | undefined): Devices {
  const rules = settings.map(ruleOf);
  const rates = createRates(clock);

  function decide(device: Device): Decision {
    const index = rules.findIndex(({ fits }) => fits(device));
    const rule = rules[index];
    if (rule === undefined || rule.action === "allow") return ALLOWED;
    if (rule.action === "block") return { action: "block", rule: index + 1 };
    const wait = rates.take(`${index}\0${device.user}\0${device.from}\0${device.deviceId}`, rule.perMinute);
    return wait === 0 ? ALLOWED : { action: "slow", rule: index + 1, retryAfter: Math.ceil(wait / 1000) };
  }

  return {
    decide,
    check({ request, client }, { refusals }, { identity }) {
      if (refusals !== "activesync") return undefined;
      const said = parseActiveSync(request);
      const name = identity?.user ?? basicUser(request) ?? bearerUser(request) ?? ntlmUser(request) ?? loginText(said?.user);
      const text = said === undefined ? undefined : `${said.deviceType} ${said.deviceId}`.trim();
      if (rules.length === 0) return text;
      const decision = decide({
        user: (name === undefined ? undefined : normaliseUser(name, defaultDomain)) ?? "",
        from: identity?.proven === true ? "" : addressKey(client.session.client.host),
        deviceId: said?.deviceId ?? "",
        deviceType: said?.deviceType ?? "",
        // Servers take a command that says no version for one of the oldest.
        version: said === undefined ? "" : said.version || "1.0",
        agent: (firstOf(request.fields, "user-agent") ?? "").slice(0, LONGEST_AGENT),
      });
      if (decision.action === "block")
        throw new Failure("not-authorized", `Rule ${decision.rule} of devices keeps it out: ${text}`);
      if (decision.action === "slow")
        throw new Failure(
          "too-many-of-user",
          `Rule ${decision.rule} of devices slows it down, ${decision.retryAfter} s: ${text}`,
          { waitMs: decision.retryAfter * 1000 },
        );
      return text;
    },
  };
}

function ruleOf({ user, type, id, agent, below, action, perMinute }: RuleSettings): Rule {
  const conditions: ((device: Device) => boolean)[] = [];
  if (user !== undefined) conditions.push(userCondition(user));
  const text = (pattern: string | undefined, of: (device: Device) => string): void => {
    if (pattern === undefined) return;
    const pieces = pattern.toLowerCase().split("*");
    conditions.push((device) => piecesMatch(pieces, of(device).toLowerCase()));
  };
  text(type, ({ deviceType }) => deviceType);
  text(id, ({ deviceId }) => deviceId);
  text(agent, (device) => device.agent);
  if (below !== undefined) {
    const bound = versionNumber(below);
    conditions.push(({ version }) => version !== "" && versionNumber(version) < bound);
  }
  return { fits: (device) => conditions.every((fits) => fits(device)), action, perMinute };
}

/** A star never reaches over the "@", where the pattern has one. */
function userCondition(text: string): (device: Device) => boolean {
  const pattern = parsePattern(text.toLowerCase());
  return ({ user }) => (pattern.domain === undefined ? piecesMatch(pattern.local, user) : patternMatches(pattern, user));
}

/** "14.1" is 141. */
function versionNumber(version: string): number {
  const [major = "0", minor = "0"] = version.split(".");
  return Number(major) * 10 + Number(minor);
}
