import test from "ava";
import { passthroughContradictions, type Sections } from "./contradictions.ts";

const problems = (names: Record<string, readonly string[]>, sections: Sections = {}): readonly string[] =>
  passthroughContradictions({ names, helloTimeout: 1000, idle: 1000 }, sections).map(({ key, problem }) => `${key}: ${problem}`);

test("settings: names that clients can ask for, and backends with a leg, are fine", (t) => {
  const backends = { mbx1: { passthrough: {} } };
  t.deepEqual(problems({ "mail.example.com": ["mbx1"], "*.example.com": ["mbx1"], "*": ["mbx1"] }, { backends }), []);
  t.deepEqual(problems({}, { backends, listeners: [{ protocol: "imap" }] }), []);
});

test("settings: a listener that has no name to go by is told", (t) => {
  t.deepEqual(problems({}, { listeners: [undefined, { protocol: "passthrough" }] }), [
    "names: a listener speaks passthrough, but there is no name to go by; add one as in mail.example.com: mbx1",
  ]);
});

test("settings: what is no name, no backend, or one without a leg is told at its place", (t) => {
  const backends = { mbx1: { imap: {} }, mbx2: undefined };
  const host = 'must be a host name in small letters, *.DOMAIN for any name below it, or "*" for all others';
  t.deepEqual(problems({ "Mail.example.com": ["mbx2"], "a.*": ["mbx2"], "x.example.com": [] }, { backends }), [
    `names.Mail.example.com: ${host}`,
    `names.a.*: ${host}`,
    "names.x.example.com: names no backend; name one, or take it out",
  ]);
  t.deepEqual(problems({ "*": ["mbx1", "mbx3", "toString"] }, { backends }), [
    "names.*[0]: backends.mbx1 cannot be reached for passthrough; add passthrough: tcp://HOST[:PORT] to it",
    'names.*[1]: unknown backend "mbx3"; it must be one of backends',
    'names.*[2]: unknown backend "toString"; it must be one of backends',
  ]);
});
