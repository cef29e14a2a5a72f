import test from "ava";
import * as fc from "fast-check";
import { scramKeys } from "./scram-keys.ts";
import { saslprep } from "./saslprep.ts";

// RFC 4013 section 3, and the tables of RFC 3454.
for (const [given, expected] of [
  ["I\u00adX", "IX"],
  ["user", "user"],
  ["USER", "USER"],
  ["\u00aa", "a"],
  ["\u2168", "IX"],
  ["a\u00a0b\u3000c", "a b c"],
  ["a\u200bb\ufeffc", "abc"],
  ["e\u0301", "é"],
  ["pässword €", "pässword €"],
  ["🔑", "🔑"],
] as const) {
  test(`saslprep: ${JSON.stringify(given)} is ${JSON.stringify(expected)}`, (t) => t.is(saslprep(given), expected));
}

for (const given of [
  "",
  "\u00ad",
  "\x07",
  "a\r\nb",
  "a\0",
  "\x7f",
  "\ue000",
  "\ufdd0",
  "\ud800",
  "\u202ea",
  "\ufffd",
  "\u{e0041}",
]) {
  test(`saslprep: ${JSON.stringify(given)} is refused`, (t) => {
    t.throws(() => saslprep(given), { message: /^the password (is empty|has characters)/ });
  });
}

test("saslprep: what it gives it leaves alone the second time", (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (text) => {
      let once: string;
      try {
        once = saslprep(text);
      } catch {
        return t.pass();
      }
      return t.is(saslprep(once), once);
    }),
  );
});

test("scram keys: salt, iterations and hash all matter; the way a password is written does not", async (t) => {
  const salt = Buffer.from("salt");
  const base = await scramKeys("sha256", "p\u00e4ss", salt, 4096);
  t.deepEqual([base.salt, base.iterations, base.storedKey.length, base.serverKey.length], [salt, 4096, 32, 32]);
  t.deepEqual(await scramKeys("sha256", "pa\u0308ss", salt, 4096), base);
  for (const other of [
    await scramKeys("sha1", "päss", salt, 4096),
    await scramKeys("sha256", "päss", salt, 4097),
    await scramKeys("sha256", "päss", Buffer.from("sal"), 4096),
    await scramKeys("sha256", "pass", salt, 4096),
  ])
    t.notDeepEqual([other.storedKey, other.serverKey], [base.storedKey, base.serverKey]);
});

test("scram keys: a password that cannot be prepared is refused without being quoted", async (t) => {
  const error = await t.throwsAsync(scramKeys("sha1", "s3cret\0", Buffer.alloc(16), 4096));
  t.notRegex(error?.message ?? "", /s3cret/);
});
