// Who logs in, and where a request goes: whatever a client asks for, it is nobody else at a backend, and who guesses is slowed.

import { Failure, normaliseUser, Secret, type BackendLogin, type Identity, type RouteQuery } from "@postern/contracts";
import test, { type ExecutionContext } from "ava";
import { relayed, testAuthenticator } from "@postern/testing";
import { webSettings } from "../test/parts.ts";
import { webScene, type WebScene } from "../test/web-scene.ts";
import { ntlmAuthenticate, ntlmNegotiate } from "./login/test/ntlm.ts";
import type { HttpsParts } from "./parts.ts";
import { SERVICES } from "./services/table.ts";
import type { HttpsSettings } from "./settings.ts";

const USERS: Readonly<Record<string, { readonly password: string; readonly there: string }>> = {
  "alice@example.com": { password: "s3cret", there: "alice-there" },
  "bob@example.com": { password: "geheim", there: "bob-there" },
};

interface Scene extends WebScene {
  /** "USER PASSWORD" of each look-up; "-" for none. */
  readonly lookedUp: string[];
  readonly guarded: string[];
  readonly secrets: Secret[];
  /** The head that the backend heard last. */
  ask(lines: readonly string[], path?: string): Promise<string>;
}

interface Options {
  readonly strategy?: BackendLogin;
  /** The route source checks passwords, and nobody has before it. */
  readonly isCheckedByRoute?: boolean;
  readonly parts?: Partial<HttpsParts>;
}

/** Each user is called otherwise at the backend, and has another password there. */
async function scene(t: ExecutionContext, { strategy = relayed, isCheckedByRoute = false, parts }: Options = {}): Promise<Scene> {
  const lookedUp: string[] = [];
  const guarded: string[] = [];
  const secrets: Secret[] = [];
  const identityOf = (authcid: string, secret: string): Identity => {
    const user = normaliseUser(authcid, "example.com") ?? "";
    if (!isCheckedByRoute && USERS[user]?.password !== secret) throw new Failure("wrong-credentials", "not the password");
    return { user, proven: !isCheckedByRoute };
  };
  const find = async ({ user, credentials }: RouteQuery): Promise<Awaited<ReturnType<HttpsParts["router"]["find"]>>> => {
    const shown = credentials?.secret.reveal().toString();
    lookedUp.push(`${user} ${shown ?? "-"}`);
    const known = USERS[user];
    if (known === undefined) throw new Failure("unknown-user", `nobody knows ${user}`);
    if (isCheckedByRoute && shown !== undefined && shown !== known.password) throw new Failure("wrong-credentials", "no");
    const secret = new Secret(`of ${known.there}`);
    secrets.push(secret);
    return { source: "test", why: "test", legs: [web.leg], login: { user: known.there, secret } };
  };
  const web: WebScene = await webScene(t, {
    settings: { defaultAuthentication: "edge" },
    parts: {
      loginAt: () => strategy,
      authenticator: testAuthenticator({
        believes: isCheckedByRoute,
        check: async (credentials) => identityOf(credentials.authcid, credentials.secret.reveal().toString()),
      }),
      router: { find, explain: () => Promise.reject(new Error("Nobody asks why")) },
      guard: {
        delayBefore: () => 0,
        failed: (_, user) => (guarded.push(`failed ${user}`), 0),
        succeeded: (_, user) => void guarded.push(`succeeded ${user}`),
      },
      ...parts,
    },
  });
  return {
    ...web,
    lookedUp,
    guarded,
    secrets,
    async ask(lines, path = "/ews/exchange.asmx") {
      const client = await web.connect();
      client.say([`GET ${path} HTTP/1.1`, "Host: mail.example.com", ...lines, "", ""].join("\r\n"));
      const text = await client.until(/\r\n\r\n/);
      client.socket.destroy();
      return text;
    },
  };
}

