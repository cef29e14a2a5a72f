import test from "ava";
import * as fc from "fast-check";
import { BerReader, boolean, element, headerAt, integer, octets, SEQUENCE } from "./ber.ts";
import { escapeDn, parseDnTemplate } from "./dn.ts";
import { parseLdapUrl } from "./endpoint.ts";
import { parseFilter } from "./filter.ts";
import { message, parseResponse, request } from "./messages.ts";
import { namesOf } from "./template.ts";
import { entry, result, TAGS } from "./test/helpers.ts";

const hex = (bytes: Buffer | undefined): string | undefined => bytes?.toString("hex");
const filter = (text: string, user = "alice@example.com"): Buffer | undefined => parseFilter(text)(namesOf(user));

test("BER: lengths and numbers have their shortest form, and are read back", (t) => {
  t.is(hex(integer(0)), "020100");
  t.is(hex(integer(127)), "02017f");
  t.is(hex(integer(128)), "02020080");
  t.is(hex(integer(2 ** 31 - 1)), "02047fffffff");
  t.is(hex(boolean(true)), "0101ff");
  t.is(hex(octets(Buffer.alloc(128)))?.slice(0, 6), "048180");
  t.is(hex(octets(Buffer.alloc(256)))?.slice(0, 8), "04820100");
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), fc.uint8Array({ maxLength: 400 }), (number, bytes) => {
      const reader = new BerReader(element(SEQUENCE, integer(number), octets(Buffer.from(bytes)))).inside(SEQUENCE);
      return reader.takeInteger() === number && reader.take(0x04).equals(Buffer.from(bytes)) && reader.atEnd;
    }),
  );
});

test("BER: a length is never believed beyond the bytes that are there", (t) => {
  for (const bytes of [
    "0405616263",
    "0484ffffffff61",
    "04847fffffff",
    "0480",
    "04850000000001",
    "04",
    "02",
    "0200",
    "0205ffffffffff",
  ]) {
    const reader = new BerReader(Buffer.from(bytes, "hex"));
    t.throws(() => (bytes.startsWith("02") ? reader.takeInteger() : reader.take(0x04)), { message: /^BER: / }, bytes);
  }
  t.throws(() => new BerReader(Buffer.from("0201ff", "hex")).takeInteger(), { message: /negative/ });
  t.throws(() => headerAt(Buffer.from("3085", "hex"), 0), { message: /a length that LDAP does not have/ });
  t.is(headerAt(Buffer.from("308201", "hex"), 0), undefined);
});

test("LDAP: any bytes are a response or an error, and end soon", (t) => {
  const valid = [
    result({ id: 1, tag: TAGS.bind }, 0),
    result({ id: 2, tag: TAGS.search }, 4, "text"),
    entry({ id: 3 }, "uid=a", { mail: ["a@example.com", "b"], cn: [] }),
  ];
  const mutated = fc
    .tuple(fc.constantFrom(...valid), fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }), fc.nat(80))
    .map(([bytes, changes, cut]) => {
      const copy = Buffer.from(bytes.subarray(0, Math.max(1, bytes.length - (cut % 7))));
      for (const [at, byte] of changes) copy[at % copy.length] = byte;
      return copy;
    });
  fc.assert(
    fc.property(
      fc.oneof(
        mutated,
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      ),
      (bytes) => {
        try {
          const response = parseResponse(bytes);
          return ["bind", "search", "compare", "extended", "entry", "reference"].includes(response.kind);
        } catch (error) {
          return error instanceof Error && /^(BER|LDAP): /.test(error.message);
        }
      },
    ),
    { numRuns: 3000 },
  );
  t.pass();
});

test("LDAP: a response that is cut anywhere is no success", (t) => {
  const bytes = result({ id: 7, tag: TAGS.bind }, 0);
  t.deepEqual(parseResponse(bytes), { id: 7, kind: "bind", result: { code: 0, text: "" } });
  for (let length = 0; length < bytes.length; length += 1) t.throws(() => parseResponse(bytes.subarray(0, length)));
  const without = message(7, element(0x61));
  t.throws(() => parseResponse(without), { message: /^BER: an element is cut short/ });
});

test("LDAP: a password goes as its bytes", (t) => {
  const bytes = Buffer.from([0x00, 0xff, 0x80, 0x0a]);
  t.is(hex(request.bind("cn=a", bytes)), "600f0201030404636e3d61800400ff800a");
});

test("LDAP filter: is encoded as RFC 4511 says", (t) => {
  t.is(hex(filter("(mail={user})", "a@b.c")), "a30d04046d61696c04056140622e63");
  t.is(hex(filter("mail={user}", "a@b.c")), hex(filter("(mail={user})", "a@b.c")));
  t.is(hex(filter("(&(a=1)(!(b=2)))")), "a012a306040161040131a208a306040162040132");
  t.is(hex(filter("(|(a>=1)(b<=2)(c~=3))")), "a118a506040161040131a606040162040132a806040163040133");
  t.is(hex(filter("(a=*)")), "870161");
  t.is(hex(filter("(a=x*y*z)")), "a40e040161300980017881017982017a");
  t.is(hex(filter("(a=*y)")), "a4080401613003820179");
  t.is(
    hex(filter("(cn:dn:2.5.13.2:=x)")),
    hex(element(0xa9, octets("2.5.13.2", 0x81), octets("cn", 0x82), octets("x", 0x83), boolean(true, 0x84))),
  );
  t.is(hex(filter("(o=\\28\\c3\\a9\\29)")), hex(filter("(o={user})", "(é)")));
});

