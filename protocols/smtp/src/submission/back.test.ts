// A user whom the gateway has checked: XCLIENT names her where the backend believes that, and AUTH where it does not.

import test from "ava";
import { Secret, type BackendCredentials, type BackendDialogue, type ProtocolContext } from "@postern/contracts";
import { testLeg, testSession } from "@postern/testing";
import { login } from "./back.ts";

/** The dialogue with a server that says these lines, and what we said to it. */
async function dialogue(lines: readonly string[], credentials: BackendCredentials) {
  const left = [...lines];
  const said: string[] = [];
  const backend = {
    readLine: () => Promise.resolve(left.shift() ?? ""),
    write: (data: string) => void said.push(data.trimEnd()),
    writeSecret: (data: string) => void said.push(data.trimEnd()),
    trace: () => {},
  } as unknown as BackendDialogue;
  const context = { hostname: "mail.example.com" } as ProtocolContext;
  const outcome = await login(backend, credentials, testSession(), testLeg(587), context).then(
    ({ text }) => text,
    (error: { readonly kind: string }) => error.kind,
  );
  return { said, outcome };
}

const trusted = (secret: string): BackendCredentials => ({
  kind: "trusted",
  mechanism: "EXTERNAL",
  authcid: "alice@example.com",
  authzid: "",
  secret: new Secret(secret),
});

const EHLO = "EHLO mail.example.com";

test("login: a checked user is named by XCLIENT, and there is no AUTH", async (t) => {
  const { said, outcome } = await dialogue(
    ["220 hi", "250-mx", "250-XCLIENT ADDR LOGIN", "250 AUTH PLAIN", "220 again", "250 mx"],
    trusted(""),
  );
  t.deepEqual(said, [EHLO, "XCLIENT LOGIN=alice@example.com ADDR=192.0.2.7", EHLO]);
  t.is(outcome, "2.7.0 Authentication successful");
});

test("login: a checked user proves herself where XCLIENT is refused or takes no LOGIN", async (t) => {
  const secret = trusted("s3cret");
  const auth = `AUTH PLAIN ${Buffer.from("\0alice@example.com\0s3cret").toString("base64")}`;
  const refused = ["220 hi", "250-mx", "250-XCLIENT ADDR LOGIN", "250 AUTH PLAIN", "550 no", "235 2.7.0 in"];
  t.deepEqual((await dialogue(refused, secret)).said.at(-1), auth);
  const without = ["220 hi", "250-mx", "250-XCLIENT ADDR", "250 AUTH PLAIN", "220 hi", "250-mx", "250 AUTH PLAIN", "235 in"];
  const { said, outcome } = await dialogue(without, secret);
  t.deepEqual(said, [EHLO, "XCLIENT ADDR=192.0.2.7", EHLO, auth]);
  t.is(outcome, "2.7.0 in");
});

test("login: a checked user is named by EXTERNAL where the backend has it", async (t) => {
  const { said } = await dialogue(["220 hi", "250-mx", "250 AUTH PLAIN EXTERNAL", "235 2.7.0 in"], trusted(""));
  t.deepEqual(said, [EHLO, `AUTH EXTERNAL ${Buffer.from("alice@example.com").toString("base64")}`]);
});

test("login: an application is introduced by XCLIENT without a user, and there is no AUTH", async (t) => {
  const application = { ...trusted(""), kind: "admitted", backend: "mx1", why: "", opening: "MAIL FROM:<>\r\n" } as const;
  const { said } = await dialogue(
    ["220 hi", "250-mx", "250-XCLIENT ADDR LOGIN", "250 AUTH PLAIN EXTERNAL", "220 again", "250 mx"],
    application,
  );
  t.deepEqual(said, [EHLO, "XCLIENT ADDR=192.0.2.7", EHLO]);
});

test("login: nobody is in at a backend that has neither", async (t) => {
  const { outcome } = await dialogue(["220 hi", "250-mx", "250 SIZE 100"], trusted(""));
  t.is(outcome, "backend-mechanism");
});

test("login: challenges without end are given up", async (t) => {
  const endless = Array.from({ length: 50 }, () => "334 ");
  const { outcome } = await dialogue(["220 hi", "250-mx", "250 AUTH PLAIN", ...endless], trusted("s3cret"));
  t.is(outcome, "backend-garbled");
});
