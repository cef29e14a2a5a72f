import { Failure } from "@postern/contracts";
import { array, assert, base64String, constantFrom, oneof, property, string, tuple, uint8Array } from "fast-check";
import test from "ava";
import { MAX_AUTHORIZATION, parseAuthorization, SCHEMES } from "./authorization.ts";

const kindOf = (values: readonly string[]): string => {
  try {
    return `taken: ${parseAuthorization(values)?.scheme}`;
  } catch (error) {
    if (error instanceof Failure) return error.kind;
    throw error;
  }
};
const read = (value: string): readonly [string | undefined, string | undefined] => {
  const found = parseAuthorization([value]);
  return [found?.scheme, found?.data.toString("latin1")];
};

test("authorization: no header is no authorization", (t) => {
  t.is(parseAuthorization(undefined), undefined);
  t.is(parseAuthorization([]), undefined);
});

test("authorization: each scheme is read, in upper or lower case", (t) => {
  t.deepEqual(read("Basic YWxpY2U6czNjcmV0"), ["Basic", "alice:s3cret"]);
  t.deepEqual(read("basic YWxpY2U6czNjcmV0"), ["Basic", "alice:s3cret"]);
  t.deepEqual(read("BEARER mF_9.B5f-4.1JqM~+/=="), ["Bearer", "mF_9.B5f-4.1JqM~+/=="]);
  t.deepEqual(read("NTLM  TlRMTVNTUAAB"), ["NTLM", "NTLMSSP\0\x01"]);
  t.deepEqual(read("negotiate YA=="), ["Negotiate", "\x60"]);
});

test("authorization: a second header is refused, even the same again", (t) => {
  t.is(kindOf(["Basic YTpi", "Basic YTpi"]), "exchange-malformed");
  t.is(kindOf(["Basic YTpi", ""]), "exchange-malformed");
});

test("authorization: a scheme that there is not is an unknown mechanism", (t) => {
  for (const value of ["Digest username=x", "Basi YTpi", "Basics YTpi", "HOBA", "x-y!z abc"])
    t.is(kindOf([value]), "unknown-mechanism");
});

for (const value of [
  "",
  " ",
  " Basic YTpi",
  "Basic",
  "Basic ",
  "Basic\tYTpi",
  "Basic YTpi ",
  "Basic YTpi, Basic YTpi",
  "Basic YTpi,Bearer x",
  "Basic YT pi",
  "Basic YTpi\0",
  "Basic\0 YTpi",
  "Basic YTpi\r\nX: y",
  "Basic YTpi\n",
  "Basic YTp",
  "Basic Y",
  "Basic YTpi=",
  "Basic Y===",
  "Basic =",
  "Basic YT-_",
  "Basic realm=x",
  'Bearer realm="x"',
  "Bearer a=b",
  "Bearer =",
  "Bearer x y",
  "Bearer \u00e4",
  "NTLM TlRMTVNTUA.",
  "Negotiate",
  "Negotiate !",
  "B\u00e4sic YTpi",
  ":",
]) {
  test(`authorization: ${JSON.stringify(value)} is malformed`, (t) => t.is(kindOf([value]), "exchange-malformed"));
}

test("authorization: 64 KiB are too many, one byte less is not", (t) => {
  const long = (length: number): string => `Bearer ${"a".repeat(length - "Bearer ".length)}`;
  t.is(kindOf([long(MAX_AUTHORIZATION - 1)]), "taken: Bearer");
  t.is(kindOf([long(MAX_AUTHORIZATION)]), "exchange-malformed");
});

test("authorization: a failure never quotes the header", (t) => {
  for (const value of ["Basic s3cret!", "s3cret", "s3cret s3cret", "Bearer s3cret s3cret", "NTLM s3cret"]) {
    const error = t.throws(() => parseAuthorization([value]), { instanceOf: Failure }, value);
    t.notRegex(error?.message ?? "", /s3cret/);
  }
});

test("authorization: what a client encodes is read as it was", (t) => {
  assert(
    property(constantFrom("Basic", "NTLM", "Negotiate"), uint8Array({ minLength: 1 }), (scheme, bytes) => {
      const found = parseAuthorization([`${scheme} ${Buffer.from(bytes).toString("base64")}`]);
      t.deepEqual(found?.data, Buffer.from(bytes));
    }),
  );
});

test("authorization: anything else ends in a failure, and quickly", (t) => {
  const scheme = oneof(constantFrom(...SCHEMES, ...SCHEMES.map((name) => name.toLowerCase())), string());
  const value = oneof(
    string({ unit: "binary" }),
    tuple(scheme, constantFrom(" ", "  ", "\t", ""), oneof(string({ unit: "binary" }), base64String())).map((all) =>
      all.join(""),
    ),
  );
  assert(
    property(array(value, { maxLength: 3 }), (values) => {
      try {
        const found = parseAuthorization(values);
        t.is(found === undefined, values.length === 0);
      } catch (error) {
        t.true(error instanceof Failure && ["exchange-malformed", "unknown-mechanism"].includes(error.kind), String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
