import { createHmac } from "node:crypto";
import test from "ava";
import { MECHANISMS } from "./index.ts";
import { exchange, kindOf, mechanismSuite } from "./suite.ts";
import type { MechanismFactory } from "@postern/contracts";

function named(name: string): MechanismFactory {
  const mechanism = MECHANISMS.get(name);
  if (mechanism === undefined) throw new Error(`There is no ${name}`);
  return mechanism;
}

const S = "\x01";
const b64 = (text: string): string => Buffer.from(text).toString("base64");

mechanismSuite(test, {
  mechanism: named("PLAIN"),
  messages: ["\0alice\0s3cret"],
  clientFirst: true,
  expected: { kind: "password", mechanism: "PLAIN", authcid: "alice", authzid: "" },
  secret: /^s3cret/,
  malformed: ["", "\0", "\0\0", "alice\0s3cret", "alice s3cret", "\0alice\0", "\0\0s3cret", "\0alice\0s3cret\0", "a\0b\0c\0d"],
});

mechanismSuite(test, {
  mechanism: named("LOGIN"),
  messages: ["alice", "s3cret"],
  clientFirst: true,
  expected: { kind: "password", mechanism: "LOGIN", authcid: "alice", authzid: "" },
  secret: /^s3cret/,
  malformed: ["", "al\0ice"],
});

mechanismSuite(test, {
  mechanism: named("XOAUTH2"),
  messages: [`user=alice${S}auth=Bearer s3cretTOKEN${S}${S}`],
  clientFirst: true,
  expected: { kind: "token", mechanism: "XOAUTH2", authcid: "alice", authzid: "" },
  secret: /^s3cret/,
  malformed: [
    "",
    S,
    `user=alice${S}${S}`,
    `auth=Bearer s3cret${S}${S}`,
    `user=${S}auth=Bearer s3cret${S}${S}`,
    `user=al\0ice${S}auth=Bearer s3cret${S}${S}`,
    `user=alice${S}auth=Basic s3cret${S}${S}`,
    `user=alice${S}auth=Bearer ${S}${S}`,
    `user=alice${S}auth=Bearer s3cret with spaces${S}${S}`,
    `user=alice${S}auth=Bearer s3cret\r\nX: y${S}${S}`,
  ],
});

mechanismSuite(test, {
  mechanism: named("OAUTHBEARER"),
  messages: [`n,a=alice,${S}host=mail.example.com${S}port=993${S}auth=Bearer s3cretTOKEN${S}${S}`],
  clientFirst: true,
  expected: { kind: "token", mechanism: "OAUTHBEARER", authcid: "alice", authzid: "" },
  secret: /^s3cret/,
  malformed: [
    "",
    S,
    `n,,${S}auth=Bearer s3cret${S}${S}`,
    `n,a=,${S}auth=Bearer s3cret${S}${S}`,
    `p=tls-unique,a=alice,${S}auth=Bearer s3cret${S}${S}`,
    `n,b=alice,${S}auth=Bearer s3cret${S}${S}`,
    `n,a=alice${S}auth=Bearer s3cret${S}${S}`,
    `n,a=alice,${S}${S}`,
    `n,a=alice,${S}auth=Bearer s3cret\n${S}${S}`,
  ],
});

mechanismSuite(test, {
  mechanism: named("CRAM-MD5"),
  messages: [(challenge) => `alice ${createHmac("md5", "s3cret").update(challenge).digest("hex")}`],
  clientFirst: false,
  expected: { kind: "digest", mechanism: "CRAM-MD5", authcid: "alice", authzid: "" },
  secret: /^[0-9a-f]{32}$/,
  malformed: ["", "alice", " 0123456789abcdef0123456789abcdef", "alice 0123", "alice 0123456789ABCDEF0123456789ABCDEF"],
});

test("PLAIN: the authorization identity is kept apart", async (t) => {
  const { credentials } = await exchange(named("PLAIN"), b64("bob\0alice\0s3cret"), []);
  t.deepEqual([credentials.authzid, credentials.authcid], ["bob", "alice"]);
});

test("PLAIN: a password of any bytes is kept byte for byte", async (t) => {
  const bytes = Buffer.from([0x01, 0xff, 0xfe, 0x0d, 0x0a, 0x20]);
  const message = Buffer.concat([Buffer.from("\0alice\0"), bytes]).toString("base64");
  t.deepEqual((await exchange(named("PLAIN"), message, [])).credentials.secret.reveal(), bytes);
});

test("LOGIN: asks for the name and the password in the words that old clients look for", async (t) => {
  const { asked } = await exchange(named("LOGIN"), undefined, [b64("alice"), b64("s3cret")]);
  t.deepEqual(asked.map(String), ["Username:", "Password:"]);
});

test("LOGIN: an empty password and one with NUL are refused", async (t) => {
  for (const password of ["", "s3\0cret"])
    t.is(await kindOf(t, exchange(named("LOGIN"), undefined, [b64("alice"), b64(password)])), "exchange-malformed");
});

test("XOAUTH2: the scheme's case and the order of the fields do not matter", async (t) => {
  const { credentials } = await exchange(named("XOAUTH2"), b64(`auth=bearer s3cret${S}user=alice${S}${S}`), []);
  t.is(credentials.authcid, "alice");
});

test("OAUTHBEARER: commas and equals signs in the name are decoded", async (t) => {
  const { credentials } = await exchange(named("OAUTHBEARER"), b64(`y,a=a=2Cb=3Dc,${S}auth=Bearer s3cret${S}${S}`), []);
  t.is(credentials.authcid, "a,b=c");
});

test("CRAM-MD5: every challenge is new, names the host and is kept as the salt", async (t) => {
  const digest = (): string => b64("alice 0123456789abcdef0123456789abcdef");
  const runs = await Promise.all([
    exchange(named("CRAM-MD5"), undefined, [digest]),
    exchange(named("CRAM-MD5"), undefined, [digest]),
  ]);
  const salts = runs.map(({ asked }) => String(asked[0]));
  t.not(salts[0], salts[1]);
  for (const [index, { credentials }] of runs.entries()) {
    t.regex(salts[index] ?? "", /^<\d+\.\d+@mail\.example\.com>$/);
    t.is(credentials.kind === "digest" ? credentials.salt : undefined, salts[index]);
  }
});

test("mechanisms: bare passwords and tokens are plain text; CRAM-MD5 and GSS-SPNEGO have to be asked for", (t) => {
  const all = [...MECHANISMS.values()];
  const names = (some: readonly MechanismFactory[]): string => some.map(({ name }) => name).join(" ");
  t.is(names(all.filter(({ plaintext }) => plaintext)), "PLAIN LOGIN XOAUTH2 OAUTHBEARER");
  t.is(names(all.filter(({ onRequest }) => onRequest)), "GSS-SPNEGO CRAM-MD5");
});
