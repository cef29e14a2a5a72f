import { Failure, RELAY, Secret, type BackendLogin } from "@postern/contracts";
import test from "ava";
import { testService } from "../../../test/parts.ts";
import { basic, valuesOf, webLeg } from "../test/scene.ts";
import { browser, locationOf, PAGE, SCRIPT } from "../test/forms-scene.ts";
import { SESSION_COOKIE } from "./cookies.ts";
import { NOTES } from "./page.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test("forms: a person without a session is sent to the page, and back from there", async (t) => {
  const person = browser();
  const { one, admission } = await person.ask("GET /owa/?ae=Folder&x=ü".replace("ü", "%C3%BC"));
  t.is(admission, undefined);
  t.is(one.said.status, 302);
  t.is(locationOf(one), "/postern/login?to=%2Fowa%2F%3Fae%3DFolder%26x%3D%25C3%25BC");
  const ticket = await person.openPage("?to=%2Fowa%2F%3Fae%3DFolder");
  const done = await person.post("/postern/login", { user: "alice", password: "s3cret", to: "/owa/?ae=Folder", ticket });
  t.is(done.said.status, 303);
  t.is(locationOf(done), "/owa/?ae=Folder");
  const inside = await person.ask("GET /owa/?ae=Folder");
  t.deepEqual(inside.admission?.identity, { user: "alice@example.com", proven: true });
  t.deepEqual(inside.admission?.answerFields, []);
});

test("forms: cookies are for this host alone, over https, out of reach of scripts and of other sites' forms", async (t) => {
  const person = browser();
  await person.logIn();
  t.true(person.setCookies.length >= 3);
  for (const line of person.setCookies) t.regex(line, /^__Host-[^;]*; (Max-Age=0; )?Path=\/; Secure; HttpOnly; SameSite=Lax$/);
  const sealed = person.cookies.get(SESSION_COOKIE) ?? "";
  const bytes = Buffer.from(sealed, "base64url").toString("latin1");
  t.notRegex(sealed + bytes, /alice|s3cret/);
});

test("forms: scripts hear 401 or 440 and no dialogue, programs the challenges of the edge", async (t) => {
  const person = browser();
  const script = await person.ask("GET /owa/x", SCRIPT);
  t.is(script.one.said.status, 401);
  t.deepEqual(valuesOf(script.one.said.fields, "www-authenticate"), ["Form"]);
  const program = await person.ask("GET /owa/x", ["Accept", "*/*"]);
  t.is(program.one.said.status, 401);
  t.regex(valuesOf(program.one.said.fields, "www-authenticate").join(), /Basic/);
  t.truthy((await person.ask("GET /owa/x", basic("alice", "s3cret"))).admission);
  person.cookies.set(SESSION_COOKIE, "AAAA");
  const late = await person.ask("GET /owa/x", SCRIPT);
  t.is(late.one.said.status, 440);
  t.false(person.cookies.has(SESSION_COOKIE));
});

test("forms: a form of the backend's that comes without a session is not sent again behind the login", async (t) => {
  const { one } = await browser().ask("POST /owa/send", PAGE);
  t.is(one.said.status, 303);
  t.is(locationOf(one), "/postern/login?to=%2F");
});

test("forms: the page can be shown, and sent, by its own host alone; it has no script and is not stored", async (t) => {
  const { one } = await browser().ask("GET /postern/login");
  t.is(one.said.status, 200);
  const policy = valuesOf(one.said.fields, "content-security-policy")[0] ?? "";
  t.regex(policy, /default-src 'none'/);
  t.regex(policy, /form-action 'self'/);
  t.regex(policy, /frame-ancestors 'none'/);
  t.deepEqual(valuesOf(one.said.fields, "cache-control"), ["no-store"]);
  t.deepEqual(valuesOf(one.said.fields, "referrer-policy"), ["same-origin"]);
  t.notRegex(one.said.body, /<script|onclick|javascript:/i);
  t.regex(one.said.body, /<label for="user">/);
  t.regex(one.said.body, /autocomplete="current-password"/);
});

