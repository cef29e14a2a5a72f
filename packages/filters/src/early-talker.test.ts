import test from "ava";
import { earlyTalker } from "./early-talker.ts";
import { filterOf, symbolsOf, testServices, testVisit, wordsOf } from "./test/scene.ts";

test("early talker: is refused and hung up on", async (t) => {
  const visit = testVisit({ spokeEarly: true });
  const answer = await filterOf(earlyTalker, testServices()).connect?.(visit);
  t.is(wordsOf(answer), "554 5.5.0 You must wait for the greeting (hang up)");
  t.deepEqual(symbolsOf(visit), ["EARLY_TALKER=5"]);
});

test("early talker: only counts, where the settings say so", async (t) => {
  const visit = testVisit({ spokeEarly: true });
  t.is(await filterOf(earlyTalker, testServices(), { action: "score", score: 7 }).connect?.(visit), undefined);
  t.deepEqual(symbolsOf(visit), ["EARLY_TALKER=7"]);
});

test("early talker: who waits, a relay of ours and a unix socket are left alone", async (t) => {
  const filter = filterOf(earlyTalker, testServices());
  for (const visit of [testVisit(), testVisit({ spokeEarly: true, trusted: true }), testVisit({ spokeEarly: true, host: "" })]) {
    t.is(await filter.connect?.(visit), undefined);
    t.deepEqual(visit.findings, []);
  }
});
