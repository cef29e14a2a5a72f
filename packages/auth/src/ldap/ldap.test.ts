import test from "ava";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret, type FailureKind } from "@postern/contracts";
import { createLdapVerifier } from "./index.ts";
import type { LdapSettings } from "./settings.ts";
import { ALICE, ask, bindOf, directory, entry, honest, result, settings, TAGS, verifier, type Asked } from "./test/helpers.ts";
import { failureOf, password, SESSION } from "../suite.ts";

const SECRET = "s3cret-of-a-client";
const files = await mkdtemp(join(tmpdir(), "postern-ldap-"));
const passwordFile = join(files, "service");
await writeFile(passwordFile, "service-pw\n");
test.after.always(() => rm(files, { recursive: true }));

test("ldap: finds the entry and binds as it, on another connection than it searches on", async (t) => {
  const fake = await directory(t, honest);
  const made = verifier(t, settings([fake.url]));
  t.deepEqual(await ask(made, "Alice", "right"), { user: "Alice" });
  t.deepEqual(
    fake.asked.map(({ tag, connection }) => [tag, connection]),
    [
      [TAGS.search, 0],
      [TAGS.bind, 1],
    ],
  );
  t.is(made.name, `ldap ${fake.url}`);
  t.deepEqual(made.proves, ["password"]);
});

test("ldap: connections are used again, and a right password before does not help a wrong one after", async (t) => {
  const fake = await directory(t, honest);
  const made = verifier(t, settings([fake.url]));
  for (const given of ["right", "wrong", "right", "wrong"]) {
    if (given === "right") t.deepEqual(await ask(made, "alice", given), { user: "alice" });
    else t.is((await failureOf(t, ask(made, "alice", given))).kind, "wrong-credentials");
  }
  t.is(fake.connections(), 2);
});

test("ldap: checks at the same moment never share a connection, and are at most so many", async (t) => {
  const busy = new Map<number, number>();
  let most = 0;
  const fake = await directory(t, (asked, socket) => {
    busy.set(asked.connection, (busy.get(asked.connection) ?? 0) + 1);
    most = Math.max(most, busy.get(asked.connection) ?? 0);
    setImmediate(() => {
      busy.set(asked.connection, (busy.get(asked.connection) ?? 0) - 1);
      const said = honest(asked);
      if (said !== undefined) socket.write(said);
    });
    return undefined;
  });
  const made = verifier(t, settings([fake.url], { connections: 3 }));
  const all = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => ask(made, "alice", n % 2 === 0 ? "right" : "wrong")));
  t.deepEqual(
    all.map(({ status }) => status),
    Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? "fulfilled" : "rejected")),
  );
  t.is(most, 1);
  t.is(fake.connections(), 6);
});

test("ldap: more checks than may wait are told that the verifier is down", async (t) => {
  const fake = await directory(t, () => undefined);
  const made = verifier(t, settings([fake.url], { connections: 1, timeout: 200 }));
  const all = await Promise.all(Array.from({ length: 25 }, () => failureOf(t, ask(made, "alice", "right"))));
  t.true(all.every(({ kind }) => kind === "verifier-down"));
  t.is(all.filter(({ message: text }) => /20 checks are waiting already/.test(text)).length, 4);
});

test("ldap: an empty password is refused before the server is asked", async (t) => {
  const fake = await directory(t, (asked) => (asked.tag === TAGS.bind ? result(asked, 0) : honest(asked)));
  const made = verifier(t, settings([fake.url]));
  t.is((await failureOf(t, ask(made, "alice", ""))).kind, "wrong-credentials");
  t.is(fake.connections(), 0);
});

test("ldap: a password may be any bytes", async (t) => {
  const fake = await directory(t, (asked) => honest(asked));
  const made = verifier(t, settings([fake.url]));
  const bytes = Buffer.from([0xff, 0x00, 0x80, 0x31]);
  await failureOf(t, Promise.resolve(made.check?.({ ...password("alice", ""), secret: new Secret(bytes) }, SESSION)));
  const bind = fake.asked.find(({ tag }) => tag === TAGS.bind);
  t.is(bind === undefined ? "" : bindOf(bind).password, bytes.toString("latin1"));
});

test("ldap: an unknown user costs a bind too, as a name that nobody has and with another password", async (t) => {
  const fake = await directory(t, (asked) => (asked.tag === TAGS.search ? result(asked, 0) : result(asked, 49)));
  const made = verifier(t, settings([fake.url]));
  t.is(await ask(made, "nobody", SECRET), undefined);
  const [bind, ...more] = fake.asked.filter(({ tag }) => tag === TAGS.bind).map(bindOf);
  t.is(more.length, 0);
  t.regex(bind?.dn ?? "", /^cn=[0-9a-f]{24},dc=example,dc=com$/);
  t.not(bind?.password, SECRET);
});

