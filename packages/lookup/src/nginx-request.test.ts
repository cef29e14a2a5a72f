import test from "ava";
import * as fc from "fast-check";
import { Secret } from "@postern/contracts";
import type { Credentials } from "@postern/contracts";
import { testPassword, testQuery, testSession, testTls } from "@postern/testing";
import { openSslCipherName } from "./cipher-name.ts";
import { nginxEscape, nginxHeaders } from "./nginx-request.ts";
import type { EnvelopeQuery } from "./nginx-request.ts";

const headers = (asked: EnvelopeQuery, passClientCertificate = false) => nginxHeaders(asked, { passClientCertificate });

test("nginx request: a login by password, header by header, in nginx's order", (t) => {
  const asked = testQuery("alice@example.com", testPassword("Alice", "p w%"), { session: testSession({ attempts: 3 }) });
  t.deepEqual(Object.entries(headers(asked)), [
    ["Auth-Method", "plain"],
    ["Auth-User", "Alice"],
    ["Auth-Pass", "p%20w%25"],
    ["Auth-Protocol", "imap"],
    ["Auth-Login-Attempt", "3"],
    ["Client-IP", "192.0.2.7"],
  ]);
});

test("nginx request: whom the gateway has checked itself goes by the user's name, not by that of a ticket or a domain", (t) => {
  const ticket = {
    kind: "proven",
    mechanism: "GSSAPI",
    authcid: "bob@EXAMPLE.COM",
    authzid: "",
    user: "bob@corp.example",
  } as const;
  const { "Auth-Method": method, "Auth-User": user } = headers(
    testQuery("bob@corp.example", { ...ticket, secret: new Secret("") }),
  );
  t.deepEqual([method, user], ["external", "bob@corp.example"]);
});

test("nginx request: escapes bytes up to 20, percent and DEL, and nothing else", (t) => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const expected = [...bytes].map((b) =>
    b <= 0x20 || b === 0x25 || b === 0x7f ? `%${b.toString(16).toUpperCase().padStart(2, "0")}` : String.fromCharCode(b),
  );
  t.is(nginxEscape(bytes), expected.join(""));
  t.is(nginxEscape("jörg"), Buffer.from("jörg").toString("latin1"));
});

test("nginx request: no name, password, challenge or address can break out of its header", (t) => {
  const value = fc.oneof(fc.string(), fc.constantFrom("a\r\nAuth-Status: OK", "\n", "\0", "a\rb", "\u2028", "a\x7f"));
  fc.assert(
    fc.property(value, value, value, value, (user, secret, salt, from) => {
      const credentials: Credentials = {
        kind: "digest",
        mechanism: "CRAM-MD5",
        authcid: user,
        authzid: "",
        secret: new Secret(secret),
        salt,
      };
      const visit = testSession({
        client: { host: from, port: 1 },
        tls: testTls({
          version: from,
          cipher: from,
          clientCertificate: { verify: from, subject: from, issuer: from, serial: from, fingerprint: from, pem: from },
        }),
      });
      const login = headers({ ...testQuery("x", credentials), session: visit }, true);
      const open = headers({ ...testQuery("x"), session: visit, envelope: { helo: from, from, to: from } });
      // eslint-disable-next-line no-control-regex -- what node:http and HTTP itself allow in a value
      return [...Object.values(login), ...Object.values(open)].every((v) => /^[\x20-\x7e\x80-\xff]*$/.test(v));
    }),
  );
  t.pass();
});

test("nginx request: every mechanism has nginx's word, a digest its challenge, and a token goes as the password", (t) => {
  const method = (credentials: Credentials | undefined, protocol = "imap") => {
    const h = headers(testQuery("u", credentials, { protocol }));
    return [h["Auth-Method"], h["Auth-Pass"], h["Auth-Salt"], h["Auth-Protocol"]];
  };
  const digest = (mechanism: string): Credentials => ({
    kind: "digest",
    mechanism,
    authcid: "u",
    authzid: "",
    secret: new Secret("d1"),
    salt: "<1.2@mail.example.com>\r\n",
  });
  const token = (mechanism: string): Credentials => ({
    kind: "token",
    mechanism,
    authcid: "u",
    authzid: "",
    secret: new Secret("tok"),
  });
  t.deepEqual(method(testPassword("u", "s", { mechanism: "LOGIN" })), ["plain", "s", undefined, "imap"]);
  t.deepEqual(method(digest("CRAM-MD5")), ["cram-md5", "d1", "<1.2@mail.example.com>", "imap"]);
  t.deepEqual(method(digest("APOP"), "pop3"), ["apop", "d1", "<1.2@mail.example.com>", "pop3"]);
  t.deepEqual(method(token("XOAUTH2")), ["xoauth2", "tok", undefined, "imap"]);
  t.deepEqual(method(token("OAUTHBEARER"), "submission"), ["oauthbearer", "tok", undefined, "smtp"]);
  t.deepEqual(method(testPassword("u", "", { mechanism: "EXTERNAL" })), ["external", "", undefined, "imap"]);
  t.deepEqual(method(undefined), ["none", "", undefined, "imap"]);
});

