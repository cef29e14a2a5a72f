import test from "ava";
import * as fc from "fast-check";
import { Failure, Secret, type BackendCredentials } from "@postern/contracts";
import { chooseResponse, MECHANISMS, OWN_COMMAND } from "./index.ts";
import { exchange } from "./suite.ts";

const password = (mechanism: string, authzid = ""): BackendCredentials => ({
  kind: "password",
  mechanism,
  authcid: "alice",
  authzid,
  secret: new Secret("s3cret"),
});
const token = (mechanism: string): BackendCredentials => ({
  kind: "token",
  mechanism,
  authcid: "alice",
  authzid: "",
  secret: new Secret("t0ken"),
});

const trusted = (): BackendCredentials => ({
  kind: "trusted",
  mechanism: "EXTERNAL",
  authcid: "alice",
  authzid: "",
  secret: new Secret(""),
});
const live = (mechanism: string): BackendCredentials => ({
  kind: "live",
  mechanism,
  authcid: "alice",
  authzid: "",
  secret: new Secret("n,,n=alice,r=1"),
  answer: () => Promise.resolve(Buffer.alloc(0)),
});

/** The messages that a response has without being asked anything in particular, in base64. */
async function linesOf(response: ReturnType<typeof chooseResponse>): Promise<string[]> {
  const second = await response?.answer(Buffer.alloc(0));
  return [response?.initial, second].flatMap((message) => (message === undefined ? [] : [message.toString("base64")]));
}

/** The mechanism that is chosen, "own command", or the failure's kind. */
function chosen(credentials: BackendCredentials, mechanisms: string, ownCommand = true): string {
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
  [trusted(), "PLAIN EXTERNAL", true, "EXTERNAL"],
  [trusted(), "PLAIN", true, "own command"],
  [trusted(), "PLAIN", false, "PLAIN"],
  [live("SCRAM-SHA-256"), "PLAIN SCRAM-SHA-256", true, "SCRAM-SHA-256"],
  [live("SCRAM-SHA-256"), "PLAIN SCRAM-SHA-1", true, "backend-mechanism"],
] as const satisfies readonly (readonly [BackendCredentials, string, boolean, string])[]) {
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
        const given: BackendCredentials = { kind: "password", mechanism, authcid, authzid: "", secret: new Secret(secret) };
        const response = chooseResponse(given, { mechanisms: new Set([mechanism]), ownCommand: false, host: "h", port: 1 });
        const lines = await linesOf(response);
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
        const given: BackendCredentials = { kind: "token", mechanism, authcid, authzid: "", secret: new Secret(secret) };
        const response = chooseResponse(given, { mechanisms: new Set([mechanism]), ownCommand: false, host: "h", port: 1 });
        const lines = await linesOf(response);
        const server = MECHANISMS.get(mechanism);
        if (server === undefined) return t.fail();
        const { credentials } = await exchange(server, undefined, lines);
        t.is(credentials.authcid, authcid);
        return t.is(credentials.secret.reveal().toString(), secret);
      }),
    );
  });
}
