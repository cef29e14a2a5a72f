import test from "ava";
import { recipientCaps } from "./recipient-caps.ts";
import { filterOf, recipientOf, testMail, testServices, testVisit, wordsOf } from "./test/scene.ts";

const next = recipientOf("next@postern.example");
const many = (count: number) => Array.from({ length: count }, (_, n) => recipientOf(`u${n}@postern.example`));

test("recipient caps: further recipients of one message are told to come later", async (t) => {
  const filter = filterOf(recipientCaps, testServices(), { perMessage: 3 });
  t.is(await filter.recipient?.(testMail({ recipients: many(2) }), next), undefined);
  t.is(
    wordsOf(await filter.recipient?.(testMail({ recipients: many(3) }), next)),
    "452 4.5.3 Too many recipients, send the others later",
  );
});

test("recipient caps: a bounce has one recipient", async (t) => {
  const filter = filterOf(recipientCaps, testServices());
  t.is(await filter.recipient?.(testMail({ from: "" }), next), undefined);
  const second = testMail({ from: "", recipients: many(1) });
  t.is(wordsOf(await filter.recipient?.(second, next)), "550 5.5.3 Too many recipients for a bounce");
  const lenient = filterOf(recipientCaps, testServices(), { nullSenderAction: "defer" });
  t.is(wordsOf(await lenient.recipient?.(second, next)), "452 4.5.3 Too many recipients for a bounce");
});

test("recipient caps: who guesses recipients is hung up on", async (t) => {
  const filter = filterOf(recipientCaps, testServices());
  t.is(await filter.recipient?.(testMail({ visit: testVisit({ refusedRecipients: 9 }) }), next), undefined);
  const guesser = testMail({ visit: testVisit({ refusedRecipients: 10 }) });
  t.is(wordsOf(await filter.recipient?.(guesser, next)), "421 4.7.0 Too many refused recipients (hang up)");
});

test("recipient caps: 0 is no limit, and relays of ours have none", async (t) => {
  const free = filterOf(recipientCaps, testServices(), { perMessage: 0, refused: 0, nullSender: 0 });
  const visit = testVisit({ refusedRecipients: 10_000 });
  t.is(await free.recipient?.(testMail({ visit, from: "", recipients: many(1000) }), next), undefined);
  const relay = testVisit({ trusted: true, refusedRecipients: 10_000 });
  const filter = filterOf(recipientCaps, testServices());
  t.is(await filter.recipient?.(testMail({ visit: relay, from: "", recipients: many(1000) }), next), undefined);
});