test("nginx request: nothing secret is sent of an exchange that the gateway has checked, or that the backend will", (t) => {
  const named = { mechanism: "SCRAM-SHA-256", authcid: "u", authzid: "", secret: new Secret("n,,n=u,r=s3cret") };
  const answer = (): Promise<Buffer> => Promise.resolve(Buffer.alloc(0));
  t.like(headers(testQuery("u", { ...named, kind: "live", answer })), {
    "Auth-Method": "none",
    "Auth-User": "u",
    "Auth-Pass": "",
  });
  t.like(headers(testQuery("u", { ...named, kind: "proven", user: "u" })), {
    "Auth-Method": "external",
    "Auth-User": "u",
    "Auth-Pass": "",
  });
});

test("nginx request: Proxy-Protocol headers come only with a PROXY header", (t) => {
  const direct = headers(testQuery("u", testPassword("u", "s")));
  t.false(Object.keys(direct).some((name) => name.startsWith("Proxy-Protocol")));
  const behind = testSession({
    peer: { host: "10.0.0.1", port: 40_000 },
    client: { host: "2001:db8::9", port: 50_000 },
    local: { host: "2001:db8::1", port: 993 },
  });
  const h = headers(testQuery("u", testPassword("u", "s"), { session: behind }));
  t.like(h, {
    "Client-IP": "2001:db8::9",
    "Proxy-Protocol-Addr": "2001:db8::9",
    "Proxy-Protocol-Port": "50000",
    "Proxy-Protocol-Server-Addr": "2001:db8::1",
    "Proxy-Protocol-Server-Port": "993",
  });
});

test("nginx request: an envelope goes only with a query that has no credentials", (t) => {
  const envelope = { helo: "client.example.org", from: "MAIL FROM: <>", to: "RCPT TO: <postmaster@mail.example.com>" };
  const open = headers({ ...testQuery("", undefined, { protocol: "smtp" }), envelope });
  t.like(open, {
    "Auth-Method": "none",
    "Auth-User": "",
    "Auth-Pass": "",
    "Client-Host": "[UNAVAILABLE]",
    "Auth-SMTP-Helo": "client.example.org",
    "Auth-SMTP-From": "MAIL FROM: <>",
    "Auth-SMTP-To": "RCPT TO: <postmaster@mail.example.com>",
  });
  const login = headers({ ...testQuery("u", testPassword("u", "s"), { protocol: "smtp" }), envelope });
  t.false(Object.keys(login).some((name) => name.startsWith("Auth-SMTP")));
});

test("nginx request: the client's certificate goes as PEM only when the setting says so", (t) => {
  const clientCertificate = {
    verify: "SUCCESS",
    subject: "CN=alice",
    issuer: "CN=CA",
    serial: "0A",
    fingerprint: "ab12",
    pem: "-----BEGIN CERTIFICATE-----\r\nAA==\r\n-----END CERTIFICATE-----",
  };
  const asked = testQuery("u", testPassword("u", "s"), { session: testSession({ tls: testTls({ clientCertificate }) }) });
  t.like(headers(asked), { "Auth-SSL": "on", "Auth-SSL-Verify": "SUCCESS", "Auth-SSL-Cert": undefined });
  t.is(headers(asked, true)["Auth-SSL-Cert"], "-----BEGIN%20CERTIFICATE-----%0AAA==%0A-----END%20CERTIFICATE-----%0A");
});

test("cipher name: OpenSSL's names of the suites in use", (t) => {
  const pairs = {
    TLS_AES_256_GCM_SHA384: "TLS_AES_256_GCM_SHA384",
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
    TLS_DHE_RSA_WITH_AES_256_CBC_SHA256: "DHE-RSA-AES256-SHA256",
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: "ECDHE-RSA-AES256-SHA",
    TLS_RSA_WITH_AES_128_GCM_SHA256: "AES128-GCM-SHA256",
    TLS_RSA_WITH_AES_128_CBC_SHA: "AES128-SHA",
    TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8: "ECDHE-ECDSA-AES128-CCM8",
    TLS_DHE_RSA_WITH_AES_256_CCM: "DHE-RSA-AES256-CCM",
    "(NONE)": "(NONE)",
  };
  for (const [iana, openssl] of Object.entries(pairs)) t.is(openSslCipherName(iana), openssl);
});
