import test from "ava";
import type { LoginStrategy, MechanismFactory, Proof } from "@postern/contracts";
import { MECHANISMS } from "./index.ts";
import { offer, offeredMechanisms, type Abilities } from "./offered.ts";

interface House {
  readonly proves?: readonly Proof[];
  readonly believes?: boolean;
  readonly strategies?: readonly LoginStrategy[];
  /** null: there is none. */
  readonly tokenUrl?: string | null;
  readonly route?: boolean;
  readonly certificates?: boolean;
}

function abilities({
  proves = [],
  believes = proves.length === 0,
  strategies = ["relay"],
  tokenUrl = "https://sso.example.com/token",
  route,
  certificates,
}: House): Abilities {
  return {
    authenticator: { proves: new Set(proves), believes },
    logins: strategies.map((strategy) => ({ strategy, tokenUrl: tokenUrl ?? undefined })),
    checkedByRoute: route ?? false,
    certificates: certificates ?? false,
  };
}

const SCRAM: readonly Proof[] = ["scram-sha-1", "scram-sha-256"];
const PASSWORDS = "PLAIN LOGIN";
const TOKENS = "XOAUTH2 OAUTHBEARER";
const SCRAMS = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1";
const NAMED = ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "PLAIN", "CRAM-MD5", "EXTERNAL"];

/** Here `*` stands behind a mechanism whose exchange is left to the backend. */
const OFFERS: readonly (readonly [title: string, house: House, named: readonly string[] | undefined, offered: string])[] = [
  ["the backend decides", {}, undefined, `${PASSWORDS} ${TOKENS}`],
  ["the backend decides, mechanisms named", {}, NAMED, "SCRAM-SHA-256* PLAIN"],
  ["the backend decides, an unknown mechanism named", {}, ["X-NONE", "LOGIN"], "LOGIN"],
  ["the backend decides, none named", {}, [], ""],
  ["the backend decides, a master user", { strategies: ["master"] }, undefined, ""],
  ["the backend decides, one of the backends by a master user", { strategies: ["relay", "xclient"] }, undefined, ""],
  ["passwords, relay", { proves: ["password"] }, undefined, PASSWORDS],
  ["passwords, then the backend, relay", { proves: ["password"], believes: true }, undefined, `${PASSWORDS} ${TOKENS}`],
  ["passwords, then the backend, master", { proves: ["password"], believes: true, strategies: ["master"] }, undefined, PASSWORDS],
  ["tokens, relay", { proves: ["token"] }, undefined, TOKENS],
  ["passwords and tokens, oauth", { proves: ["password", "token"], strategies: ["oauth"] }, undefined, `${PASSWORDS} ${TOKENS}`],
  [
    "passwords and tokens, oauth without a token endpoint",
    { proves: ["password", "token"], strategies: ["oauth"], tokenUrl: null },
    undefined,
    TOKENS,
  ],
  ["passwords and SCRAM keys, relay", { proves: ["password", ...SCRAM] }, undefined, PASSWORDS],
  [
    "passwords and SCRAM keys, master",
    { proves: ["password", ...SCRAM], strategies: ["master"] },
    undefined,
    `${PASSWORDS} ${SCRAMS}`,
  ],
  [
    "SCRAM-SHA-256 keys, xclient",
    { proves: ["scram-sha-256"], strategies: ["xclient"] },
    undefined,
    "SCRAM-SHA-256-PLUS SCRAM-SHA-256",
  ],
  ["SCRAM keys, one of the backends relays", { proves: SCRAM, strategies: ["master", "relay"] }, undefined, ""],
  ["SCRAM keys, then the backend, relay", { proves: SCRAM, believes: true }, undefined, `${PASSWORDS} ${TOKENS}`],
  ["SCRAM keys, then the backend, relay, named", { proves: SCRAM, believes: true }, NAMED, "PLAIN"],
  ["SCRAM keys, master, named", { proves: SCRAM, strategies: ["master"] }, NAMED, "SCRAM-SHA-256 SCRAM-SHA-256-PLUS"],
  ["certificates, master", { proves: ["certificate"], strategies: ["master"], certificates: true }, undefined, "EXTERNAL"],
  ["certificates, but the listener asks for none", { proves: ["certificate"], strategies: ["master"] }, undefined, ""],
  ["certificates, relay", { proves: ["certificate"], certificates: true }, undefined, ""],
  ["no verifier of certificates", { certificates: true }, ["EXTERNAL"], ""],
  ["a route source that checks", { route: true }, undefined, `${PASSWORDS} ${TOKENS}`],
  ["a route source that checks, named", { route: true }, ["CRAM-MD5", "PLAIN"], "CRAM-MD5 PLAIN"],
];