test("forms: a wrong password and an unknown user are told in the same words, with the same delay, and logged without them", async (t) => {
  for (const user of ["alice", "nobody"]) {
    const person = browser({ delayBefore: 500, delayAfter: 3000 });
    const ticket = await person.openPage();
    const trying = person.post("/postern/login", { user, password: "wr0ng", to: "/owa/", ticket });
    await person.clock.advance(2999);
    let isTold = false;
    void trying.then(() => (isTold = true));
    await person.clock.advance(0);
    t.false(isTold);
    await person.clock.advance(1);
    const one = await trying;
    t.is(one.said.status, 403);
    t.true(one.said.body.includes(NOTES.wrong));
    t.regex(one.said.body, /role="alert"/);
    t.deepEqual(person.guarded, [`before ${user}@example.com`, `before ${user}@example.com`, `failed ${user}@example.com wr0ng`]);
    t.deepEqual(person.logger.messages("info"), ["login failed"]);
    t.notRegex(person.logger.text() + one.said.body, /wr0ng/);
    t.false(person.cookies.has(SESSION_COOKIE));
  }
});

test("forms: who guesses too often, and a verifier that is away, are told on the page", async (t) => {
  for (const [kind, status] of [
    ["too-many-failures", 429],
    ["verifier-down", 503],
    ["credentials-expired", 403],
  ] as const) {
    const person = browser();
    person.parts.authenticator.check = () => Promise.reject(new Failure(kind, "inside"));
    const one = await person.logIn();
    t.is(one.said.status, status);
    t.notRegex(one.said.body, /inside/);
  }
});

test("forms: a session ends without requests, sooner on a public computer; requests renew it at half the time", async (t) => {
  for (const [computer, idle] of [
    ["public", 15 * MINUTE],
    ["private", 8 * HOUR],
  ] as const) {
    const person = browser();
    await person.logIn({ computer });
    await person.clock.advance(idle / 2 - 1000);
    t.deepEqual((await person.ask("GET /owa/")).admission?.answerFields, []);
    await person.clock.advance(1000);
    t.deepEqual(
      (await person.ask("POST /owa/ev.owa2?ns=PendingRequest&UA=0&cid=1")).admission?.answerFields,
      [],
      "news renew nothing",
    );
    const { admission } = await person.ask("GET /owa/");
    t.is(valuesOf(admission?.answerFields ?? [], "set-cookie").length, 1);
    person.learn(admission?.answerFields ?? []);
    await person.clock.advance(idle - 1);
    t.truthy((await person.ask("GET /owa/")).admission);
    await person.clock.advance(1);
    const { one } = await person.ask("GET /owa/");
    t.is(locationOf(one), "/postern/login?to=%2Fowa%2F&note=expired");
    t.false(person.cookies.has(SESSION_COOKIE));
  }
});

test("forms: however busy, a session ends with its day", async (t) => {
  const person = browser();
  await person.logIn();
  for (let count = 0; count < 60; count++) {
    const { admission } = await person.ask("GET /owa/");
    t.truthy(admission, `${count * 12} minutes`);
    person.learn(admission?.answerFields ?? []);
    await person.clock.advance(12 * MINUTE);
  }
  t.is((await person.ask("GET /owa/")).admission, undefined);
});

test("forms: the backend sees the user's own login by Basic, and whom the session names cannot be changed by the client", async (t) => {
  const person = browser();
  await person.logIn({ user: "alice@example.com" });
  const { admission } = await person.ask("GET /owa/", [...PAGE, ...basic("bob", "geheim")]);
  t.is(admission?.identity?.user, "alice@example.com");
  const fields = await admission?.present(webLeg(), ["Host", "a", ...basic("bob", "geheim")]);
  t.deepEqual(fields, ["Host", "a", ...basic("alice@example.com", "s3cret")]);
  admission?.release();
  t.is(admission?.credentials?.secret.reveal().length, 0);
});

test("forms: a password that is not good any more ends the session and shows the page", async (t) => {
  const person = browser();
  await person.logIn();
  person.parts.authenticator.check = () => Promise.reject(new Failure("wrong-credentials", "changed"));
  const { one } = await person.ask("GET /owa/");
  t.is(locationOf(one), "/postern/login?to=%2Fowa%2F&note=refused");
  t.false(person.cookies.has(SESSION_COOKIE));
  t.false(
    person.guarded.some((line) => line.startsWith("failed")),
    "nobody has guessed",
  );
});

