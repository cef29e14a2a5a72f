// The login page as an attacker would use it.

import { Failure } from "@postern/contracts";
import test from "ava";
import type { Fields } from "@postern/http";
import { testClient, webSession } from "../../../test/exchanges.ts";
import { testService } from "../../../test/parts.ts";
import { exchange } from "../test/scene.ts";
import { browser, FORMS, locationOf, PAGE } from "../test/forms-scene.ts";
import { createLogins } from "../logins.ts";
import { SESSION_COOKIE, TICKET_COOKIE } from "./cookies.ts";
import { NOTES } from "./page.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test("forms: what was typed stands in the page as text, and names with line ends are nobody's", async (t) => {
  const person = browser();
  const one = await person.logIn({ user: `"><script>alert(1)</script>`, password: "x" });
  t.notRegex(one.said.body, /<script/);
  for (const user of ["alice\r\nSet-Cookie: a=b", "alice:s3", "a\0b", "x".repeat(513)]) {
    const bad = await person.logIn({ user, password: "s3cret" });
    t.is(bad.said.status, 403);
    t.notRegex(bad.said.fields.join("|"), /a=b/);
  }
  t.is((await person.logIn({ password: "p".repeat(1025) })).said.status, 403);
  t.is((await person.logIn({ password: "a\nb" })).said.status, 403);
  t.deepEqual(person.checked.slice(1), [], "nobody was asked about them");
});

test("forms: the way back leads to this host only", async (t) => {
  const bad = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/a\r\nX: 1",
    "owa",
    "",
    "javascript:1",
    `/${"a".repeat(3000)}`,
  ];
  for (const to of bad) {
    const one = await browser().logIn({ to });
    t.is(locationOf(one), "/", JSON.stringify(to));
  }
  t.is(locationOf(await browser().logIn({ to: "/owa/?a=//b" })), "/owa/?a=//b");
});

test("forms: a form from elsewhere is refused, whatever it brings", async (t) => {
  const elsewhere: Fields[] = [
    ["Origin", "https://evil.example"],
    ["Origin", "null"],
    ["Origin", "http://mail.example.com"],
    ["Origin", "https://mail.example.com:444"],
    ["Origin", "https://mail.example.com", "Sec-Fetch-Site", "cross-site"],
    ["Sec-Fetch-Site", "same-site"],
  ];
  for (const fields of elsewhere) {
    const person = browser();
    const ticket = await person.openPage();
    const one = await person.post("/postern/login", { user: "alice", password: "s3cret", ticket }, fields);
    t.is(one.said.status, 403, fields.join());
    t.false(person.cookies.has(SESSION_COOKIE));
    t.deepEqual(person.checked, []);
  }
});

test("forms: without the page's ticket, or with another browser's, an old one, or a session in its place, nobody is logged in", async (t) => {
  const person = browser();
  const other = browser();
  const theirs = await other.openPage();
  const mine = await person.openPage();
  await other.logIn();
  const session = other.cookies.get(SESSION_COOKIE) ?? "";
  const changed = Buffer.from(mine, "base64url");
  changed[20] = (changed[20] ?? 0) ^ 1;
  for (const ticket of ["", "x", theirs, session, mine.slice(0, 40), changed.toString("base64url")]) {
    const one = await person.post("/postern/login", { user: "alice", password: "s3cret", ticket });
    t.is(one.said.status, 403);
    t.true(one.said.body.includes(NOTES.old));
  }
  const late = await person.openPage();
  await person.clock.advance(HOUR);
  t.is((await person.post("/postern/login", { user: "alice", password: "s3cret", ticket: late })).said.status, 403);
  const fresh = await person.openPage();
  person.cookies.delete(TICKET_COOKIE);
  t.is((await person.post("/postern/login", { user: "alice", password: "s3cret", ticket: fresh })).said.status, 403);
});

test("forms: an old browser that says nothing of itself can log in by its ticket", async (t) => {
  const person = browser();
  const ticket = await person.openPage();
  const one = await person.post("/postern/login", { user: "alice", password: "s3cret", ticket }, []);
  t.is(one.said.status, 303);
});

test("forms: forged, changed, cut and swapped cookies are no session", async (t) => {
  const person = browser();
  await person.logIn();
  const good = person.cookies.get(SESSION_COOKIE) ?? "";
  const bytes = Buffer.from(good, "base64url");
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    person.cookies.set(SESSION_COOKIE, changed.toString("base64url"));
    t.is((await person.ask("GET /owa/")).admission, undefined, `byte ${at}`);
  }
  const ticket = await person.openPage();
  for (const value of ["", "A", bytes.subarray(0, 28).toString("base64url"), ticket, "%00", "x".repeat(5000)]) {
    person.cookies.set(SESSION_COOKIE, value);
    t.is((await person.ask("GET /owa/")).admission, undefined);
  }
  const { parts } = person;
  const elsewhere = createLogins({ ...parts, secret: Buffer.alloc(32, 8) });
  const one = exchange(testClient(), "GET /owa/", { fields: [...PAGE, "Cookie", `${SESSION_COOKIE}=${good}`] });
  t.is(await elsewhere.admit(one, FORMS), undefined);
});

test("forms: a session of another node whose clock is far ahead is not believed", async (t) => {
  const ahead = browser();
  await ahead.clock.advance(2 * MINUTE);
  await ahead.logIn();
  const person = browser();
  person.cookies.set(SESSION_COOKIE, ahead.cookies.get(SESSION_COOKIE) ?? "");
  t.is((await person.ask("GET /owa/")).admission, undefined);
});

test("forms: what is no form, is too large, or breaks off, logs nobody in", async (t) => {
  const person = browser();
  const { parts } = person;
  const logins = createLogins(parts);
  const say = (fields: Fields, body: string, isBroken = false) =>
    exchange(testClient(), "POST /postern/login", { fields: ["Origin", "https://mail.example.com", ...fields], body, isBroken });
  const form = ["Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"];
  const text = say(["Content-Type", "text/plain"], "user=alice");
  await logins.admit(text, FORMS);
  t.is(text.said.status, 415);
  const large = say(form, `user=${"a".repeat(20_000)}`);
  await logins.admit(large, FORMS);
  t.is(large.said.status, 413);
  const broken = async () => logins.admit(say(form, "user=alice&pass", true), FORMS);
  t.is((await t.throwsAsync(broken, { instanceOf: Failure }))?.kind, "client-gone");
  const put = exchange(testClient(), "DELETE /postern/login");
  await logins.admit(put, FORMS);
  t.is(put.said.status, 405);
  t.deepEqual(person.checked, []);
});

test("forms: no password is taken in clear", async (t) => {
  const person = browser({}, testClient({ session: webSession({ tls: undefined }) }));
  const one = await person.logIn();
  t.is(one.said.status, 403);
  t.deepEqual(person.checked, []);
});

test("forms: paths that only look like the page's are none", async (t) => {
  const person = browser();
  for (const target of [
    "/postern/login/",
    "/postern/Login",
    "/postern/login;x",
    "/postern/",
    "/posternlogin",
    "//postern/login",
  ]) {
    const { admission } = await person.ask(`GET ${target}`, PAGE, testService());
    t.truthy(admission, target);
  }
});
