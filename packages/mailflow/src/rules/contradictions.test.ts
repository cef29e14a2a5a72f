// What is wrong with rules that the table lets through, and what the table does not let through.
/* oxlint-disable unicorn/no-thenable -- "then" is the word of the configuration; it holds a list, and nobody awaits it. */

import test, { type ExecutionContext } from "ava";
import { ruleOf, type LooseRule } from "../test/rule-of.ts";
import { ruleContradictions } from "./contradictions.ts";

const mail = { domains: ["example.com", "*.example.org"] };

function told(
  t: ExecutionContext,
  rules: readonly LooseRule[],
  expected: readonly (readonly [key: string, problem: string])[],
): void {
  const found = ruleContradictions(rules.map(ruleOf), { mail });
  t.deepEqual(
    found.map(({ key, problem }) => [key, problem]),
    expected.map(([key, problem]) => [key, problem]),
  );
}

const report = "report";

test("contradictions: good rules have none", (t) => {
  told(
    t,
    [
      {
        name: "a",
        when: { sender: ["a@b.c", "d@e.f"], not: { sender: "a@b.c" } },
        then: [report, { tag: { header: "X", value: "y" } }, "accept"],
      },
      {
        name: "b",
        when: { kind: "voice", recipient: "*@example.com" },
        then: [{ routeAs: "{user}@voice.{domain}" }, { maxSize: "5MB" }],
      },
      { name: "c", when: { score: 5, not: { score: 10 } }, then: [{ addRecipient: "x@sub.example.org" }, { redirect: "junk" }] },
      {
        name: "d",
        when: { size: { over: "1MB", under: "2MB" }, time: { from: "22:00", to: "06:00" } },
        then: { refuse: "Not at night" },
      },
    ],
    [],
  );
});

test("contradictions: two rules of one name", (t) => {
  told(
    t,
    [
      { name: "a", then: report },
      { name: "b", then: report },
      { name: "a", then: report },
    ],
    [["[2].name", 'another rule is named "a"; give each its own name']],
  );
});

test("contradictions: conditions that never hold", (t) => {
  told(
    t,
    [
      { when: { size: { over: "2MB", under: "1MB" } }, then: report },
      { when: { size: { over: 10, under: 11 } }, then: report },
      { when: { size: {} }, then: report },
      { when: { time: { from: "08:00", to: "08:00" } }, then: report },
      { when: { sender: "a@b.c", not: { sender: ["d@e.f", "a@b.c"] } }, then: report },
      { when: { trusted: true, not: { trusted: true } }, then: report },
      { when: { score: 9, not: { score: 5 } }, then: report },
      { when: { not: { kind: ["voice", "fax", "missed-call", "ordinary"], size: {} } }, then: report },
      { when: { header: { "a b": "x", Subject: [] } }, then: report },
      { when: { client: "10.0.0.0/8", not: { client: "10.0.0.0/8" } }, then: report },
    ],
    [
      ["[0].when.size", "nothing is over 2MB and under 1MB; choose a larger under"],
      ["[1].when.size", "nothing is over 10B and under 11B; choose a larger under"],
      ["[2].when.size", "says neither over nor under; add one of them"],
      ["[3].when.time", "from and to are the same, which is no time at all; leave both out for the whole day"],
      ["[4].when.not.sender", "rules out all that when.sender names, so that the rule never fits"],
      ["[5].when.not.trusted", "rules out all that when.trusted names, so that the rule never fits"],
      ["[6].when.not.score", "rules out all that when.score names, so that the rule never fits"],
      ["[7].when.not.size", "says neither over nor under; add one of them"],
      ["[7].when.not.kind", "rules out every kind there is, so that the rule never fits"],
      ["[8].when.header.a b", "is no name of a header field"],
      ["[8].when.header.Subject", "has no value; write * for any"],
      ["[9].when.not.client", "rules out all that when.client names, so that the rule never fits"],
    ],
  );
});

