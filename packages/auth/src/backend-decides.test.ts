import test from "ava";
import { Secret, type Credentials } from "@postern/contracts";
import { createBackendDecides } from "./backend-decides.ts";
import type { AuthSettings } from "./settings.ts";
import { createAuthenticator } from "./authenticator.ts";
import { authenticatorSuite, contextOf, failureOf, password, SESSION } from "./suite.ts";

const PLAIN: AuthSettings = { verifiers: [], cache: 0, actAs: [], rights: [], masterSeparator: undefined };

authenticatorSuite(test, "the backend decides", {
  create: async () => createAuthenticator(PLAIN, contextOf("example.com")),
  password: "secret",
  proves: false,
});

const userOf = async (credentials: Credentials, masterSeparator?: string): Promise<string> => {
  return (await createBackendDecides({ masterSeparator }, "example.com").check(credentials, SESSION)).user;
};

test("the backend decides: who acts as somebody else is routed as that mailbox", async (t) => {
  t.is(await userOf(password("admin", "secret", "Alice")), "alice@example.com");
});

test("the backend decides: a token may come without an authcid", async (t) => {
  const token: Credentials = {
    kind: "token",
    mechanism: "OAUTHBEARER",
    authcid: "",
    authzid: "alice@example.com",
    secret: new Secret("t"),
  };
  t.is(await userOf(token), "alice@example.com");
});

test("the backend decides: a bad authcid is refused although the authzid is good", async (t) => {
  const check = createBackendDecides(PLAIN, undefined).check(password("admin\r\nA LOGOUT", "secret", "alice"), SESSION);
  const failure = await failureOf(t, check);
  t.is(failure.kind, "wrong-credentials");
  t.is(failure.message, String.raw`no user has the name "admin\r\nA LOGOUT"`);
});

test("the backend decides: the name in front of the master separator routes", async (t) => {
  t.is(await userOf(password("alice*admin", "secret"), "*"), "alice@example.com");
  t.is(await userOf(password("alice@example.org*admin@example.com", "secret"), "*"), "alice@example.org");
  t.is(await userOf(password("alice*admin*root", "secret"), "*"), "alice@example.com");
});

test("the backend decides: without the setting, or with an authzid, no name is taken apart", async (t) => {
  t.is(await userOf(password("alice*admin", "secret")), "alice*admin@example.com");
  t.is(await userOf(password("admin", "secret", "alice*x"), "*"), "alice*x@example.com");
});

test("the backend decides: a master user in front of nobody is refused", async (t) => {
  const check = createBackendDecides({ masterSeparator: "*" }, "example.com").check(password("*admin", "secret"), SESSION);
  t.is((await failureOf(t, check)).kind, "wrong-credentials");
});

test("the backend decides: without a default domain a bare name stays bare", async (t) => {
  t.is((await createBackendDecides(PLAIN, undefined).check(password("Alice", "secret"), SESSION)).user, "alice");
});

test("the backend decides: a refused name is cut, and shows no terminal control", async (t) => {
  const name = `\u009b31m${"é".repeat(600)}`;
  const failure = await failureOf(t, createBackendDecides(PLAIN, undefined).check(password(name, "secret"), SESSION));
  t.true(failure.message.startsWith(String.raw`no user has the name "\u009b31m\u00e9`));
  t.true(failure.message.endsWith('" and 540 more characters'));
});
