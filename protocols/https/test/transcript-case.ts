// What transcripts of the web side may say beside the directives that all have:
//
//   @https accessLog=all requestsPerConnection=2 …       settings, milliseconds and bytes
//   @service name=ews authentication=edge idle=5000 …    of one service
//   @users only=alice@example.com                        the route source knows this one alone
//   @verifier alice@example.com=wonderland               the gateway checks passwords itself
//   @redirect url=https://other.example.com style=page   users of the backend are sent elsewhere

import { Failure, normaliseUser, type Authenticator, type Setting } from "@postern/contracts";
import { defaultsOf, testAuthenticator, type HostedCase, type HostedScene } from "@postern/testing";
import { buildHttps } from "../src/build.ts";
import type { HttpsParts } from "../src/parts.ts";
import { httpsSettings, type HttpsSettings } from "../src/settings.ts";
import { testParts } from "./parts.ts";

export const httpsCase: HostedCase = {
  name: "https",
  make: (scene) => buildHttps(partsOf(scene)).https,
};

function partsOf({ house, legs, directives }: HostedScene): HttpsParts {
  const { users, verifier } = directives;
  const { clock, logger, hostname, health } = house;
  return testParts(legs, {
    hostname,
    settings: settingsOf(directives),
    clock,
    logger,
    health,
    authenticator: checking(verifier),
    router: {
      async find({ user }) {
        if (users !== undefined && users["only"] !== user) throw new Failure("unknown-user", `Nobody knows ${user}`);
        return { source: "test", why: "test", legs, login: undefined };
      },
      explain: () => Promise.reject(new Error("Nobody asks why")),
    },
    endpoints: [{ protocol: "imap", port: 993, tls: "implicit" }],
  });
}

type Table = Readonly<Record<string, string>>;

function settingsOf({ https = {}, service, redirect }: HostedScene["directives"]): HttpsSettings {
  const settings = {
    ...defaultsOf(httpsSettings),
    // What a transcript is not about is not in its dialogue.
    services: Object.fromEntries(["other", "ews", "owa", "mapi"].map((name) => [name, { affinity: "off" }])) as Record<
      string,
      object
    >,
    redirects: redirect === undefined ? {} : { mbx1: { style: "silent", ...redirect } },
    ...valuesOf(https, httpsSettings),
  };
  if (service !== undefined) {
    const { name = "other", ...rest } = service;
    settings.services[name] = { affinity: "off", ...valuesOf(rest, httpsSettings.services.of.fields) };
  }
  return settings as unknown as HttpsSettings;
}

function valuesOf(table: Table, known: Readonly<Record<string, Setting<unknown>>>): Record<string, unknown> {
  const entries = Object.entries(table).map(([name, text]) => {
    const kind = known[name]?.kind;
    if (kind === undefined) throw new Error(`There is no setting ${name}`);
    if (kind === "list") return [name, text.split(",")];
    return [name, /^\d+$/.test(text) ? Number(text) : text];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/** Without a table only the backend can tell. */
function checking(passwords: Table | undefined): Authenticator {
  return testAuthenticator({
    believes: passwords === undefined,
    async check({ authcid, secret }) {
      const user = normaliseUser(authcid, "example.com") ?? "";
      if (passwords === undefined) return { user, proven: false };
      if (passwords[user] !== secret.reveal().toString()) throw new Failure("wrong-credentials", "Not the password");
      return { user, proven: true };
    },
  });
}
