import { assert, anything, dictionary, property, string } from "fast-check";
import test from "ava";
import { Failure, Secret } from "@postern/contracts";
import { cleanFields, cleanText } from "./redact.ts";

test("redact: line ends, terminal controls and direction marks become visible escapes", (t) => {
  t.is(cleanText("alice\r\n2026 error forged"), String.raw`alice\x0d\x0a2026 error forged`);
  t.is(cleanText("\u001b[2J\u009b31m\u007f"), String.raw`\x1b[2J\x9b31m\x7f`);
  t.is(cleanText("a\u2028b\u202ec\ud800d"), String.raw`a\u2028b\u202ec\ud800d`);
  t.is(cleanText("Zoë 日本 🙂"), "Zoë 日本 🙂");
});

test("redact: long values are cut, and the rest is counted", (t) => {
  t.is(cleanText("x".repeat(1500)), `${"x".repeat(1000)}… (500 more characters)`);
  t.true(JSON.stringify(cleanFields({ list: Array.from({ length: 10_000 }, () => "x") })).length < 1000);
});

test("redact: secrets are masked by their type", (t) => {
  t.deepEqual({ ...cleanFields({ value: new Secret("hunter2") }) }, { value: "***" });
  t.false(JSON.stringify(cleanFields({ deep: { list: [new Secret("hunter2")] } })).includes("hunter2"));
});

test("redact: secrets are masked by the name of their field, however deep", (t) => {
  for (const name of [
    "pass",
    "userPass",
    "password",
    "PASSWD",
    "client_secret",
    "accessToken",
    "Authorization",
    "set-cookie",
    "passphrase",
  ]) {
    t.false(JSON.stringify(cleanFields({ [name]: "hunter2", deep: { [name]: { inner: "hunter2" } } })).includes("hunter2"), name);
  }
});

test("redact: ordinary names are not masked", (t) => {
  const fields = { user: "alice", bytesIn: 1, mechanism: "PLAIN", session: "x", backend: "mbx1", attempts: 2 };
  t.deepEqual({ ...cleanFields(fields) }, fields);
});

test("redact: bytes are counted, never shown", (t) => {
  t.deepEqual({ ...cleanFields({ data: Buffer.from("hunter2") }) }, { data: "<7 bytes>" });
});

test("redact: a failure is told by kind and reason, another error by its stack on one line", (t) => {
  const { failure, error } = cleanFields({
    failure: new Failure("source-down", "no route to host"),
    error: new TypeError("x is not a function"),
  });
  t.is(failure, "source-down: no route to host");
  t.regex(error as string, /^TypeError: x is not a function \| at .*redact\.test\.ts/);
});

test("redact: fields that are undefined are left out, and odd values have a text", (t) => {
  const odd = {
    none: undefined,
    nan: Number.NaN,
    big: 10n,
    when: new Date(0),
    call: () => 1,
    map: new Map([["name", "x"]]),
    nil: null,
  };
  t.is(
    JSON.stringify(cleanFields(odd)),
    '{"nan":"NaN","big":"10","when":"1970-01-01T00:00:00.000Z","call":"<function>","map":{"name":"x"},"nil":null}',
  );
});

test("redact: a value that holds itself comes to an end", (t) => {
  const loop: Record<string, unknown> = { name: "loop" };
  loop["self"] = loop;
  t.true(JSON.stringify(cleanFields(loop)).length < 500);
});

test("redact: whatever the fields are, the result is plain and on one line", (t) => {
  assert(
    property(dictionary(string({ unit: "binary" }), anything()), (fields) => {
      const line = JSON.stringify(cleanFields(fields));
      t.notRegex(line, /[\p{Cc}\u2028\u2029\u202e]/u);
    }),
  );
});