/** The mechanisms of these tests: others may come. */
const KNOWN = new Map(
  `${PASSWORDS} ${TOKENS} ${SCRAMS} EXTERNAL CRAM-MD5`.split(" ").map((name) => [name, mechanism(name)] as const),
);

function mechanism(name: string): MechanismFactory {
  const found = MECHANISMS.get(name);
  if (found === undefined) throw new Error(`There is no ${name}`);
  return found;
}

for (const [title, house, named, offered] of OFFERS) {
  test(`offered: ${title}: ${offered === "" ? "nothing" : offered}`, (t) => {
    const found = offeredMechanisms(KNOWN, abilities(house), named);
    t.is(found.map(({ name, live }) => (live === true ? `${name}*` : name)).join(" "), offered);
  });
}

const VERIFIER = "verifier that proves it";

for (const [name, house, obstacle] of [
  [
    "PLAIN",
    { proves: ["scram-sha-1"], strategies: ["master"] },
    "needs a verifier that proves it (password); there is none under authentication.verifiers",
  ],
  [
    "PLAIN",
    { strategies: ["relay", "master"] },
    `is checked by nobody, and login: master opens any mailbox; add a ${VERIFIER} (password) under authentication.verifiers`,
  ],
  ["XOAUTH2", { proves: ["password"] }, `needs a ${VERIFIER} (token); there is none under authentication.verifiers`],
  [
    "SCRAM-SHA-256",
    { proves: SCRAM, strategies: ["relay"] },
    "leaves no password behind it, and a backend with login: relay needs one; use login: master, oauth or xclient there",
  ],
  [
    "SCRAM-SHA-256",
    { strategies: ["xclient"] },
    `is checked by nobody, and login: xclient opens any mailbox; add a ${VERIFIER} (scram-sha-256) under authentication.verifiers`,
  ],
  ["SCRAM-SHA-256-PLUS", {}, `cannot be passed through; it needs a ${VERIFIER} (scram-sha-256) under authentication.verifiers`],
  [
    "SCRAM-SHA-1-PLUS",
    { proves: SCRAM, believes: true },
    "leaves no password behind it, and a backend with login: relay needs one; use login: master, oauth or xclient there",
  ],
  ["EXTERNAL", { proves: ["certificate"] }, "needs clientCertificate: request or require on the listener"],
  [
    "EXTERNAL",
    { certificates: true },
    `cannot be passed through; it needs a ${VERIFIER} (certificate) under authentication.verifiers`,
  ],
  [
    "CRAM-MD5",
    {},
    "works only where a route source checks the password and gives the one for the backend; add a route with source: http and dialect: nginx (or sendPassword: true)",
  ],
] as const satisfies readonly (readonly [string, House, string])[]) {
  test(`offered: ${name} with ${JSON.stringify(house)} is told why it cannot be`, (t) => {
    t.is(offer(mechanism(name), abilities(house)), obstacle);
  });
}

test("offered: what the gateway checks is not left to the backend", (t) => {
  const checked = offer(mechanism("SCRAM-SHA-256"), abilities({ proves: SCRAM, strategies: ["master"], believes: true }));
  t.true(typeof checked === "object" && checked.live === undefined);
  const left = offer(mechanism("SCRAM-SHA-256"), abilities({}));
  t.true(typeof left === "object" && left.live === true);
});
