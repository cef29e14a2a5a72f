import test from "ava";
import * as fc from "fast-check";
import { found, type Finding } from "@postern/contracts";
import { domainOf, hostName } from "./dns-name.ts";
import { judge, note, printable, takeBack } from "./judge.ts";
import { wordsOf } from "./test/scene.ts";

const FAULT = { symbol: "FAULT", detail: "7.1", text: "it is wrong" };

test("judge: a check does nothing, counts, defers or refuses", (t) => {
  const all = (["off", "score", "defer", "refuse"] as const).map((action) => {
    const findings: Finding[] = [];
    return [wordsOf(judge({ action, score: 3 }, findings, FAULT)), ...findings.map(({ score }) => score)];
  });
  t.deepEqual(all, [[undefined], [undefined, 3], ["450 4.7.1 it is wrong", 3], ["550 5.7.1 it is wrong", 3]]);
});

test("judge: a finding is there once, and can be taken back", (t) => {
  const findings: Finding[] = [];
  note(findings, found("A", 1, "first"));
  note(findings, found("B", 2, "other"));
  note(findings, found("A", 3, "again"));
  t.deepEqual(
    findings.map(({ score }) => score),
    [3, 2],
  );
  takeBack(findings, new Set(["A", "C"]));
  t.deepEqual(
    findings.map(({ symbol }) => symbol),
    ["B"],
  );
});

test("judge: any text of strangers becomes one short line of printable ASCII", (t) => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (text) => /^[ -~]{0,123}$/.test(printable(text))));
  t.is(printable("a\r\n550 b\u0000\u0085\u2028é\u{1f600}"), "a??550 b?????");
  t.is(printable("x".repeat(50), 10), `${"x".repeat(10)}...`);
});

test("judge: a host name holds nothing that a header field, a reply or a log could misread", (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      const name = hostName(text);
      return name === undefined || (/^[a-z0-9_.-]+$/.test(name) && name.length <= 253);
    }),
  );
  t.is(hostName("Mail.Example."), "mail.example");
  t.is(hostName("bücher.example"), "xn--bcher-kva.example");
  t.is(hostName("-a.example"), undefined);
});

test("judge: the domain of an address is behind its last @", (t) => {
  t.is(domainOf('"a@b"@Sender.Example'), "sender.example");
  t.is(domainOf("postmaster"), undefined);
  t.is(domainOf(""), undefined);
  t.is(domainOf("a@[192.0.2.1]"), undefined);
});
