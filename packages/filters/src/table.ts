// The filters, by their names in the configuration. The order of the table is the order in which they are asked at every
// stage: what is cheap and certain first, what asks others later, then the sum of what all found, and last the greylist,
// which is for those whom nothing speaks against.

import type { ValueOf } from "@postern/contracts";
import { attachments } from "./attachments/index.ts";
import { clamav } from "./clamav.ts";
import { dnsLists } from "./dns-lists/index.ts";
import { earlyTalker } from "./early-talker.ts";
import { greylist } from "./greylist.ts";
import { hello } from "./hello.ts";
import { milters } from "./milters/index.ts";
import { rates } from "./rates.ts";
import { recipientCaps } from "./recipient-caps.ts";
import { reverseDns } from "./reverse-dns.ts";
import type { FilterRow } from "./row.ts";
import { rspamd } from "./rspamd.ts";
import { score } from "./score.ts";
import { senderAuthentication } from "./sender-authentication/index.ts";
import { senderDomain } from "./sender-domain.ts";

export const FILTERS = {
  earlyTalker,
  rates,
  recipientCaps,
  hello,
  reverseDns,
  dnsLists,
  senderDomain,
  senderAuthentication,
  attachments,
  clamav,
  rspamd,
  milters,
  score,
  greylist,
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
