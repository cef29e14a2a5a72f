import test from "ava";
import { found, type Finding } from "@postern/contracts";
import { score } from "./score.ts";
import { filterOf, headerOf, recipientOf, testMail, testServices, testVisit, wordsOf } from "./test/scene.ts";

const to = recipientOf("alice@postern.example");
const mailWith = (ofVisit: readonly Finding[], ofMail: readonly Finding[], trusted = false) =>
  testMail({ visit: testVisit({ findings: [...ofVisit], trusted }), findings: [...ofMail] });
const bad = (points: number) => found("BAD", points, "bad");

test("score: refuses at the sum of connection and message, at every stage that is asked", async (t) => {
  const filter = filterOf(score, testServices());
  const mail = mailWith([bad(10)], [found("WORSE", 5, "worse")]);
  const words = "550 5.7.1 This message looks like spam";
  t.is(wordsOf(await filter.recipient?.(mail, to)), words);
  t.is(wordsOf(await filter.header?.(mail, headerOf())), words);
  t.is(wordsOf(await filter.content?.(mail)), words);
  t.deepEqual(mail.edits, []);
});

test("score: what speaks for a message is taken off", async (t) => {
  const filter = filterOf(score, testServices());
  t.is(await filter.recipient?.(mailWith([bad(15)], [found("GOOD", -1, "good")]), to), undefined);
});

test("score: defers from its own threshold on, which 0 switches off", async (t) => {
  const filter = filterOf(score, testServices(), { deferAt: 8 });
  t.is(wordsOf(await filter.recipient?.(mailWith([bad(8)], []), to)), "451 4.7.1 This message is put off, come again later");
  const off = filterOf(score, testServices(), { refuseAt: 0, deferAt: 0, tagAt: 0 });
  const mail = mailWith([bad(100_000)], []);
  t.is(await off.recipient?.(mail, to), undefined);
  t.is(await off.header?.(mail, headerOf()), undefined);
  t.deepEqual(mail.edits, []);
});

test("score: tags from its threshold on, and says what counted", async (t) => {
  const mail = mailWith([found("DNSLIST_ZEN", 5, "listed")], [found("HALF", 1.255, "half"), found("NOTHING", 0, "nothing")]);
  t.is(await filterOf(score, testServices()).header?.(mail, headerOf()), undefined);
  t.deepEqual(mail.edits, [
    { do: "prepend", name: "X-Postern-Score", value: "6.26 (DNSLIST_ZEN=5, HALF=1.255)" },
    { do: "prepend", name: "X-Spam-Flag", value: "YES" },
  ]);
});

test("score: what is found at the end of the content is in the tags of a message that was held until then", async (t) => {
  const filter = filterOf(score, testServices());
  const mail = mailWith([bad(6)], []);
  await filter.header?.(mail, headerOf());
  mail.findings.push(found("RSPAMD", 3, "add header"));
  t.is(await filter.content?.(mail), undefined);
  t.deepEqual(mail.edits, [
    { do: "prepend", name: "X-Postern-Score", value: "9 (BAD=6, RSPAMD=3)" },
    { do: "prepend", name: "X-Spam-Flag", value: "YES" },
  ]);
});

test("score: what speaks for a message at its end takes its tags away, and nobody else's", async (t) => {
  const filter = filterOf(score, testServices());
  const mail = mailWith([bad(6)], []);
  await filter.header?.(mail, headerOf({ "X-Spam-Flag": "YES" }));
  mail.edits.push({ do: "prepend", name: "X-Spam-Flag", value: "by another" });
  mail.findings.push(found("DKIM_PASS", -1, "signed"));
  await filter.content?.(mail);
  t.deepEqual(mail.edits, [
    { do: "remove", name: "X-Spam-Flag" },
    { do: "prepend", name: "X-Spam-Flag", value: "by another" },
  ]);
});

test("score: takes out the tags of strangers, tagged or not", async (t) => {
  const mail = testMail();
  await filterOf(score, testServices()).header?.(mail, headerOf({ "x-spam-flag": "NO", "X-Postern-Score": "-100" }));
  t.deepEqual(mail.edits, [
    { do: "remove", name: "X-Spam-Flag" },
    { do: "remove", name: "X-Postern-Score" },
  ]);
});

test("score: symbols of other programs cannot break the header, nor fill it", async (t) => {
  const findings = Array.from({ length: 1000 }, (_, n) => found(`S${n}\r\nX-Evil: ü`, 1, "many"));
  const mail = mailWith([], findings);
  await filterOf(score, testServices(), { refuseAt: 0 }).header?.(mail, headerOf());
  const [edit] = mail.edits;
  const value = edit !== undefined && "value" in edit ? edit.value : "";
  t.regex(value, /^1000 \(S0__X-Evil___=1, [\w.=, -]+\)$/);
  t.true(value.length < 1000);
});

test("score: relays of ours are not judged, and keep their tags", async (t) => {
  const mail = mailWith([bad(100)], [], true);
  const filter = filterOf(score, testServices());
  t.is(await filter.recipient?.(mail, to), undefined);
  t.is(await filter.header?.(mail, headerOf({ "X-Spam-Flag": "YES" })), undefined);
  t.is(await filter.content?.(mail), undefined);
  t.deepEqual(mail.edits, []);
});
