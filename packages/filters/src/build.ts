// Builds the filters of a configuration, in the order of the table. Throws what a row throws, after closing what was built.

import type { Contradiction, MailFilter } from "@postern/contracts";
import type { FilterServices } from "./row.ts";
import type { FilterSettings } from "./settings.ts";
import { FILTER_NAMES, FILTER_ROWS, type FilterName, type FilterValues } from "./table.ts";

function build<N extends FilterName>(name: N, settings: FilterValues, services: FilterServices): MailFilter | undefined {
  return FILTER_ROWS[name].build(settings[name], services);
}

/** The filters that are switched on. Whoever asks them closes them. */
export function createFilters(settings: FilterSettings, services: FilterServices): readonly MailFilter[] {
  const filters: MailFilter[] = [];
  try {
    for (const name of FILTER_NAMES) filters.push(...[build(name, settings, services)].filter((filter) => filter !== undefined));
  } catch (error) {
    for (const filter of filters) filter.close?.();
    throw error;
  }
  return filters;
}

function contradictionsOf<N extends FilterName>(name: N, settings: FilterValues): readonly Contradiction[] {
  const found = FILTER_ROWS[name].contradictions?.(settings[name]) ?? [];
  return found.map(({ key, problem }) => ({ key: `${name}.${key}`, problem }));
}

/** What the tables alone cannot see. Empty when all is well. */
export const filterContradictions = (settings: FilterSettings): readonly Contradiction[] =>
  FILTER_NAMES.flatMap((name) => contradictionsOf(name, settings));
