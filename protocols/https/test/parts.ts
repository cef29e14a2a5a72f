// What the tests of rooms and of the whole have in common: a gateway in which nobody has to log in and everybody lives at the
// same backends, its settings, and a service.

import { Failure, normaliseUser, type Leg } from "@postern/contracts";
import { createFakeClock, createMemoryLogger, defaultsOf, relayed, testAuthenticator } from "@postern/testing";
import type { HttpsParts, Service } from "../src/parts.ts";
import { httpsSettings, type HttpsSettings } from "../src/settings.ts";

/** What a configuration without a word about it has. */
export const webSettings = (rest: Partial<HttpsSettings> = {}): HttpsSettings => ({
  ...(defaultsOf(httpsSettings) as unknown as HttpsSettings),
  services: {},
  redirects: {},
  ...rest,
});

export function testParts(legs: readonly Leg[], rest: Partial<HttpsParts> = {}): HttpsParts {
  return {
    hostname: "gw.example.com",
    defaultDomain: "example.com",
    settings: webSettings(),
    clock: createFakeClock(),
    logger: createMemoryLogger(),
    authenticator: testAuthenticator({ believes: true, check: () => Promise.reject(new Error("The backend checks")) }),
    loginAt: () => relayed,
    claimedUser: ({ authcid }) => normaliseUser(authcid, "example.com") ?? "",
    guard: { delayBefore: () => 0, failed: () => 0, succeeded: () => {} },
    router: {
      find: () => Promise.resolve({ source: "test", why: "test", legs, login: undefined }),
      explain: () => Promise.reject(new Failure("internal", "Nobody asks why")),
    },
    health: {
      facts: () => ({ state: "up", since: 0, evidence: "" }),
      order: (all) => all,
      succeeded: () => {},
      failed: () => {},
    },
    legs: new Map(legs.map((leg) => [leg.backend, leg])),
    channels: undefined,
    schemes: ["Basic"],
    secret: Buffer.alloc(32, 7),
    endpoints: [],
    hasTls: true,
    ...rest,
  };
}

export function testService(rest: Partial<Service> = {}): Service {
  return {
    name: "test",
    hosts: [],
    paths: ["/"],
    hints: [],
    authentication: "pass",
    backends: [],
    isForAnybody: false,
    idleMs: 60_000,
    maxBody: 0,
    refusals: "program",
    redirects: undefined,
    hasAffinity: false,
    isForChannels: false,
    hasHealthPage: false,
    own: undefined,
    ...rest,
  };
}
