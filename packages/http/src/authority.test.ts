import * as fc from "fast-check";
import test from "ava";
import { LIMITS, orStatus } from "../test/messages.ts";
import { originForm, parseAuthority } from "./authority.ts";
import { parseRequestHead } from "./request-head.ts";

for (const [text, host, port] of [
  ["mail.example.com", "mail.example.com", undefined],
  ["MAIL.Example.COM:8443", "mail.example.com", 8443],
  ["mail.example.com.", "mail.example.com", undefined],
  ["mail.example.com.:443", "mail.example.com", 443],
  ["localhost", "localhost", undefined],
  ["a_b-c", "a_b-c", undefined],
  ["192.0.2.1:80", "192.0.2.1", 80],
  ["[::1]", "[::1]", undefined],
  ["[2001:DB8::1]:65535", "[2001:db8::1]", 65_535],
  ["[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]", 1],
] as const) {
  test(`authority: ${text} is read`, (t) => t.deepEqual(parseAuthority(text), { host, port }));
}

for (const text of [
  "",
  ".",
  ":80",
  "a:",
  "a:0",
  "a:65536",
  "a:000080",
  "a:+80",
  "a:80:80",
  "a:8o",
  "a b",
  " a",
  "a ",
  "a\t",
  "a\n",
  "a\r\nb",
  "a\0",
  "a..b",
  ".a",
  "a...",
  "user@a",
  "user:pass@a:80",
  "a/b",
  "a?b",
  "a#b",
  "a\\b",
  "a,b",
  "a;b",
  "a%2eb",
  "a%00",
  "a'b",
  'a"b',
  "<a>",
  "*",
  "\xe4",
  "\u212a",
  "::1",
  "[::1",
  "::1]",
  "[]",
  "[::1]x",
  "[::1%eth0]",
  "[::1%25eth0]",
  "[v1.a]",
  "[1.2.3.4]",
  "[::1]]",
  "http://a",
  "a".repeat(301),
]) {
  test(`authority: ${JSON.stringify(text.slice(0, 40))} of ${text.length} characters is none`, (t) =>
    t.is(parseAuthority(text), undefined));
}

test("authority: whatever is read is nothing but a host and a port", (t) => {
  const wild = fc.array(fc.oneof(fc.constantFrom("a", ".", ":", "80", "[", "]", "::", "@", "/", "%"), fc.string()), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(wild, (parts) => {
      const text = parts.join("");
      const found = parseAuthority(text);
      if (found === undefined) return;
      t.regex(found.host, /^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])$/);
      const [, rest = ""] = /^\.?(.*)$/.exec(text.slice(found.host.length)) ?? [];
      t.is(rest === "" ? undefined : Number(rest.slice(1)), found.port);
    }),
    { numRuns: 2000 },
  );
});

const asked = (line: string, ...fields: string[]): readonly string[] | number => {
  const lines = fields.map((field) => `${field}\r\n`).join("");
  const found = orStatus(() => originForm(parseRequestHead(`${line}\r\n${lines}`, LIMITS)));
  return typeof found === "number" ? found : [found.target, found.authority, found.host];
};

/** First line, fields, and what comes of them: target, authority and host, or a status. */
const REQUESTS: readonly (readonly [line: string, fields: readonly string[], expected: readonly string[] | number])[] = [
  ["GET /a?b HTTP/1.1", ["Host: A.example:8443"], ["/a?b", "A.example:8443", "a.example"]],
  ["GET / HTTP/1.0", [], ["/", "", ""]],
  ["GET / HTTP/1.0", ["host: a"], ["/", "a", "a"]],
  ["GET //b/c HTTP/1.1", ["Host: a"], ["//b/c", "a", "a"]],
  ["OPTIONS * HTTP/1.1", ["Host: a"], ["*", "a", "a"]],
  ["OPTIONS http://a HTTP/1.1", ["Host: a"], ["*", "a", "a"]],
  ["GET http://a/b?c HTTP/1.1", ["Host: a"], ["/b?c", "a", "a"]],
  ["GET HTTPS://A.example:443/b HTTP/1.1", ["Host: a.EXAMPLE"], ["/b", "A.example:443", "a.example"]],
  ["GET http://a:80/ HTTP/1.1", ["Host: a"], ["/", "a:80", "a"]],
  ["GET http://a HTTP/1.1", ["Host: a"], ["/", "a", "a"]],
  ["GET http://a?b HTTP/1.1", ["Host: a"], ["/?b", "a", "a"]],
  ["GET http://a/b HTTP/1.0", [], ["/b", "a", "a"]],
  // Host
  ["GET / HTTP/1.1", [], 400],
  ["GET / HTTP/1.1", ["Host: a", "Host: a"], 400],
  ["GET / HTTP/1.1", ["Host: a", "host: b"], 400],
  ["GET / HTTP/1.0", ["Host: a", "Host: b"], 400],
  ["GET / HTTP/1.1", ["Host:"], 400],
  ["GET / HTTP/1.0", ["Host:"], 400],
  ["GET / HTTP/1.1", ["Host: a, b"], 400],
  ["GET / HTTP/1.1", ["Host: a b"], 400],
  ["GET / HTTP/1.1", ["Host: user@a"], 400],
  ["GET / HTTP/1.1", ["Host: a/b"], 400],
  ["GET / HTTP/1.1", ["Host: http://a"], 400],
  // a host in two places
  ["GET http://a/ HTTP/1.1", ["Host: b"], 400],
  ["GET http://a/ HTTP/1.1", ["Host: a:81"], 400],
  ["GET https://a/ HTTP/1.1", ["Host: a:80"], 400],
  ["GET http://a/ HTTP/1.1", [], 400],
  ["GET http://a/ HTTP/1.1", ["Host:"], 400],
  ["GET http://a@b/ HTTP/1.1", ["Host: b"], 400],
  ["GET http:///b HTTP/1.1", ["Host: b"], 400],
  ["GET http://a\\@b/ HTTP/1.1", ["Host: b"], 400],
  // other forms
  ["GET * HTTP/1.1", ["Host: a"], 400],
  ["GET a HTTP/1.1", ["Host: a"], 400],
  ["GET a:80 HTTP/1.1", ["Host: a"], 400],
  ["GET ?a HTTP/1.1", ["Host: a"], 400],
  ["GET ftp://a/ HTTP/1.1", ["Host: a"], 400],
  ["GET http:/a HTTP/1.1", ["Host: a"], 400],
  ["GET http:a HTTP/1.1", ["Host: a"], 400],
  ["GET /a#b HTTP/1.1", ["Host: a"], 400],
  ["GET http://a/#b HTTP/1.1", ["Host: a"], 400],
  ["GET http://a#b HTTP/1.1", ["Host: a"], 400],
  ["CONNECT a:443 HTTP/1.1", ["Host: a:443"], 501],
  ["CONNECT / HTTP/1.1", ["Host: a"], 501],
];

for (const [line, fields, expected] of REQUESTS) {
  test(`origin form: ${line} with ${JSON.stringify(fields)}: ${JSON.stringify(expected)}`, (t) =>
    t.deepEqual(asked(line, ...fields), expected));
}
