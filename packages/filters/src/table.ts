// The filters, by their names in the configuration. The order of the table is the order in which they are asked at every
// stage: what is cheap and certain first, what asks others later, and the sum of what all found last.

import type { ValueOf } from "@postern/contracts";
import type { FilterRow } from "./row.ts";
import { earlyTalker } from "./early-talker.ts";

export const FILTERS = {
  earlyTalker,
} as const satisfies Readonly<Record<string, FilterRow>>;

export type FilterName = keyof typeof FILTERS;

/** Each row's settings table, by the filter's name. */
export type FilterGroups = { readonly [N in FilterName]: (typeof FILTERS)[N]["settings"] };

/** What they yield. */
export type FilterValues = { readonly [N in FilterName]: ValueOf<FilterGroups[N]> };

/** The same table, row by row: what `build` takes is what the row's own settings yield. */
export const FILTER_ROWS: { readonly [N in FilterName]: FilterRow<FilterGroups[N]> } = FILTERS;

// The keys of a table that is written out here are all there is.
export const FILTER_NAMES = Object.keys(FILTERS) as readonly FilterName[];
