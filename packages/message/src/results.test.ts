import test from "ava";
import * as fc from "fast-check";
import { applyEdits } from "./edits.ts";
import { parseHeader } from "./header.ts";
import { authenticationResults, removeForgedResults } from "./results.ts";

const US = "mx.example.com";

function left(header: string, id = US): string {
  const parsed = parseHeader(Buffer.from(header));
  return String(applyEdits(parsed, removeForgedResults(parsed, id)));
}

const FORGED = [
  "mx.example.com; spf=pass smtp.mailfrom=a@b.example",
  "MX.Example.COM; spf=pass",
  "mx.example.com 1; spf=pass",
  "mx.example.com;none",
  "mx.example.com",
  "mx.example.com. ; spf=pass",
  '"mx.example.com"; spf=pass',
  '"mx\\.example.com" 1; spf=pass',
  '" mx.example.com "; spf=pass',
  "(a comment) mx.example.com; spf=pass",
  "(a (nested) \\) comment) mx.example.com (b) 1 (c); spf=pass",
  "\r\n mx.example.com\r\n ; spf=pass",
  "mx.example.com(x); spf=pass",
  "mx\u00ad.example.com; spf=pass",
  // Nobody can tell who wrote these.
  "; spf=pass",
  "",
  "spf=pass smtp.mailfrom=b.example; dkim=pass",
  "(never closed mx.example.com; spf=pass",
  '"never closed mx.example.com; spf=pass',
  "\\mx.example.com; spf=pass",
];

for (const value of FORGED) {
  test(`results in our name are removed: ${JSON.stringify(value)}`, (t) => {
    t.is(left(`A: 1\r\nAuthentication-Results: ${value}\r\nB: 2\r\n`), "A: 1\r\nB: 2\r\n");
    t.is(left(`authentication-results :${value}\r\n`), "");
  });
}

const OTHERS = [
  "Authentication-Results: mx.example.org; spf=pass",
  "Authentication-Results: example.com; spf=pass",
  "Authentication-Results: not-mx.example.com; spf=pass",
  "Authentication-Results: mx.example.org; spf=pass (mx.example.com; spf=fail)",
  'Authentication-Results: "mx.example.com;x"; spf=pass',
  "ARC-Authentication-Results: i=1; mx.example.com; spf=pass",
  "X-Authentication-Results: mx.example.com; spf=pass",
];

for (const field of OTHERS) {
  test(`results of others stay: ${field}`, (t) => t.is(left(`${field}\r\n`), `${field}\r\n`));
}

test("a name of ours beyond US-ASCII is known by its A-label, and the other way round", (t) => {
  t.is(left("Authentication-Results: mx.xn--bcher-kva.example; spf=pass\r\n", "mx.bücher.example"), "");
  t.is(left("Authentication-Results: mx.bücher.example; spf=pass\r\n", "mx.xn--bcher-kva.example"), "");
});

test("of many results only ours are removed, however many and however long", (t) => {
  const ours = `Authentication-Results: (${"(".repeat(50_000)}x\r\n${"Authentication-Results: mx.example.com; spf=pass\r\n".repeat(5000)}`;
  const other = `Authentication-Results: ${"ü".repeat(50_000)}; spf=pass\r\n`;
  t.is(left(ours + other + ours), other);
});

test("a field with results begins with our name", (t) => {
  t.deepEqual(authenticationResults(US, []), { name: "Authentication-Results", value: "mx.example.com; none" });
  t.is(
    authenticationResults(US, ["spf=pass smtp.mailfrom=a@b.example", "dkim=none"]).value,
    "mx.example.com; spf=pass smtp.mailfrom=a@b.example; dkim=none",
  );
  t.is(authenticationResults('our "mx"', []).value, '"our \\"mx\\""; none');
});

/** One result with foreign text in it, and how it is written. */
const RESULTS: readonly (readonly [string, string])[] = [
  ["spf=pass (a; b) x=y", "spf=pass (a; b) x=y"],
  ['spf=pass reason="a;b" x=y', 'spf=pass reason="a;b" x=y'],
  ["spf=fail x=a;dkim=pass", "spf=fail x=a_dkim=pass"],
  ["spf=fail (a", "spf=fail _a"],
  ["spf=fail a)", "spf=fail a_"],
  ['spf=fail "a', "spf=fail _a"],
  ["spf=fail \\(a", "spf=fail __a"],
  ["spf=fail\r\nBcc: x", "spf=fail Bcc: x"],
];

for (const [result, written] of RESULTS) {
  test(`the result ${JSON.stringify(result)} is written as ${JSON.stringify(written)}`, (t) => {
    t.is(authenticationResults(US, [result, "dkim=none"]).value, `${US}; ${written}; dkim=none`);
  });
}

test("as many results are written as there are, whatever foreign text they hold", (t) => {
  const foreign = fc
    .array(fc.oneof(fc.constantFrom(";", '"', "\\", "(", ")", "\r\n", "dkim=pass"), fc.string()))
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.array(foreign, { minLength: 1, maxLength: 4 }), (results) => {
      const { value } = authenticationResults(
        US,
        results.map((text) => `spf=none ${text}`),
      );
      let bare = value.replace(/"(?:[^"\\]|\\.)*"(?![^(]*\))/g, "");
      for (let before = ""; before !== bare;) {
        before = bare;
        bare = bare.replace(/\((?:[^()\\]|\\.)*\)/g, "");
      }
      t.notRegex(value, /[\r\n\0]/);
      t.is(bare.split(";").length, results.length + 1, value);
    }),
  );
});