test("ldap: each result code of a bind has its meaning", async (t) => {
  const ad = (data: string): string =>
    `80090308: LdapErr: DSID-0C09041C, comment: AcceptSecurityContext error, data ${data}, v4563\0`;
  const rows: readonly (readonly [number, string, FailureKind])[] = [
    [49, "", "wrong-credentials"],
    [49, ad("52e"), "wrong-credentials"],
    [49, ad("525"), "wrong-credentials"],
    [49, ad("532"), "credentials-expired"],
    [49, ad("773"), "credentials-expired"],
    [49, ad("533"), "not-authorized"],
    [49, ad("701"), "not-authorized"],
    // Whose account is locked is told so with any password.
    [49, ad("775"), "wrong-credentials"],
    [19, "", "wrong-credentials"],
    [49, ad("fff"), "wrong-credentials"],
    [48, "", "wrong-credentials"],
    [10, "", "verifier-down"],
    [51, "", "verifier-down"],
    [52, ad("532"), "verifier-down"],
    [53, "", "verifier-down"],
    [14, "", "verifier-down"],
    [80, "", "verifier-down"],
  ];
  for (const [code, text, kind] of rows) {
    const fake = await directory(t, (asked) =>
      asked.tag === TAGS.bind ? result(asked, code, `${text}${SECRET}`) : honest(asked),
    );
    const failure = await failureOf(t, ask(verifier(t, settings([fake.url])), "alice", SECRET));
    t.is(failure.kind, kind, `${code} ${text}`);
    t.notRegex(failure.message, /s3cret/);
  }
});

test("ldap: a search that fails is a verifier that is down, not an unknown user", async (t) => {
  for (const code of [1, 3, 4, 10, 11, 32, 50, 51, 52, 53]) {
    const fake = await directory(t, (asked) => result(asked, code));
    const failure = await failureOf(t, ask(verifier(t, settings([fake.url])), "alice", SECRET));
    t.is(failure.kind, "verifier-down", String(code));
  }
});

test("ldap: a server that closes a kept connection costs nobody a login", async (t) => {
  const fake = await directory(t, honest);
  const made = verifier(t, settings([fake.url]));
  t.deepEqual(await ask(made, "alice", "right"), { user: "alice" });
  fake.drop();
  t.deepEqual(await ask(made, "alice", "right"), { user: "alice" });
  t.is(fake.connections(), 4);
});

test("ldap: a kept connection on which the server hangs up when asked is replaced", async (t) => {
  let hangUp = false;
  const fake = await directory(t, (asked, socket) => {
    if (!hangUp || asked.connection > 1) return honest(asked);
    socket.destroy();
    return undefined;
  });
  const made = verifier(t, settings([fake.url]));
  t.deepEqual(await ask(made, "alice", "right"), { user: "alice" });
  hangUp = true;
  t.deepEqual(await ask(made, "alice", "right"), { user: "alice" });
});

test("ldap: a server that failed is asked last for a while", async (t) => {
  const down = await directory(t, (_asked, socket) => void socket.destroy());
  const up = await directory(t, honest);
  const made = verifier(t, settings([down.url, up.url]));
  for (let i = 0; i < 3; i += 1) t.deepEqual(await ask(made, "alice", "right"), { user: "alice" });
  t.is(down.connections(), 1);
  t.is((await failureOf(t, ask(made, "alice", "wrong"))).kind, "wrong-credentials");
});

test("ldap: the name that the directory has is the user's name, when there is one", async (t) => {
  const found = (values: readonly string[]) => (asked: Asked) =>
    asked.tag === TAGS.search ? Buffer.concat([entry(asked, ALICE, { Mail: values }), result(asked, 0)]) : honest(asked);
  const made = async (values: readonly string[]) =>
    verifier(t, settings([(await directory(t, found(values))).url], { userAttribute: "mail", filter: "(uid={local})" }));
  t.deepEqual(await ask(await made(["a@example.org"]), "alice@other.example", "right"), { user: "a@example.org" });
  for (const values of [[], ["a@example.org", "b@example.org"]])
    t.is((await failureOf(t, ask(await made(values), "alice", "right"))).kind, "not-authorized");
});

