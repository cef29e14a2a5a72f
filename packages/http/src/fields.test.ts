import * as fc from "fast-check";
import test from "ava";
import { allOf, firstOf, hasField, listOf, withoutFields } from "./fields.ts";
import { hopByHop, trailerFields } from "./hop-by-hop.ts";
import { lowerName, tokenName } from "./names.ts";

const FIELDS = ["Host", "a", "X-One", "1", "x-one", "2", "Cookie", "c", "X-ONE", "3"];

test("fields: a name is found in any case of letters, and whole", (t) => {
  t.is(firstOf(FIELDS, "x-one"), "1");
  t.is(firstOf(FIELDS, "host"), "a");
  for (const name of ["x-on", "x-one-", "a", "1", ""]) t.is(firstOf(FIELDS, name), undefined, name);
  t.deepEqual(allOf(FIELDS, "x-one"), ["1", "2", "3"]);
  t.deepEqual(allOf(FIELDS, "y"), []);
  t.true(hasField(FIELDS, "cookie"));
  t.true(hasField(["Empty", ""], "empty"));
  t.false(hasField(FIELDS, "c"));
});

test("fields: a list is read over all its lines, without what is empty", (t) => {
  const fields = ["Connection", "Keep-Alive ,\tUpgrade", "X", "y", "connection", ",, close,", "CONNECTION", ""];
  t.deepEqual(listOf(fields, "connection"), ["keep-alive", "upgrade", "close"]);
  t.deepEqual(listOf(fields, "y"), []);
});

test("fields: only spaces and tabs stand around a list's members", (t) => {
  t.deepEqual(listOf(["Connection", "close\xa0, \x85x"], "connection"), ["close\xa0", "\x85x"]);
});

test("fields: what is dropped is asked in small letters; the rest stays as it was", (t) => {
  t.deepEqual(
    withoutFields(FIELDS, (lower) => lower === "x-one"),
    ["Host", "a", "Cookie", "c"],
  );
  t.deepEqual(
    withoutFields(FIELDS, () => false),
    FIELDS,
  );
  t.deepEqual(
    withoutFields([], () => true),
    [],
  );
});

test("names: what is no token has no name, and is lowered none the less", (t) => {
  for (const name of ["", " ", "a b", "a:", "a\r\n", "\xc4", "\u212a", "a\0"]) {
    t.is(tokenName(name), undefined, JSON.stringify(name));
    t.is(lowerName(name), name.toLowerCase());
  }
});

test("names: any number of different names is lowered right", (t) => {
  for (let turn = 0; turn < 2; turn += 1) {
    for (let number = 0; number < 5000; number += 1) {
      t.is(lowerName(`X-Name-${number}`), `x-name-${number}`);
    }
  }
  t.is(tokenName(`A${"b".repeat(100)}`), `A${"b".repeat(100)}`);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (name) => lowerName(name) === name.toLowerCase()));
});

const dropped = (fields: readonly string[]): string[] => {
  const hop = hopByHop(fields);
  return withoutFields(fields, (lower) => !hop.has(lower)).filter((_, index) => index % 2 === 0);
};

test("hop by hop: the fields of the hop end here, in any case of letters", (t) => {
  const names = ["connection", "Keep-Alive", "PROXY-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer"];
  const more = ["Transfer-Encoding", "Upgrade", "HTTP2-Settings"];
  const fields = [...names, ...more, "Host", "Content-Length", "Cookie"].flatMap((name) => [name, "x"]);
  t.deepEqual(dropped(fields), [...names, ...more]);
});

test("hop by hop: what Connection names ends here too, over all its lines", (t) => {
  const fields = ["Connection", "close, Foo", "connection", "BAR", "foo", "1", "Bar", "2", "Baz", "3", "Close", "4"];
  t.deepEqual(dropped(fields), ["Connection", "connection", "foo", "Bar"]);
  t.deepEqual(dropped(["Connection", "keep-alive", "Connection", "Foo", "Foo", "1"]), ["Connection", "Connection", "Foo"]);
});

test("hop by hop: Connection cannot drop what belongs to the message", (t) => {
  const names = ["Host", "Authorization", "Cookie", "Set-Cookie", "WWW-Authenticate", "Content-Length", "Content-Type", "Range"];
  const more = [
    "X-Forwarded-For",
    "Forwarded",
    "X-AnchorMailbox",
    "X-Remote-User",
    "Expect",
    "If-Match",
    "Cache-Control",
    "Origin",
  ];
  for (const name of [...names, ...more]) {
    t.deepEqual(dropped(["Connection", name, name, "x"]), ["Connection"], name);
    t.deepEqual(dropped(["Connection", `close, ${name.toUpperCase()}`, name, "x"]), ["Connection"], name);
  }
});

test("hop by hop: it is one shared set where nothing special is named", (t) => {
  const shared = hopByHop([]);
  for (const value of ["keep-alive", "Keep-Alive", "close", "Upgrade", "upgrade, HTTP2-Settings", "TE", "Cookie", ""]) {
    t.is(hopByHop(["Connection", value]), shared, value);
  }
  t.not(hopByHop(["Connection", "Foo"]), shared);
  t.false(hopByHop([]).has("foo"));
});

test("trailers: what the head alone can say is dropped", (t) => {
  const fields = ["X-Sum", "1", "HOST", "2", "Grpc-Status", "0", "content-length", "3", "Content-MD5", "4"];
  t.deepEqual(trailerFields(fields), ["X-Sum", "1", "Grpc-Status", "0", "Content-MD5", "4"]);
});
