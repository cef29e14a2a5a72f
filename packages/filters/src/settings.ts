// Settings of `filters`: the DNS that they ask, and one group a filter, as the table has them.

import { setting, type ValueOf } from "@postern/contracts";
import { dnsSettings } from "./dns-settings.ts";
import { FILTER_NAMES, FILTERS, type FilterGroups } from "./table.ts";

// Object.fromEntries forgets which key has which group.
const groups = Object.fromEntries(FILTER_NAMES.map((name) => [name, FILTERS[name].settings])) as FilterGroups;

export const filterSettings = setting.group(
  "Edge defences against strangers who bring mail. They are asked in the order of this table; what they find counts points, which score and rules look at.",
  { dns: dnsSettings, ...groups },
);

export type FilterSettings = ValueOf<typeof filterSettings>;
