import test from "ava";
import * as fc from "fast-check";
import { Failure, Secret, type Credentials } from "@postern/contracts";
import { chooseResponse, MECHANISMS, OWN_COMMAND } from "./index.ts";
import { exchange } from "./suite.ts";

const password = (mechanism: string, authzid = ""): Credentials => ({
  kind: "password",
  mechanism,
  authcid: "alice",
  authzid,
  secret: new Secret("s3cret"),
});
const token = (mechanism: string): Credentials => ({
  kind: "token",
  mechanism,
  authcid: "alice",
  authzid: "",
  secret: new Secret("t0ken"),
});

/** The mechanism that is chosen, "own command", or the failure's kind. */
function chosen(credentials: Credentials, mechanisms: string, ownCommand = true): string {
  const offer = { mechanisms: new Set(mechanisms.split(" ")), ownCommand, host: "mbx", port: 143 };
  try {
    return chooseResponse(credentials, offer)?.mechanism ?? "own command";
  } catch (error) {
    if (error instanceof Failure) return error.kind;
    throw error;
  }
}

for (const [credentials, mechanisms, ownCommand, expected] of [
  [password("PLAIN"), "LOGIN PLAIN", true, "PLAIN"],
  [password("LOGIN"), "LOGIN PLAIN", true, "LOGIN"],
  [password("PLAIN"), "LOGIN", true, "own command"],
  [password("PLAIN"), "", true, "own command"],
  [password("PLAIN"), "LOGIN", false, "LOGIN"],
  [password("LOGIN"), "PLAIN", false, "PLAIN"],
  [password(OWN_COMMAND), "PLAIN LOGIN", true, "own command"],
  [password(OWN_COMMAND), "PLAIN LOGIN", false, "PLAIN"],
  [password("PLAIN"), "XOAUTH2", false, "backend-mechanism"],
  [password("PLAIN", "bob"), "LOGIN PLAIN", true, "PLAIN"],
  [password("PLAIN", "bob"), "LOGIN", true, "backend-mechanism"],
  [password("PLAIN", "alice"), "LOGIN", true, "own command"],
  [token("XOAUTH2"), "OAUTHBEARER XOAUTH2", true, "XOAUTH2"],
  [token("OAUTHBEARER"), "XOAUTH2 OAUTHBEARER", true, "OAUTHBEARER"],
  [token("XOAUTH2"), "OAUTHBEARER", true, "OAUTHBEARER"],
  [token("OAUTHBEARER"), "XOAUTH2", true, "XOAUTH2"],
  [token("XOAUTH2"), "PLAIN LOGIN", true, "backend-mechanism"],
  [
    { kind: "digest", mechanism: "CRAM-MD5", authcid: "alice", authzid: "", salt: "<1>", secret: new Secret("0") },
    "CRAM-MD5 PLAIN",
    true,
    "backend-mechanism",
  ],
] as const satisfies readonly (readonly [Credentials, string, boolean, string])[]) {
  const { mechanism, authzid } = credentials;
  const who = authzid === "" ? mechanism : `${mechanism} as ${authzid}`;
  test(`client: ${who} at a backend with "${mechanisms}"${ownCommand ? "" : " and no own command"} is ${expected}`, (t) => {
    t.is(chosen(credentials, mechanisms, ownCommand), expected);
  });
}

const name = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 30 })
  .filter((text) => !/[\0\x01]/.test(text) && text.isWellFormed());

for (const mechanism of ["PLAIN", "LOGIN"]) {
  test(`client: what is said by ${mechanism} is understood by our own server half`, async (t) => {
    await fc.assert(
      fc.asyncProperty(name, name, async (authcid, secret) => {
        const given: Credentials = { kind: "password", mechanism, authcid, authzid: "", secret: new Secret(secret) };
        const response = chooseResponse(given, { mechanisms: new Set([mechanism]), ownCommand: false, host: "h", port: 1 });
        const lines = response?.messages.map((message) => message.toString("base64")) ?? [];
        const server = MECHANISMS.get(mechanism);
        if (server === undefined) return t.fail();
        const { credentials } = await exchange(server, undefined, lines);
        t.is(credentials.authcid, authcid);
        return t.is(credentials.secret.reveal().toString(), secret);
      }),
    );
  });
}

for (const mechanism of ["XOAUTH2", "OAUTHBEARER"]) {
  test(`client: what is said by ${mechanism} is understood by our own server half`, async (t) => {
    await fc.assert(
      fc.asyncProperty(name, fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,40}={0,2}$/), async (authcid, secret) => {
        const given: Credentials = { kind: "token", mechanism, authcid, authzid: "", secret: new Secret(secret) };
        const response = chooseResponse(given, { mechanisms: new Set([mechanism]), ownCommand: false, host: "h", port: 1 });
        const lines = response?.messages.map((message) => message.toString("base64")) ?? [];
        const server = MECHANISMS.get(mechanism);
        if (server === undefined) return t.fail();
        const { credentials } = await exchange(server, undefined, lines);
        t.is(credentials.authcid, authcid);
        return t.is(credentials.secret.reveal().toString(), secret);
      }),
    );
  });
}