const asUser = (user: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
const AS_ALICE = asUser("alice", "s3cret");
const BOBS = ["/ews/exchange.asmx", "/owa/bob@example.com/", "/mapi/emsmdb/?MailboxId=bob@example.com"] as const;

/** Who logs in at the backend, in the order of requests. */
const loggedIn = ({ heard }: WebScene): string[] =>
  [...heard.join("").matchAll(/Authorization: Basic (\S+)/g)].map(([, text = ""]) => Buffer.from(text, "base64").toString());

test("where: who asks for another's mailbox goes to its backend, and logs in there as nobody but themselves", async (t) => {
  const all = await scene(t);
  for (const path of BOBS) t.regex(await all.ask([AS_ALICE, "X-AnchorMailbox: bob@example.com"], path), /^HTTP\/1.1 200 /, path);
  t.deepEqual(new Set(loggedIn(all)), new Set(["alice-there:of alice-there"]));
  t.true(all.lookedUp.includes("bob@example.com -"), "and the password is not shown under the other's name");
  t.false(all.lookedUp.includes("bob@example.com s3cret"));
  t.true(
    all.secrets.every((secret) => secret.reveal().length === 0),
    "all secrets are wiped",
  );
});

test("where: under every strategy it is who has logged in whom the backend hears of", async (t) => {
  const presented: string[] = [];
  for (const name of ["master", "oauth", "xclient"] as const) {
    const strategy: BackendLogin = {
      strategy: name,
      async present(_, { user }) {
        presented.push(`${name} ${user}`);
        return { kind: "trusted", mechanism: "EXTERNAL", authcid: user, authzid: "", secret: new Secret("") };
      },
      close() {},
    };
    const router = {
      find: ({ user }: RouteQuery) => {
        const { there = "" } = USERS[user] ?? {};
        return Promise.resolve({ source: "test", why: "test", legs: [legOf()], login: { user: there } });
      },
      explain: () => Promise.reject(new Error("Nobody asks why")),
    };
    const all: Scene = await scene(t, { strategy, parts: { router } });
    const legOf = () => all.leg;
    await all.ask([AS_ALICE, "X-AnchorMailbox: bob@example.com"]);
    t.regex(all.heard.join(""), /X-Remote-User: alice-there\r\n/, name);
  }
  t.deepEqual(presented, ["master alice-there", "oauth alice-there", "xclient alice-there"]);
});

test("where: a login that a route source refuses is a failed one, whatever else is asked for", async (t) => {
  const all = await scene(t, { isCheckedByRoute: true });
  for (const more of [[], ["X-AnchorMailbox: bob@example.com"]]) {
    t.regex(await all.ask([asUser("alice", "wr0ng"), ...more]), /^HTTP\/1.1 401 [^]*WWW-Authenticate: Basic/i);
    t.regex(await all.ask([asUser("nobody", "wr0ng"), ...more], "/owa/"), /^HTTP\/1.1 401 [^]*WWW-Authenticate: Basic/i);
  }
  const twice = ["failed alice@example.com", "failed nobody@example.com"];
  t.deepEqual(all.guarded.slice(0, 2), twice, "and unknown users are told and counted alike");
  t.is(all.guarded.filter((line) => line === twice[0]).length, 2);
  t.deepEqual(all.heard, [], "no backend was asked");
  t.is(all.logger.messages("info").filter((line) => line === "login failed").length, all.guarded.length);
  t.regex(await all.ask([AS_ALICE]), /^HTTP\/1.1 200 /);
});

test("where: whose name a source does not know is asked by the backend, and its login by no other's route", async (t) => {
  const all = await scene(t);
  t.regex(await all.ask([AS_ALICE, "X-AnchorMailbox: nobody@example.com"]), /^HTTP\/1.1 200 /);
  t.deepEqual(loggedIn(all), ["alice-there:of alice-there"]);
  t.is(all.secrets.length, 2);
  t.true(
    all.secrets.every((secret) => secret.reveal().length === 0),
    "all secrets are wiped",
  );
});

test("where: every service of the table that another can be named in by the path is tried above", (t) => {
  const naming = SERVICES.filter(({ hints }) => hints.some((hint) => ["explicit-logon", "mailbox-id"].includes(hint)));
  t.deepEqual(naming.map(({ name }) => name).toSorted(), ["ecp", "mapi", "owa"]);
});

test("where: behind NTLM's last message its user is known, beside a cookie of another, and the connection stays", async (t) => {
  const all = await scene(t, { parts: { settings: webSettings() } });
  const client = await all.connect();
  const head = (more: readonly string[]): string => ["GET /owa/ HTTP/1.1", "Host: a", ...more, "", ""].join("\r\n");
  client.say(head([`Authorization: NTLM ${ntlmNegotiate().toString("base64")}`]));
  await client.until(/^HTTP\/1.1 200 [^]*\r\n\r\n/);
  client.say(head([`Authorization: NTLM ${ntlmAuthenticate("bob").toString("base64")}`]));
  await client.until(/(HTTP\/1.1 200 [^]*\r\n\r\n){2}/);
  t.is(all.heard.length, 1, "one connection");
  t.deepEqual(all.lookedUp, [], "and no look-up in the middle of the exchange");
  t.like(all.logger.records.at(-1)?.fields, { user: "bob@example.com", hint: "ntlm" });
});

test("where: a service whose logins the gateway checks has no part in a login that another service has on the same connection", async (t) => {
  const services = {
    ews: { paths: [], hosts: [], backends: [], authentication: "edge" },
  } as unknown as HttpsSettings["services"];
  const all = await scene(t, { parts: { settings: webSettings({ services }) } });
  const client = await all.connect();
  client.say(`GET /owa/ HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM ${ntlmAuthenticate("bob").toString("base64")}\r\n\r\n`);
  await client.until(/^HTTP\/1.1 200 [^]*\r\n\r\n/);
  client.say(`GET /ews/ HTTP/1.1\r\nHost: a\r\n${AS_ALICE}\r\n\r\n`);
  await client.until(/(HTTP\/1.1 200 [^]*\r\n\r\n){2}/);
  t.is(all.heard.length, 2);
  t.regex(all.heard[0] ?? "", /^GET \/owa\/ [^]*NTLM/);
  t.notRegex(all.heard[0] ?? "", /ews/);
});
