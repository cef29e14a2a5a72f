import { buildAnswer } from "@postern/sasl";
import test from "ava";
import * as fc from "fast-check";
import { basicUser, bearerUser, tokenOf } from "./authorization.ts";
import { autodiscoverMailbox } from "./autodiscover.ts";
import { anchorMailbox, explicitLogon, mailboxId } from "./exchange.ts";
import { ntlmUser } from "./ntlm-user.ts";
import { base64, basic, bearer, requestOf } from "./test/request.ts";

const GUID = "0ba2c32c-9b2e-4a3c-9d4e-111122223333@example.com";
const anchor = (value: string) => anchorMailbox(requestOf("/ews", "x-anchormailbox", value));
const authorized = (value: string) => requestOf("/ews", "Authorization", value);

const ANCHORS: readonly (readonly [value: string, mailbox: string | undefined])[] = [
  ["alice@example.com", "alice@example.com"],
  [" alice@example.com ", "alice@example.com"],
  ["SMTP:alice@example.com", "alice@example.com"],
  ["smtp: alice@example.com", "alice@example.com"],
  ["UPN:alice@example.com", "alice@example.com"],
  [GUID, GUID],
  [`MbxGuid:${GUID}`, GUID],
  ["SID:S-1-5-21", undefined],
  ["OID:1@2", undefined],
  ["http://evil@example.com", undefined],
  ["alice", undefined],
  ["@example.com", undefined],
  ["alice@", undefined],
  ["\xc3\xa9va@example.com", "éva@example.com"],
  ["\xe9va@example.com", "éva@example.com"],
  ["alice\x7f@example.com", undefined],
  ["alice\x85@example.com", undefined],
  [`${"a".repeat(600)}@example.com`, undefined],
  ["", undefined],
];

for (const [value, mailbox] of ANCHORS)
  test(`hints: X-AnchorMailbox ${JSON.stringify(value.slice(0, 40))} is ${mailbox ?? "no mailbox"}`, (t) =>
    t.is(anchor(value), mailbox));

const TARGETS: readonly (readonly [target: string, id: string | undefined, logon: string | undefined])[] = [
  [`/mapi/emsmdb/?MailboxId=${GUID}`, GUID, undefined],
  [`/mapi/nspi/?a=b&mailboxid=${encodeURIComponent(GUID)}`, GUID, undefined],
  [`/mapi/emsmdb/?MailboxId=${GUID}&MailboxId=b@c`, undefined, undefined],
  ["/mapi/emsmdb/?useMailboxOfAuthenticatedUser=true", undefined, undefined],
  ["/mapi/emsmdb/?xMailboxId=a@b", undefined, undefined],
  ["/owa/alice@example.com/", undefined, "alice@example.com"],
  ["/owa/alice%40example.com", undefined, "alice@example.com"],
  ["/OWA/alice@example.com?x=a@b", undefined, "alice@example.com"],
  ["/owa/auth/logon.aspx?u=alice@example.com", undefined, undefined],
  ["/owa/a%0d%0a@example.com/", undefined, undefined],
  ["/owa/a%2Fb@example.com/", undefined, undefined],
  ["/owa/a%5Cb@example.com/", undefined, undefined],
  ["/owa/%E9@example.com/", undefined, undefined],
  ["/owa?/alice@example.com", undefined, undefined],
  ["/owa", undefined, undefined],
  ["*", undefined, undefined],
];

for (const [target, id, logon] of TARGETS)
  test(`hints: ${target} names ${id ?? logon ?? "nobody"}`, (t) => {
    t.is(mailboxId(requestOf(target)), id);
    t.is(explicitLogon(requestOf(target)), logon);
  });

const POX = (inner: string): string =>
  `<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>${inner}</Request></Autodiscover>`;

const BODIES: readonly (readonly [why: string, body: string, mailbox: string | undefined])[] = [
  ["Outlook's", POX("<EMailAddress>alice@example.com</EMailAddress>"), "alice@example.com"],
  [
    "one with a name of the directory",
    POX("<LegacyDN>/o=x/cn=bob</LegacyDN><EMailAddress>alice@example.com</EMailAddress>"),
    "alice@example.com",
  ],
  ["one with entities", POX("<EMailAddress>o&apos;hara&#64;example.com</EMailAddress>"), "o'hara@example.com"],
  [
    "SOAP's",
    '<s:Envelope xmlns:s="s"><s:Body><a:Mailbox>alice@example.com</a:Mailbox></s:Body></s:Envelope>',
    "alice@example.com",
  ],
  [
    "one with another address in a comment",
    POX("<!-- <EMailAddress>bob@example.com</EMailAddress> --><EMailAddress>alice@example.com</EMailAddress>"),
    "alice@example.com",
  ],
  [
    "one with an entity of its own",
    `<!DOCTYPE a [<!ENTITY e "x">]>${POX("<EMailAddress>&e;@example.com</EMailAddress>")}`,
    undefined,
  ],
  ["one with a line end in the address", POX("<EMailAddress>a&#10;b@example.com</EMailAddress>"), undefined],
  ["one without an address", POX("<EMailAddress>alice</EMailAddress>"), undefined],
  ["one that is too large", POX(`${" ".repeat(70_000)}<EMailAddress>alice@example.com</EMailAddress>`), undefined],
  ["an empty one", "", undefined],
];