test("LDAP filter: whatever the name, it stays one value", (t) => {
  const name = fc.oneof(
    fc.string({ minLength: 1, unit: "grapheme" }),
    fc.constantFrom("*)(uid=*", "*", "\\2a", "a)(|(x=*", "{user}", "\0"),
  );
  fc.assert(
    fc.property(name, (user) => {
      const reader = new BerReader(filter("(&(objectClass=person)(mail={user}))", user) ?? Buffer.alloc(0)).inside(0xa0);
      reader.take(0xa3);
      const comparison = reader.inside(0xa3);
      const whole = comparison.take(0x04).toString() === "mail" && comparison.take(0x04).equals(Buffer.from(user, "utf8"));
      return whole && comparison.atEnd && reader.atEnd;
    }),
  );
  t.pass();
});

test("LDAP filter: needs each part of the name that it has a place for", (t) => {
  t.is(filter("(&(uid={local})(o={domain}))", "alice"), undefined);
  t.is(filter("(|(uid={local})(cn=x))", "@example.com"), undefined);
  t.is(hex(filter("(uid={local})", "alice@example.com")), hex(filter("(uid=alice)")));
  t.is(hex(filter("(mail={local}@*)", "a@b")), hex(filter("(mail=a@*)")));
});

test("LDAP filter: what is malformed is refused with words", (t) => {
  const bad = {
    "": /no comparison/,
    "(": /no comparison/,
    "(a=1": /a "\)" is missing/,
    "(a=1))": /something follows/,
    "(&)": /needs a filter/,
    "(!(a=1)(b=2))": /needs a filter/,
    "(a)": /no comparison/,
    "(=x)": /no comparison/,
    "(a=\\2)": /backslash/,
    "(a=**)": /only stars/,
    "(a>=*)": /a star/,
    "(a={mail})": /none of \{user\}/,
    "(:=x)": /without attribute and rule/,
  };
  for (const [text, words] of Object.entries(bad)) t.throws(() => parseFilter(text), { message: words }, text);
  t.throws(() => parseFilter(`${"(!".repeat(5000)}(a=1)${")".repeat(5000)}`), { message: /nested/ });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(fc.constantFrom("(", ")", "&", "|", "!", "a", "=", "*", ":", "\\", "{user}")).map((all) => all.join("")),
      ),
      (text) => {
        try {
          return typeof parseFilter(text) === "function";
        } catch (error) {
          return error instanceof Error && error.message !== "" && error.constructor === Error;
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test("LDAP name: whatever the user's name, it stays one attribute value", (t) => {
  const dn = parseDnTemplate("uid={local},ou={domain},dc=example");
  t.is(dn(namesOf("alice@b.c")), "uid=alice,ou=b.c,dc=example");
  t.is(dn(namesOf('a,ou=x+y="\\@b')), "uid=a\\2cou\\3dx\\2by\\3d\\22\\5c,ou=b,dc=example");
  t.is(dn(namesOf("alice")), undefined);
  t.is(escapeDn(" #é\0"), "\\20\\23\\c3\\a9\\00");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (name) => /^(?:[A-Za-z0-9@._-]|\\[0-9a-f]{2})*$/.test(escapeDn(name))));
});

test("LDAP URL: host, port and socket are taken, and nothing more", (t) => {
  const value = (text: string): unknown => {
    const parsed = parseLdapUrl(text);
    return "value" in parsed
      ? [parsed.value.secure, parsed.value.host, parsed.value.port, parsed.value.socketPath]
      : parsed.problem;
  };
  t.deepEqual(value("ldap://dir.example.com"), [false, "dir.example.com", 389, undefined]);
  t.deepEqual(value("ldaps://dir.example.com/"), [true, "dir.example.com", 636, undefined]);
  t.deepEqual(value("LDAP://[2001:db8::1]:3890"), [false, "2001:db8::1", 3890, undefined]);
  t.deepEqual(value("ldapi://%2Frun%2Fslapd%2Fldapi"), [false, "", 0, "/run/slapd/ldapi"]);
  for (const bad of [
    "ldap://",
    "ldap://a:0",
    "ldap://a:99999",
    "ldap://u:p@a",
    "ldap://a/dc=x",
    "ldap://a?b",
    "http://a",
    "a",
    "ldap://[1]",
    "ldapi://run",
    "ldapi://%zz",
  ])
    t.regex(String(value(bad)), /^must be ldap:/, bad);
});