test("forms: where only the backend can tell, its 401 is a failed login, and ends the session", async (t) => {
  const person = browser({ believes: true, delayAfter: 3000 });
  t.is((await person.logIn({ password: "wrong" })).said.status, 303);
  const { one, admission } = await person.ask("GET /owa/");
  await admission?.present(webLeg(), []);
  t.is(admission?.answered(401, ["WWW-Authenticate", "Basic"]), 3000);
  t.is(admission?.refused(webLeg()), "answered");
  person.learn(one.said.fields);
  t.is(locationOf(one), "/postern/login?to=%2Fowa%2F&note=refused");
  t.false(person.cookies.has(SESSION_COOKIE));
  t.true(person.guarded.includes("failed alice@example.com wrong"));
});

test("forms: where the gateway logs in everywhere in its own way, no password is kept", async (t) => {
  const login: BackendLogin = {
    strategy: "xclient",
    present: async (_credentials, { user }) => ({
      kind: "trusted",
      mechanism: "EXTERNAL",
      authcid: user,
      authzid: "",
      secret: new Secret(""),
    }),
    close() {},
  };
  const person = browser({ login, legs: [webLeg({ login: { ...RELAY, strategy: "xclient" } })] });
  await person.logIn();
  const { one, admission } = await person.ask("GET /owa/");
  t.is(admission?.credentials?.kind, "proven");
  t.deepEqual(await admission?.present(webLeg(), []), ["X-Remote-User", "alice@example.com"]);
  const mixed = browser({ login, legs: [webLeg({ login: { ...RELAY, strategy: "xclient" } }), webLeg({ backend: "mbx2" })] });
  await mixed.logIn();
  t.is((await mixed.ask("GET /owa/")).admission?.credentials?.kind, "password");
  const failure = admission?.refused(webLeg());
  t.true(failure instanceof Failure && failure.kind === "backend-unavailable", "the user cannot help it");
  t.is(one.said.status, undefined);
});

test("forms: log out drops the session; from elsewhere, and by a link, it asks first", async (t) => {
  const person = browser();
  await person.logIn();
  const elsewhere = await person.post("/postern/logout", {}, ["Origin", "https://evil.example"]);
  t.is(elsewhere.said.status, 403);
  const silent = await person.post("/postern/logout", {}, []);
  t.regex(silent.said.body, /Log out/);
  const link = await person.ask("GET /postern/logout");
  t.regex(link.one.said.body, /<form method="post" action="\/postern\/logout">/);
  t.true(person.cookies.has(SESSION_COOKIE));
  const one = await person.post("/postern/logout", {});
  t.is(one.said.status, 303);
  t.is(locationOf(one), "/postern/login?to=%2F&note=out");
  t.deepEqual(valuesOf(one.said.fields, "clear-site-data"), ['"cache"'], "going back shows nothing");
  t.false(person.cookies.has(SESSION_COOKIE));
});

test("forms: a button of the web mail's own, without any field, logs out", async (t) => {
  const person = browser();
  await person.logIn();
  const fields = ["Sec-Fetch-Site", "same-origin"];
  const { one } = await person.ask("POST /postern/logout", [...PAGE, ...fields]);
  t.is(one.said.status, 303);
  t.false(person.cookies.has(SESSION_COOKIE));
});

test("forms: where no service has the page, its paths are the backend's", async (t) => {
  const person = browser({ settings: { services: {} } });
  const { one, admission } = await person.ask("GET /postern/login", PAGE, testService());
  t.truthy(admission);
  t.is(one.said.status, undefined);
});

test("forms: users of backends that are sent elsewhere get there from the form", async (t) => {
  const redirects = { b: { url: "https://b.example.com", style: "silent", address: undefined } } as const;
  const { one } = await browser({ settings: { redirects } }).ask("GET /postern/login");
  t.regex(valuesOf(one.said.fields, "content-security-policy")[0] ?? "", /form-action 'self' https:\/\/b\.example\.com;/);
});