for (const [why, body, mailbox] of BODIES)
  test(`hints: of the bodies of Autodiscover ${why} names ${mailbox ?? "nobody"}`, (t) =>
    t.is(autodiscoverMailbox(requestOf("/autodiscover/autodiscover.xml"), Buffer.from(body)), mailbox));

test("hints: Autodiscover in JSON names the user in its query, or in its path", (t) => {
  const json = (rest: string, body?: string) =>
    autodiscoverMailbox(requestOf(`/autodiscover/autodiscover.json${rest}`), body === undefined ? undefined : Buffer.from(body));
  t.is(json("?Email=alice%40example.com&Protocol=ActiveSync"), "alice@example.com");
  t.is(json("/v1.0/alice%40example.com?Protocol=Ews"), "alice@example.com");
  t.is(json("/v1.0/alice@example.com"), "alice@example.com");
  t.is(json("/v1.0/a%0D%0A@example.com"), undefined);
  t.is(json("/v1.0/x/alice@example.com"), undefined);
  t.is(json("?Email=alice&Protocol=Ews"), undefined);
  t.is(json("?Email=bob@example.com", POX("<EMailAddress>alice@example.com</EMailAddress>")), "alice@example.com");
});

const LOGINS: readonly (readonly [user: string, hint: string | undefined])[] = [
  ["alice", "alice"],
  ["alice@example.com", "alice@example.com"],
  ["EXAMPLE\\alice", "alice"],
  ["example.com\\alice", "alice@example.com"],
  ["EXAMPLE\\alice@example.org", "alice@example.org"],
  ["éva", "éva"],
  ["", undefined],
  ["EXAMPLE\\", undefined],
  ["al\nice", undefined],
];

for (const [user, hint] of LOGINS)
  test(`hints: Basic with ${JSON.stringify(user)} is ${hint ?? "nobody"}`, (t) => {
    t.is(basicUser(authorized(basic(user))), hint);
    t.is(basicUser(authorized(basic(user).replace("Basic", "bASIC "))), hint);
  });

test("hints: Basic in latin1, with a colon in the password, without one, and of another scheme", (t) => {
  t.is(basicUser(authorized(`Basic ${Buffer.from("\xe9va:x", "latin1").toString("base64")}`)), "éva");
  t.is(basicUser(authorized(basic("alice", "a:b"))), "alice");
  t.is(basicUser(authorized(`Basic ${base64("alice")}`)), undefined);
  t.is(basicUser(authorized(`Digest ${base64("alice:x")}`)), undefined);
  t.is(basicUser(authorized("Basic")), undefined);
  t.is(basicUser(requestOf("/")), undefined);
});

test("hints: of two logins in one request there is none", (t) => {
  t.is(basicUser(requestOf("/", "Authorization", basic("alice"), "authorization", basic("bob"))), undefined);
});

test("hints: a token that is too long is not looked into", (t) => {
  t.is(tokenOf(authorized(`Bearer ${"a".repeat(20_000)}`), "bearer"), undefined);
});

const CLAIMS: readonly (readonly [claims: unknown, user: string | undefined])[] = [
  [{ upn: "alice@example.com", sub: "1234" }, "alice@example.com"],
  [{ smtp: "a@example.com", upn: "b@example.com" }, "a@example.com"],
  [{ preferred_username: "alice", email: "b@example.com" }, "alice"],
  [{ upn: 5, email: "b@example.com" }, "b@example.com"],
  [{ sub: "alice@example.com" }, "alice@example.com"],
  [{ sub: "1234" }, undefined],
  [{ upn: "a\r\nb@example.com" }, undefined],
  [{ upn: ["a@example.com"] }, undefined],
  [{}, undefined],
  [null, undefined],
  ["alice@example.com", undefined],
  [["alice@example.com"], undefined],
];

