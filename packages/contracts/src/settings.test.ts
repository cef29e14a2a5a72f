// Builders of settings: what each parser takes, what it says of the rest, and the types of what comes out.

import test from "ava";
import * as fc from "fast-check";
import * as setting from "./settings.ts";
import { durationText, orList, sizeText } from "./settings.ts";
import type { Parsed, ValueOf } from "./settings.ts";

/** Each raw value with what it is read as, or with the problem as text in an Error's place. */
type Table = readonly (readonly [raw: unknown, read: unknown])[];
const no = (problem: string) => ({ problem });

function reads(title: string, parse: (raw: unknown) => Parsed<unknown>, table: Table): void {
  for (const [raw, expected] of table) {
    const isProblem = typeof expected === "object" && expected !== null && "problem" in expected;
    test(`${title}: ${JSON.stringify(raw)} is ${isProblem ? "refused" : `read as ${JSON.stringify(expected)}`}`, (t) => {
      t.deepEqual(parse(raw), isProblem ? (expected as Parsed<unknown>) : { value: expected });
    });
  }
}

const wrongDuration = (raw: string) => no(`must be a duration such as 500ms, 30s, 5min, 2h or 1d, not "${raw}"`);
reads("duration", setting.duration("How long.", { min: 500, max: 86_400_000 }).parse, [
  ["500ms", 500],
  ["30s", 30_000],
  ["5min", 300_000],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
  ["499ms", no("must be 500ms to 1d, not 499ms")],
  ["2d", no("must be 500ms to 1d, not 2d")],
  ["0s", no("must be 500ms to 1d, not 0s")],
  ["30", wrongDuration("30")],
  [30, wrongDuration("30")],
  ["1m", wrongDuration("1m")],
  ["-1s", wrongDuration("-1s")],
  ["1.5s", wrongDuration("1.5s")],
  [" 1s", wrongDuration(" 1s")],
  ["1s\n", wrongDuration("1s\n")],
  ["", wrongDuration("")],
]);

const wrongSize = (raw: string) => no(`must be a size such as 8192, 64kB or 10MB, not "${raw}"`);
reads("size", setting.size("How large.", { min: 512, max: 1024 ** 3 }).parse, [
  ["512B", 512],
  [8192, 8192],
  ["8192", 8192],
  ["64kB", 65_536],
  ["10MB", 10_485_760],
  ["1GB", 1_073_741_824],
  ["511B", no("must be 512B to 1GB, not 511B")],
  ["2GB", no("must be 512B to 1GB, not 2GB")],
  ["64KB", wrongSize("64KB")],
  ["64k", wrongSize("64k")],
  [1.5, wrongSize("1.5")],
  [true, wrongSize("true")],
]);

reads("integer", setting.integer("How many.", { min: 1, max: 10 }).parse, [
  [1, 1],
  ["10", 10],
  [0, no("must be 1 to 10, not 0")],
  [11, no("must be 1 to 10, not 11")],
  [1.5, no('must be a whole number, not "1.5"')],
  ["1e1", no('must be a whole number, not "1e1"')],
  ["", no('must be a whole number, not ""')],
  [Number.NaN, no('must be a whole number, not "NaN"')],
  [true, no('must be a whole number, not "true"')],
]);

reads("integer without a most", setting.integer("How many.", { min: 2 }).parse, [
  [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  [1, no("must be at least 2, not 1")],
]);

reads("boolean", setting.boolean("Whether.", { default: false }).parse, [
  [true, true],
  [false, false],
  ["true", no('must be true or false, not "true"')],
  [1, no('must be true or false, not "1"')],
]);

reads("text", setting.text("What.", { pattern: /^[a-z0-9]+$/, like: "small letters" }).parse, [
  ["abc", "abc"],
  [12, "12"],
  ["ABC", no('must be small letters, not "ABC"')],
  ["a\nb", no("must be one line")],
  ["a\0", no("must be one line")],
  [true, no('must be text, not "true"')],
]);

reads("choice", setting.choice("Which.", ["a", "b", "c"]).parse, [
  ["a", "a"],
  ["A", no('must be a, b or c, not "A"')],
  ["toString", no('must be a, b or c, not "toString"')],
  [null, no('must be a, b or c, not "null"')],
]);

test("path: is text of the type that is resolved", (t) => {
  t.is(setting.path("Where.").type, "path");
  t.deepEqual(setting.path("Where.").parse("tls/mail.pem"), { value: "tls/mail.pem" });
});

test("default and range: stand in the table as a person would write them", (t) => {
  t.like(setting.duration("x", { default: 90_000, min: 1000, max: 3_600_000 }), {
    shown: "90s",
    range: "1s to 1h",
    default: 90_000,
  });
  t.like(setting.size("x", { default: 65_536, min: 1024 }), { shown: "64kB", range: "at least 1kB" });
  t.like(setting.integer("x", { default: 0, max: 9 }), { shown: "0", range: "0 to 9" });
  t.false("range" in setting.integer("x", {}));
  t.false("default" in setting.text("x"));
});

test("duration text and size text: what is shown is read again as the same", (t) => {
  const { parse: duration } = setting.duration("x", {});
  const { parse: size } = setting.size("x", {});
  fc.assert(
    fc.property(fc.nat(), (n) => {
      t.deepEqual(duration(durationText(n)), { value: n });
      t.deepEqual(size(sizeText(n)), { value: n });
    }),
  );
  t.is(durationText(1_800_000), "30min");
  t.is(durationText(0), "0s");
  t.is(durationText(1500), "1500ms");
  t.is(sizeText(0), "0B");
});

test("or list: reads as a sentence", (t) => {
  t.deepEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(orList), ["", "a", "a or b", "a, b or c"]);
});

// Types: what is optional may be undefined, what has a default or is required may not. tsc checks these lines.
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(yes: Same<A, B>): true => yes as true;

const table = setting.group("All.", {
  needed: setting.text("x"),
  kept: setting.integer("x", { default: 1 }),
  maybe: setting.text("x", { optional: true }),
  kind: setting.choice("x", ["a", "b"]),
  names: setting.list("x", setting.text("x")),
  shares: setting.dict("x", "NAME", setting.integer("x", {})),
  inner: setting.group("x", { on: setting.boolean("x", { default: true }) }),
  extra: setting.group("x", { on: setting.boolean("x", { default: true }) }, { optional: true }),
  source: setting.tagged("x", "kind", {
    one: setting.group("x", { a: setting.text("x") }),
    two: setting.group("x", { b: setting.integer("x", {}) }),
  }),
});
type Value = ValueOf<typeof table>;

test("types: a value is undefined only where its setting is optional", (t) => {
  t.true(same<Value["needed"], string>(true));
  t.true(same<Value["kept"], number>(true));
  t.true(same<Value["maybe"], string | undefined>(true));
  t.true(same<Value["kind"], "a" | "b">(true));
  t.true(same<Value["names"], readonly string[]>(true));
  t.true(same<Value["shares"], Readonly<Record<string, number>>>(true));
  t.true(same<Value["inner"], { readonly on: boolean }>(true));
  t.true(same<Value["extra"], { readonly on: boolean } | undefined>(true));
  t.true(same<Value["source"]["kind"], "one" | "two">(true));
  t.true(same<Extract<Value["source"], { kind: "one" }>["a"], string>(true));
});
