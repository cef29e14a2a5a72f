// The settings of a leg's `login`: which strategy, and what it needs.

import { LOGIN_STRATEGIES, setting, type LoginStrategy } from "@postern/contracts";

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