for (const [claims, user] of CLAIMS)
  test(`hints: Bearer with ${JSON.stringify(claims)} is ${user ?? "nobody"}`, (t) =>
    t.is(bearerUser(authorized(bearer(claims))), user));

test("hints: Bearer tokens that are no JWT name nobody", (t) => {
  for (const token of ["opaque", "a.b", "a.b.c", "a.e30.c.d.e", "..", "a.bnVsbA.c"])
    t.is(bearerUser(authorized(`Bearer ${token}`)), undefined, token);
});

interface Names {
  readonly user: string;
  readonly domain?: string;
  readonly flags?: number;
  readonly type?: number;
}

/** NTLM's AUTHENTICATE with nothing in it but the names ([MS-NLMP] section 2.2.1.3). */
function authenticate({ user, domain = "", flags = 1, type = 3 }: Names): Buffer {
  const charset = (flags & 1) === 0 ? "latin1" : "utf16le";
  const names = [Buffer.from(domain, charset), Buffer.from(user, charset)] as const;
  const header = Buffer.alloc(64);
  header.write("NTLMSSP\0", "latin1");
  header.writeUInt32LE(type, 8);
  header.writeUInt32LE(flags, 60);
  let at = header.length;
  for (const [index, place] of [28, 36].entries()) {
    const length = names[index]?.length ?? 0;
    header.writeUInt16LE(length, place);
    header.writeUInt32LE(at, place + 4);
    at += length;
  }
  return Buffer.concat([header, ...names]);
}

const ntlm = (message: Buffer, scheme = "NTLM") => ntlmUser(authorized(`${scheme} ${base64(message)}`));

test("hints: NTLM's last message names its user, in UTF-16 and in OEM", (t) => {
  t.is(ntlm(authenticate({ user: "alice", domain: "EXAMPLE" })), "alice");
  t.is(ntlm(authenticate({ user: "éva", domain: "example.com" })), "éva@example.com");
  t.is(ntlm(authenticate({ user: "alice@example.com" })), "alice@example.com");
  t.is(ntlm(authenticate({ user: "alice", domain: "EXAMPLE", flags: 2 })), "alice");
});

test("hints: NTLM is found in Negotiate, bare and in SPNEGO", (t) => {
  const message = authenticate({ user: "alice" });
  t.is(ntlm(message, "Negotiate"), "alice");
  t.is(ntlm(buildAnswer({ state: "accept-incomplete", token: message }), "Negotiate"), "alice");
  t.is(ntlm(buildAnswer({ state: "accept-incomplete", token: Buffer.from("Kerberos") }), "Negotiate"), undefined);
  t.is(ntlm(Buffer.from("606606062b0601050502", "hex"), "Negotiate"), undefined);
});

test("hints: other messages of NTLM, anonymous ones and broken ones name nobody", (t) => {
  const whole = authenticate({ user: "alice", domain: "EXAMPLE" });
  t.is(ntlm(authenticate({ user: "alice", type: 1 })), undefined);
  t.is(ntlm(authenticate({ user: "" })), undefined);
  t.is(ntlm(authenticate({ user: "al\nice" })), undefined);
  for (let length = 0; length < whole.length; length += 1) t.is(ntlm(whole.subarray(0, length)), undefined, `${length} bytes`);
  const pointing = Buffer.from(whole);
  pointing.writeUInt32LE(0xffff_ffff, 40);
  t.is(ntlm(pointing), undefined);
  pointing.writeUInt32LE(0, 40);
  t.is(ntlm(pointing), undefined, "the header is no name");
});

test("hints: random tokens never throw, and what they name has no control characters", (t) => {
  const value = fc.tuple(
    fc.constantFrom("Basic", "Bearer", "NTLM", "Negotiate", "x"),
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => base64(Buffer.from(bytes))),
      fc
        .uint8Array({ maxLength: 120 })
        .map((bytes) => base64(Buffer.concat([authenticate({ user: "a" }).subarray(0, 28), bytes]))),
      fc.string(),
      fc.json().map((json) => `e30.${Buffer.from(json).toString("base64url")}.x`),
    ),
  );
  const property = fc.property(value, ([scheme, token]) =>
    [basicUser, bearerUser, ntlmUser].every((find) => {
      const user = find(authorized(`${scheme} ${token}`));
      return user === undefined || (user.length <= 512 && !/[\p{Cc}\u2028\u2029]/u.test(user));
    }),
  );
  t.notThrows(() => fc.assert(property, { numRuns: 3000 }));
});
