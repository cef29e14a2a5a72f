// The dry run: what it says of rules, recipients and the end, and that it asks nobody but the router.
/* oxlint-disable unicorn/no-thenable -- "then" is the word of the configuration; it holds a list, and nobody awaits it. */

import test from "ava";
import { Failure, type Leg, type Route } from "@postern/contracts";
import { parseHeader } from "@postern/message";
import { ruleOf, type LooseRule } from "../test/rule-of.ts";
import { MAIL } from "../test/scene.ts";
import { dryRun, type DryRun } from "./dry-run.ts";
import type { DryMessage } from "./scene.ts";

const MESSAGE: Omit<DryMessage, "header"> = {
  sender: "amy@example.net",
  recipients: ["bob@example.com"],
  client: "192.0.2.7",
  hello: undefined,
  size: 1000,
  score: 0,
  findings: [],
  now: 0,
};

const leg = (backend: string): Leg => ({ backend }) as Leg;

/** Users live where their first letter says; nobody knows "nobody". */
const router = {
  async find({ user }: { readonly user: string }): Promise<Route> {
    if (user.startsWith("nobody")) throw new Failure("unknown-user", "Nobody");
    const backend = user.includes("@voice.") ? "voice" : (user[0] ?? "");
    return { source: "table", why: user, legs: [leg(backend)], login: undefined };
  },
};
const backends = new Map([["junk", new Map([["smtp", leg("junk")]])]]);

function run(
  rules: readonly LooseRule[],
  { header = "Subject: x", ...told }: Partial<Omit<DryMessage, "header">> & { header?: string },
) {
  const message = { ...MESSAGE, ...told, header: parseHeader(Buffer.from(header.replaceAll(/^(.*)$/gm, "$1\r"))) };
  const mail = { ...MAIL, trusted: [{ address: "10.0.0.0", prefix: 8, family: "ipv4" } as const], strippedHeaders: ["X-Ours"] };
  return dryRun(message, { mail, rules: rules.map(ruleOf), router, backends, clientKey: (host) => host });
}

const ways = ({ recipients }: DryRun): readonly string[] =>
  recipients.map(({ address, backends, problem }) => `${address}: ${problem ?? backends.join()}`);

test("dry run: a recipient goes by its own address, by a rule's, or nowhere, and added ones go too", async (t) => {
  const rules = [
    { when: { kind: "voice", not: { recipient: "carl@example.com" } }, then: { routeAs: "{user}@voice.{domain}" } },
    { when: { kind: "voice" }, then: { addRecipient: "zoe@example.com" } },
    { when: { recipient: "hal@example.com" }, then: { refuse: "Not him" } },
  ];
  const recipients = ["bob@example.com", "carl@example.com", "hal@example.com", "nobody@example.com", "eve@example.net"];
  const result = await run(rules, { recipients, client: "10.0.0.1", header: "Message-Context: voice-message" });
  t.deepEqual(ways(result), [
    "bob@example.com: voice",
    "carl@example.com: c",
    "hal@example.com: 550 5.7.1 Not him",
    "nobody@example.com: unknown-user: Nobody",
    "eve@example.net: not-authorized: example.net is none of mail.domains",
    "zoe@example.com: z",
  ]);
  t.deepEqual([result.kind, result.trusted, result.refusal], ["voice", true, undefined]);
});

test("dry run: a message is not taken when a recipient cannot be found that a rule adds, or where a rule wants it", async (t) => {
  for (const then of [{ addRecipient: "nobody@example.com" }, { routeAs: "nobody@voice.{domain}" }]) {
    const { refusal } = await run([{ when: { header: { Subject: "*" } }, then }], {});
    t.is(refusal?.reply.code, 451);
  }
});

test("dry run: the kind is that of the message with the recipients that are left, as the rules see it", async (t) => {
  const rules = [{ when: { recipient: "bob@example.com" }, then: { refuse: "No" } }];
  t.is((await run(rules, { recipients: ["bob@example.com", "FAX=1@example.com"] })).kind, "fax");
});

test("dry run: a stranger's marks are taken out before the rules look, and told", async (t) => {
  const rules = [{ when: { kind: "voice" }, then: "report" }];
  const header = "X-Ours: yes\nContent-Class: voice\nContent-Class: voice\nSubject: x";
  const stranger = await run(rules, { header });
  t.deepEqual([stranger.kind, stranger.stripped], ["ordinary", ["x-ours", "content-class"]]);
  t.is(stranger.rules[0]?.outcome, "does not fit");
  const relay = await run(rules, { header, client: "10.0.0.1" });
  t.deepEqual([relay.kind, relay.stripped, relay.rules[0]?.outcome], ["voice", [], "fits"]);
});

test("dry run: a redirect takes all, and changes of the header are told in order", async (t) => {
  const rules = [
    { when: { score: 5 }, then: [{ tag: { header: "X-Spam", value: "yes" } }, { removeHeader: "X-Old" }, { redirect: "junk" }] },
    { when: { finding: "VIRUS" }, then: { refuse: "Virus" } },
  ];
  const result = await run(rules, { score: 6.5, recipients: ["bob@example.com", "carl@example.com"] });
  t.deepEqual(ways(result), ["bob@example.com: junk", "carl@example.com: junk"]);
  t.deepEqual(
    result.edits.map((edit) => edit.do),
    ["prepend", "remove"],
  );
  const refused = await run(rules, { findings: ["VIRUS"] });
  t.deepEqual(refused.refusal, { stage: "content", reply: { code: 550, status: "5.7.1", lines: ["Virus"] } });
});

test("dry run: rules behind the one that ends it are not reached", async (t) => {
  const rules = [
    { name: "a", when: { sender: "amy@example.net" }, then: { defer: "Later" } },
    { name: "b", when: { kind: "ordinary" }, then: "report" },
  ];
  const result = await run(rules, {});
  t.deepEqual([result.notReached, result.refusal?.stage, result.recipients], [["b"], "sender", []]);
});

test("dry run: without a recipient that is left there is no message", async (t) => {
  const result = await run([], { recipients: ["nobody@example.com"] });
  t.deepEqual(result.refusal, { stage: "recipient", reply: { code: 554, status: "5.5.1", lines: ["No recipient is left"] } });
});

test("dry run: rates count from nothing, and the clock stands at the time that is told", async (t) => {
  const rules = [
    { when: { time: { from: "22:00", to: "23:00" } }, then: { rate: { per: "rule", limit: 1, window: "1h" } } },
    { when: { time: { from: "22:00", to: "23:00" } }, then: { refuse: "Night" } },
  ];
  t.is((await run(rules, { now: Date.parse("2026-01-31T22:15:00Z") })).refusal?.reply.lines[0], "Night");
  t.is((await run(rules, { now: Date.parse("2026-01-31T23:15:00Z") })).refusal, undefined);
});
