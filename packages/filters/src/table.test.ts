import test from "ava";
import type { Parsed } from "@postern/contracts";
import { parseEndpoint } from "@postern/lookup";
import { createFilters, filterContradictions } from "./build.ts";
import { parseScannerAddress } from "./scanner-address.ts";
import { filterSettings } from "./settings.ts";
import { filterSuite } from "./suite.ts";
import { FILTER_NAMES } from "./table.ts";
import { defaultsOf, testServices } from "./test/scene.ts";

/** What a text of the configuration stands for. */
function read<T>(parsed: Parsed<T>): T {
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

/** What filters need beside `on`. */
const WORKING: Readonly<Record<string, object>> = {
  dnsLists: {
    lists: [{ zone: "list.example", name: undefined, kind: "block", score: 5, answers: [], of: "client" }],
  },
  clamav: { address: [read(parseScannerAddress("127.0.0.1:3310"))] },
  milters: {
    servers: [
      {
        address: read(parseScannerAddress("127.0.0.1:11332")),
        timeouts: { connect: 1000, command: 1000, content: 1000 },
        onFailure: "defer",
        discard: "refuse",
        atOnce: 1,
      },
    ],
  },
  rspamd: { url: [read(parseEndpoint("http://127.0.0.1:11333"))] },
};

for (const name of FILTER_NAMES) filterSuite(test, name, WORKING[name]);

test("filters: none is there unless it is switched on", (t) => {
  t.deepEqual(createFilters(defaultsOf(filterSettings), testServices()), []);
});

test("filters: those that are switched on come in the order of the table", (t) => {
  const settings = defaultsOf(filterSettings);
  const filters = createFilters(
    { ...settings, greylist: { ...settings.greylist, on: true }, earlyTalker: { ...settings.earlyTalker, on: true } },
    testServices(),
  );
  t.deepEqual(
    filters.map(({ name }) => name),
    ["earlyTalker", "greylist"],
  );
});

test("filters: contradictions are told by the key from the top", (t) => {
  const settings = defaultsOf(filterSettings);
  const wrong = { ...settings, score: { ...settings.score, refuseAt: 5, deferAt: 0, tagAt: 6 } };
  t.deepEqual(filterContradictions(wrong), [
    { key: "score.tagAt", problem: "must be below refuseAt (5), or 0 for never, not 6" },
  ]);
});

test("filters: items that are broken, and were told already, are passed by", (t) => {
  const settings = defaultsOf(filterSettings);
  const lists = { ...settings.dnsLists, on: true, lists: Array.from({ length: 2 }, () => undefined as never) };
  const servers = Array.from({ length: 2 }, () => undefined as never);
  t.deepEqual(filterContradictions({ ...settings, dnsLists: lists, milters: { servers } }), []);
});
