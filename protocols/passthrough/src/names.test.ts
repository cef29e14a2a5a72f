import test from "ava";
import { testLeg } from "@postern/testing";
import { createNames } from "./names.ts";

const legs = new Map(["a", "b", "c", "d"].map((name, index) => [name, testLeg(1000 + index, { backend: name })]));
const found = (names: Record<string, readonly string[]>, host: string | undefined): readonly string[] | undefined =>
  createNames(names, legs)(host)?.map(({ backend }) => backend);

test("names: the name itself goes before a wildcard, the nearest wildcard before others, and all before *", (t) => {
  const names = { "mail.example.com": ["a"], "*.example.com": ["b", "a"], "*.com": ["c"], "*": ["d"] };
  t.deepEqual(found(names, "mail.example.com"), ["a"]);
  t.deepEqual(found(names, "web.example.com"), ["b", "a"]);
  t.deepEqual(found(names, "deep.web.example.com"), ["b", "a"]);
  t.deepEqual(found(names, "example.com"), ["c"]);
  t.deepEqual(found(names, "example.org"), ["d"]);
  t.deepEqual(found(names, undefined), ["d"]);
});

test("names: without * an unknown name, and none at all, lead nowhere", (t) => {
  t.is(found({ "mail.example.com": ["a"] }, "example.org"), undefined);
  t.is(found({ "mail.example.com": ["a"] }, undefined), undefined);
  t.is(found({ "mail.example.com": ["a"] }, "constructor"), undefined);
});
