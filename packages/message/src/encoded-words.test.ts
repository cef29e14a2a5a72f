import test from "ava";
import { wordsDecoded } from "./encoded-words.ts";

for (const [written, read] of [
  ["plain", "plain"],
  ["=?utf-8?Q?gr=C3=BCn?=", "grün"],
  ["=?UTF-8?b?Z3LDvG4=?=", "grün"],
  ["=?iso-8859-1?q?gr=FCn?=", "grün"],
  ["=?utf-8*de?q?gr=C3=BCn?=", "grün"],
  ["a =?utf-8?q?b?=  =?utf-8?q?c?= d", "a bc d"],
  ["=?utf-8?q?two_words?=", "two words"],
  ["inv=?us-ascii?q?oice?=", "invoice"],
  ["=?x-unknown?q?gr=FCn?=", "grün"],
  ["=?utf-8?q?open", "=?utf-8?q?open"],
  ["=??q?no charset?=", "=??q?no charset?="],
] as const) {
  test(`encoded words: ${written} is read as ${read}`, (t) => t.is(wordsDecoded(written), read));
}

test("encoded words: however many character sets are named, all are read", (t) => {
  const words = Array.from({ length: 100 }, (_, n) => `=?x-${n}?q?=41?=`);
  t.is(wordsDecoded(words.join(" ")), "A".repeat(100));
});