test("ldap: a filter that does not look at the domain finds users of the default domain only", async (t) => {
  const fake = await directory(t, honest);
  for (const filter of ["(uid={local})", "(|(mail={user})(uid={local}))"]) {
    const made = verifier(t, settings([fake.url], { filter }));
    t.deepEqual(await ask(made, "alice", "right"), { user: "alice" });
    t.is(await ask(made, "alice@other.example", "right"), undefined);
  }
  const nowhere = verifier(t, settings([fake.url], { filter: "(uid={local})" }), { defaultDomain: undefined });
  t.deepEqual(await ask(nowhere, "alice", "right"), { user: "alice" });
  t.is(await ask(nowhere, "alice@example.com", "right"), undefined);
});

test("ldap: with dnTemplate nothing is searched", async (t) => {
  const fake = await directory(t, honest);
  const made = verifier(t, settings([fake.url], { base: undefined, dnTemplate: "uid={local},ou=people,dc=example,dc=com" }));
  t.deepEqual(await ask(made, "alice", "right"), { user: "alice" });
  t.is((await failureOf(t, ask(made, "eve,ou=people", "right"))).kind, "wrong-credentials");
  t.deepEqual(
    fake.asked.map((asked) => bindOf(asked).dn),
    [ALICE, "uid=eve\\2cou\\3dpeople,ou=people,dc=example,dc=com"],
  );
});

test("ldap: when the gateway's own password is refused, nobody's is wrong", async (t) => {
  const fake = await directory(t, honest);
  const made = verifier(t, settings([fake.url], { bindDn: "cn=gateway", bindPasswordFile: passwordFile }));
  const failure = await failureOf(t, ask(made, "alice", "right"));
  t.is(failure.kind, "verifier-down");
  t.regex(failure.message, /bindDn is refused/);
  t.notRegex(failure.message, /service-pw/);
});

test("ldap: after close nothing is asked, and it may be closed twice", async (t) => {
  const fake = await directory(t, honest);
  const made = verifier(t, settings([fake.url]));
  await ask(made, "alice", "right");
  made.close();
  made.close();
  t.is((await failureOf(t, ask(made, "alice", "right"))).kind, "verifier-down");
  t.is(fake.connections(), 2);
});

test("ldap: settings that contradict themselves, or would send passwords in clear, are refused with the cure", (t) => {
  const near = "ldap://127.0.0.1";
  const build = (urls: readonly string[], more: Partial<LdapSettings>) => () =>
    createLdapVerifier(settings(urls, more), {
      clock: { now: () => 0, after: () => ({ cancel() {} }) },
      defaultDomain: undefined,
    }).close();
  const bad: readonly (readonly [readonly string[], Partial<LdapSettings>, RegExp])[] = [
    [[], {}, /^url: name at least one server/],
    [["ldap://10.0.0.9"], {}, /^url: ldap:\/\/10\.0\.0\.9 would get passwords in clear; use ldaps:\/\/, or set startTls: true/],
    [["ldaps://10.0.0.9"], { startTls: true }, /^startTls: is for ldap:\/\/ only/],
    [[near], { base: undefined }, /^base: say below which entry/],
    [[near], { filter: "(objectClass=person)" }, /^filter: has neither \{user\} nor \{local\}/],
    [[near], { filter: "(mail={user}" }, /^filter: a "\)" is missing/],
    [[near], { filter: "(mail={user})(x={y})" }, /^filter: something follows/],
    [[near], { dnTemplate: "uid={local}" }, /^dnTemplate: takes the place of a search/],
    [[near], { base: undefined, dnTemplate: "ou=people" }, /^dnTemplate: has neither/],
    [[near], { base: undefined, dnTemplate: "uid={name},o={user}" }, /^dnTemplate: \{name\} is none of/],
    [[near], { base: undefined, dnTemplate: "uid={user}", userAttribute: "mail" }, /^userAttribute: is read by a search/],
    [[near], { bindDn: "cn=x" }, /^bindPasswordFile: is missing/],
    [[near], { bindPasswordFile: passwordFile }, /^bindDn: is missing/],
    [[near], { bindDn: "cn=x", bindPasswordFile: `${passwordFile}.missing` }, /^bindPasswordFile: /],
    [
      [near],
      { bindDn: "cn=x", bindPasswordFile: passwordFile, base: undefined, dnTemplate: "uid={user}" },
      /^bindDn: has nothing to do/,
    ],
  ];
  for (const [urls, more, words] of bad) t.throws(build(urls, more), { message: words });
  t.notThrows(build(["ldap://10.0.0.9"], { startTls: true }));
  t.notThrows(build(["ldaps://10.0.0.9", "ldap://[::1]", "ldapi://%2Frun%2Fldapi"], {}));
});
