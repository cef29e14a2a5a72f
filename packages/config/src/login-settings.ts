// The settings of a leg's `login`: which strategy, what it needs, and what it has no use for.

import {
  isLoopback,
  LOGIN_STRATEGIES,
  setting,
  type Contradiction,
  type LoginSettings,
  type LoginStrategy,
} from "@postern/contracts";

const STRATEGIES = Object.keys(LOGIN_STRATEGIES) as LoginStrategy[];
const did = Object.entries(LOGIN_STRATEGIES).map(([name, { does }]) => `${name} ${does}`);

const SEPARATOR = { pattern: /^[!#$%&*+/:;=?^|~]$/, like: "one of ! # $ % & * + / : ; = ? ^ | ~" };
const URL_PATTERN = { pattern: /^https?:\/\/\S+$/, like: "an http:// or https:// URL" };

/** As LoginSettings of contracts says. */
export const loginSettings = setting.group(
  "How to log in at it: the name of a strategy, or the long form.",
  {
    strategy: setting.choice(`${did.join("; ")}.`, STRATEGIES, { default: "relay" }),
    user: setting.text("master: the master user's name.", { optional: true }),
    passwordFile: setting.path(
      "master: a file whose first line is the master user's password. xclient: one with the password that the backend wants, if it wants any.",
      { optional: true },
    ),
    form: setting.choice(
      "master: how both names are told. authzid: SASL PLAIN with the user as the authorization identity; separator: one login name, user*master.",
      ["authzid", "separator"],
      { default: "authzid" },
    ),
    separator: setting.text("master: what stands between user and master user, as the backend has it.", {
      default: "*",
      ...SEPARATOR,
    }),
    tokenUrl: setting.text("oauth: the token endpoint that exchanges and mints tokens (RFC 8693).", {
      optional: true,
      ...URL_PATTERN,
    }),
    clientId: setting.text("oauth: who the gateway is at the token endpoint.", { optional: true }),
    clientSecretFile: setting.path("oauth: a file whose first line is the gateway's secret there.", { optional: true }),
    audience: setting.text("oauth: for whom the token is: the backend's name at the token endpoint.", { optional: true }),
    scope: setting.text("oauth: the scopes to ask for, with spaces between.", { optional: true }),
    ca: setting.path("oauth: PEM certificates to trust at the token endpoint instead of the system's.", { optional: true }),
  },
  { short: "strategy" },
);

type OptionalKey = "user" | "passwordFile" | "tokenUrl" | "clientId" | "clientSecretFile" | "audience" | "scope" | "ca";

/** The keys that each strategy looks at. */
const USES: Readonly<Record<LoginStrategy, readonly OptionalKey[]>> = {
  relay: [],
  master: ["user", "passwordFile"],
  xclient: ["passwordFile"],
  oauth: ["tokenUrl", "clientId", "clientSecretFile", "audience", "scope", "ca"],
};

const NEEDS: Readonly<Partial<Record<LoginStrategy, Readonly<Partial<Record<OptionalKey, string>>>>>> = {
  master: {
    user: "strategy master needs the master user's name; add user",
    passwordFile: "strategy master needs the master user's password; add passwordFile with the path of a file that holds it",
  },
};

const NEEDED_BY_TOKEN_URL = {
  clientId: "the gateway must say who it is at tokenUrl; add clientId",
  clientSecretFile:
    "the gateway must prove who it is at tokenUrl; add clientSecretFile with the path of a file that holds its secret",
} as const;

/** What does not fit together. Files are not looked at. */
export function loginContradictions(settings: LoginSettings): readonly Contradiction[] {
  const { strategy } = settings;
  const given = Object.values(USES)
    .flat()
    .filter((key, index, all) => settings[key] !== undefined && all.indexOf(key) === index);
  const useless = given
    .filter((key) => !USES[strategy].includes(key))
    .map((key) => ({ key, problem: `is of no use with strategy ${strategy}; take it out, or choose ${strategiesWith(key)}` }));
  return [...useless, ...missing(settings, NEEDS[strategy] ?? {}), ...masterNames(settings), ...tokenEndpoint(settings)];
}

const strategiesWith = (key: OptionalKey): string =>
  (Object.keys(USES) as LoginStrategy[]).filter((strategy) => USES[strategy].includes(key)).join(" or ");

function missing(settings: LoginSettings, needs: Readonly<Partial<Record<OptionalKey, string>>>): Contradiction[] {
  return Object.entries(needs)
    .filter(([key]) => settings[key as OptionalKey] === undefined)
    .map(([key, problem]) => ({ key, problem }));
}

function masterNames({ strategy, form, separator, user }: LoginSettings): Contradiction[] {
  if (strategy !== "master" || form !== "separator" || user?.includes(separator) !== true) return [];
  return [{ key: "user", problem: `holds the separator ${separator}; choose another separator, or form: authzid` }];
}

function tokenEndpoint(settings: LoginSettings): Contradiction[] {
  const { strategy, tokenUrl } = settings;
  if (strategy !== "oauth") return [];
  if (tokenUrl !== undefined) return [...missing(settings, NEEDED_BY_TOKEN_URL), ...inClear(tokenUrl)];
  return USES.oauth
    .filter((key) => settings[key] !== undefined)
    .map((key) => ({ key, problem: "is of no use without tokenUrl; add the token endpoint, or take it out" }));
}

function inClear(tokenUrl: string): Contradiction[] {
  if (!URL.canParse(tokenUrl)) return [{ key: "tokenUrl", problem: "is no URL" }];
  const { protocol, hostname } = new URL(tokenUrl);
  if (protocol === "https:" || isLoopback(hostname.replace(/^\[|\]$/g, ""))) return [];
  return [{ key: "tokenUrl", problem: `would send tokens to ${hostname} in clear; use https://` }];
}
