import test from "ava";
import * as fc from "fast-check";
import { normaliseUser } from "./identity.ts";

const NAMES: Readonly<Record<string, string>> = {
  alice: "alice@example.com",
  "  Alice ": "alice@example.com",
  "ALICE@Example.ORG": "alice@example.org",
  "alice@": "alice@",
  "J\u00fcrgen": "j\u00fcrgen@example.com",
  "Ju\u0308rgen": "j\u00fcrgen@example.com",
  "a b": "a b@example.com",
};

for (const [name, user] of Object.entries(NAMES)) {
  test(`user name: ${JSON.stringify(name)} is looked up as ${JSON.stringify(user)}`, (t) =>
    t.is(normaliseUser(name, "Example.com"), user));
}

test("user name: without a default domain it stays as it is", (t) => {
  t.is(normaliseUser("Alice", undefined), "alice");
});

test("user name: nothing at all is no name", (t) => {
  for (const name of ["", " ", "\u00a0 \u3000"]) t.is(normaliseUser(name, "example.com"), undefined);
});

test("user name: a control character or line end is refused wherever it stands, at the ends too", (t) => {
  const forbidden = ["\r\n", "\n", "\r", "\t", "\0", "\v", "\f", "\u001b", "\u007f", "\u0085", "\u2028", "\u2029"];
  for (const bad of forbidden)
    for (const name of [`alice${bad}`, `${bad}alice`, `al${bad}ice`, bad])
      t.is(normaliseUser(name, undefined), undefined, JSON.stringify(name));
});

test("user name: has at most 512 characters, its domain included", (t) => {
  t.is(normaliseUser("a".repeat(512), undefined)?.length, 512);
  t.is(normaliseUser("a".repeat(513), undefined), undefined);
  t.is(normaliseUser("a".repeat(500), "example.com")?.length, 512);
  t.is(normaliseUser("a".repeat(501), "example.com"), undefined);
});

test("user name: what came out once comes out the same again, and never with a control character", (t) => {
  const names = fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), fc.string({ unit: "grapheme", maxLength: 40 }));
  fc.assert(
    fc.property(names, fc.option(fc.constant("example.com"), { nil: undefined }), (name, domain) => {
      const user = normaliseUser(name, domain);
      if (user === undefined) return;
      t.is(normaliseUser(user, domain), user);
      t.notRegex(user, /[\p{Cc}\u2028\u2029]/u);
    }),
    { numRuns: 2000 },
  );
});
