// What every filter of the table must do, as tests: it has settings with defaults, by which it is not there; switched on it has
// the name of its row, and closes twice without harm.

import type { TestFn } from "ava";
import type { setting } from "@postern/contracts";
import { FILTER_ROWS, type FilterName, type FilterValues } from "./table.ts";
import { testServices, valuesOf, type RowOf } from "./test/scene.ts";

const UNITS = new Set(["duration", "size", "integer"]);

function* scalarsOf(of: setting.Setting<unknown>, key: string): Generator<readonly [key: string, of: setting.Scalar<unknown>]> {
  if (of.kind === "scalar") yield [key, of];
  else if (of.kind === "group") for (const [name, field] of Object.entries(of.fields)) yield* scalarsOf(field, `${key}.${name}`);
  else if (of.kind === "tagged") for (const [name, one] of Object.entries(of.variants)) yield* scalarsOf(one, `${key}.${name}`);
  else yield* scalarsOf(of.of, key);
}

/** `working`: the settings beside `on` that it needs to be built, or that switch it on. */
export function filterSuite<N extends FilterName>(test: TestFn, name: N, working: object = {}): void {
  const row: RowOf<FilterValues[N]> = FILTER_ROWS[name];

  test(`${name}: is named and described as all are`, (t) => {
    t.regex(name, /^[a-z]+(?:[A-Z][a-z]+)*$/);
    for (const [key, { doc, type, range }] of scalarsOf(row.settings, name)) {
      t.regex(doc, /^[A-Z]/, key);
      if (UNITS.has(type)) t.truthy(range, `${key} has a range`);
    }
  });

  test(`${name}: is switched off by default, and then not there`, (t) => {
    const settings = valuesOf(row);
    t.false("on" in settings && settings.on);
    t.is(row.build(settings, testServices()), undefined);
    t.deepEqual(row.contradictions?.(settings) ?? [], []);
  });

  test(`${name}: switched on, it bears its name and closes twice without harm`, (t) => {
    const settings = valuesOf(row, { on: true, ...working });
    const filter = row.build(settings, testServices());
    t.is(filter?.name, name);
    t.deepEqual(row.contradictions?.(settings) ?? [], []);
    filter?.close?.();
    t.notThrows(() => filter?.close?.());
  });
}