test("contradictions: actions that are never done, or not alone", (t) => {
  told(
    t,
    [
      { then: [] },
      { then: [{}] },
      { then: [{ refuse: "No", do: "report" }] },
      { then: [{ defer: "Later" }, report] },
      { then: [report, "accept", { refuse: "No" }] },
    ],
    [
      ["[0].then", "the rule does nothing; add an action such as report"],
      ["[1].then[0]", "names no action; add one such as report"],
      ["[2].then[0]", "holds report and refuse; make a list with one action each, so that their order is plain"],
      ["[3].then[1]", "is never done, because the rule ends with defer; move it up, or take it out"],
      ["[4].then[2]", "is never done, because the rule ends with accept; move it up, or take it out"],
    ],
  );
});

test("contradictions: ways that lead out of our domains, or take other recipients along", (t) => {
  told(
    t,
    [
      { then: { addRecipient: ["a@example.com", "a@example.net"] } },
      { when: { recipient: "a@example.com" }, then: [report, { redirect: "mbx2" }] },
      { when: { not: { recipientDomain: "example.com" } }, then: { redirect: "mbx2" } },
      { then: { routeAs: "{user}@{domain}..x" } },
    ],
    [
      ["[0].then[0].addRecipient[1]", "example.net is none of mail.domains, so nothing may go there; add it there"],
      [
        "[1].then[1].redirect",
        "takes the whole message to mbx2, but the rule is about single recipients (recipient); use routeAs, or name the backend in routes",
      ],
      [
        "[2].then[0].redirect",
        "takes the whole message to mbx2, but the rule is about single recipients (recipientDomain); use routeAs, or name the backend in routes",
      ],
      ["[3].then[0].routeAs", '"x..x" is no domain; write {user}@voice.{domain}, or the like'],
    ],
  );
});

test("contradictions: what is broken is left to who has told it", (t) => {
  t.deepEqual(ruleContradictions([undefined, ruleOf({ then: { addRecipient: "a@example.net" } }, 1)], { mail: undefined }), []);
});

test("settings: what would be a second line, or take time without end, is refused", (t) => {
  const refused: readonly [rule: LooseRule, problem: RegExp][] = [
    [{ then: { refuse: "No\r\n250 Yes" } }, /refuse\.text must be one line/],
    [{ then: { refuse: "Nein, über" } }, /printable ASCII/],
    [{ then: { tag: { header: "X-A: y\r\nX-B", value: "1" } } }, /header must be one line/],
    [{ then: { tag: { header: "X-A", value: "a\nb" } } }, /value must be one line/],
    [{ then: { tag: { header: "X A", value: "a" } } }, /the name of a header field/],
    [{ then: { refuse: { text: "No", code: 250 } } }, /500 to 599/],
    [{ then: { refuse: { text: "No", status: "2.0.0" } } }, /such as 5\.7\.1/],
    [{ then: { routeAs: "{other}@example.com" } }, /\{user\} and \{domain\}/],
    [{ then: { routeAs: "no-address" } }, /must be an address/],
    [{ then: { addRecipient: "nobody" } }, /must be an address/],
    [{ then: "hold" }, /must be accept or report/],
    [{ when: { sender: "example.net" }, then: report }, /must be an address such as/],
    [{ when: { senderDomain: "*" }, then: report }, /every domain there is/],
    [{ when: { time: { from: "8:00" } }, then: report }, /must be a time such as "08:30"/],
    [{ when: { time: { to: "24:01" } }, then: report }, /must be a time/],
    [{ when: { time: { zone: "Mars/Base" } }, then: report }, /must be a time zone/],
    [{ when: { score: "high" }, then: report }, /must be a number/],
    [{ when: { kind: "video" }, then: report }, /must be voice, fax, missed-call|must be ordinary/],
    [{ name: "a\nb", then: report }, /name must be one line/],
    [{ when: { colour: "red" }, then: report }, /colour is unknown/],
  ];
  for (const [rule, problem] of refused) t.throws(() => ruleOf(rule, 0), { message: problem }, JSON.stringify(rule));
});
