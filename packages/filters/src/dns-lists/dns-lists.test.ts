import test from "ava";
import type { MailVisit } from "@postern/contracts";
import { filterOf, symbolsOf, testMail, testServices, testVisit, wordsOf, type DnsTable } from "../test/scene.ts";
import { dnsLists } from "./index.ts";
import { dnsListContradictions, type DnsListEntry, type DnsListSettings } from "./settings.ts";

const entry = (zone: string, rest: Partial<DnsListEntry> = {}): DnsListEntry => ({
  zone,
  name: undefined,
  kind: "block",
  score: 5,
  answers: [],
  of: "client",
  ...rest,
});

const CLIENT = "7.2.0.192";
const listed = { A: ["127.0.0.2"] };

interface Question {
  readonly visit?: MailVisit;
  readonly from?: string;
  readonly rest?: Partial<DnsListSettings>;
}

/** What a client is told that connects and names a sender; then the symbols of visit and message. */
async function brought(lists: readonly DnsListEntry[], table: DnsTable, question: Question = {}) {
  const services = testServices(table);
  const filter = filterOf(dnsLists, services, { lists, ...question.rest });
  const visit = question.visit ?? testVisit();
  const mail = testMail({ visit, ...(question.from !== undefined && { from: question.from }) });
  if ((await filter.connect?.(visit)) !== undefined) throw new Error("stopped before the sender");
  const answer = filter.sender?.(mail);
  await services.clock.advance(3000);
  return { words: wordsOf(await answer), symbols: [...symbolsOf(visit), ...symbolsOf(mail)], services, filter, visit };
}

test("DNS lists: a listed client is refused with the list's name and its words", async (t) => {
  const { words, symbols } = await brought([entry("zen.example")], {
    [`${CLIENT}.zen.example`]: { ...listed, TXT: ["See https://zen.example/192.0.2.7", "more"] },
  });
  t.is(words, "550 5.7.1 192.0.2.7 is listed by zen.example: See https://zen.example/192.0.2.7");
  t.deepEqual(symbols, ["DNSLIST_ZEN_EXAMPLE=5"]);
});

test("DNS lists: an IPv6 client is looked up digit by digit", async (t) => {
  const { services } = await brought([entry("zen.example")], {}, { visit: testVisit({ host: "2001:db8::7" }) });
  t.deepEqual(services.dns.asked, ["A 7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.zen.example"]);
});

test("DNS lists: who is not listed is let through", async (t) => {
  const { words, symbols } = await brought([entry("zen.example")], {});
  t.is(words, undefined);
  t.deepEqual(symbols, []);
});

test("DNS lists: scores add up, lists for those to allow take off, and thresholds decide", async (t) => {
  const lists = [
    entry("a.example", { score: 3 }),
    entry("b.example", { score: 4, name: "B" }),
    entry("good.example", { kind: "allow", score: 2 }),
  ];
  const table = { [`${CLIENT}.a.example`]: listed, [`${CLIENT}.b.example`]: listed };
  const both = await brought(lists, table);
  t.is(both.words, "550 5.7.1 192.0.2.7 is listed by b.example");
  t.deepEqual(both.symbols, ["DNSLIST_A_EXAMPLE=3", "DNSLIST_B=4"]);
  const allowed = { ...table, [`${CLIENT}.good.example`]: listed };
  t.is((await brought(lists, allowed, { rest: { refuseAt: 6 } })).words, undefined);
  t.is(
    (await brought(lists, allowed, { rest: { refuseAt: 6, deferAt: 5 } })).words,
    "450 4.7.1 192.0.2.7 is listed by b.example",
  );
  t.is((await brought(lists, table, { rest: { refuseAt: 0 } })).words, undefined);
});

test("DNS lists: hello and the sender's domain have lists of their own", async (t) => {
  const lists = [entry("hello.example", { of: "hello" }), entry("domain.example", { of: "senderDomain", score: 2 })];
  const { words, symbols, services } = await brought(lists, {
    "mail.sender.example.hello.example": listed,
    "sender.example.domain.example": listed,
  });
  t.is(words, "550 5.7.1 mail.sender.example is listed by hello.example");
  t.deepEqual(symbols, ["DNSLIST_HELLO_EXAMPLE=5", "DNSLIST_DOMAIN_EXAMPLE=2"]);
  t.false(services.dns.asked.some((question) => question.includes(CLIENT)));
});

test("DNS lists: a hello that is no name and a sender without a domain are not looked up", async (t) => {
  const lists = [entry("hello.example", { of: "hello" }), entry("domain.example", { of: "senderDomain" })];
  for (const hello of ["[192.0.2.7]", "192.0.2.7", "localhost", "a b", "x\r\ny.example", undefined]) {
    const { services } = await brought(lists, {}, { visit: testVisit({ hello }), from: "" });
    t.deepEqual(services.dns.asked, [], hello);
  }
});

test("DNS lists: only answers that match the patterns count", async (t) => {
  const lists = [
    entry("zen.example", {
      answers: [
        { address: "127.0.0.2", prefix: 32, family: "ipv4" },
        { address: "127.0.1.0", prefix: 24, family: "ipv4" },
      ],
    }),
  ];
  const withAnswer = async (...A: string[]): Promise<boolean> =>
    (await brought(lists, { [`${CLIENT}.zen.example`]: { A } })).words !== undefined;
  t.true(await withAnswer("127.0.0.2"));
  t.true(await withAnswer("127.0.0.9", "127.0.1.77"));
  t.false(await withAnswer("127.0.0.3"));
});

test("DNS lists: a list that answers outside 127.0.0.0/8 counts nothing, which the log says once in a while", async (t) => {
  const dead = { [`${CLIENT}.dead.example`]: { A: ["203.0.113.5"] } };
  const { words, symbols, services, filter } = await brought([entry("dead.example")], dead);
  t.is(words, undefined);
  t.deepEqual(symbols, []);
  await filter.sender?.(testMail());
  t.deepEqual(
    services.logger.records.map(({ level, fields }) => [level, fields]),
    [["warn", { zone: "dead.example", problem: "answers 203.0.113.5, which no list does" }]],
  );
  await services.clock.advance(600_000);
  await filter.sender?.(testMail());
  t.is(services.logger.records.length, 2);
});

test("DNS lists: a list that lists everything counts nothing", async (t) => {
  const table = { [`${CLIENT}.wild.example`]: listed, "1.0.0.127.wild.example": listed };
  const { words, services } = await brought([entry("wild.example")], table);
  t.is(words, undefined);
  t.deepEqual(
    services.logger.records.map(({ fields }) => fields),
    [{ zone: "wild.example", problem: "lists everything" }],
  );
  const names = { "mail.sender.example.names.example": listed, "invalid.names.example": listed };
  t.is((await brought([entry("names.example", { of: "hello" })], names)).words, undefined);
});

test("DNS lists: a list that does not serve us counts nothing", async (t) => {
  const { words, services } = await brought([entry("zen.example")], { [`${CLIENT}.zen.example`]: { A: ["127.255.255.254"] } });
  t.is(words, undefined);
  t.deepEqual(
    services.logger.records.map(({ fields }) => fields),
    [{ zone: "zen.example", problem: "does not serve us: it answers 127.255.255.254" }],
  );
});

test("DNS lists: a list that is down or silent is not waited for, and the others count", async (t) => {
  const { words, services } = await brought([entry("down.example"), entry("silent.example"), entry("zen.example")], {
    [`${CLIENT}.down.example`]: "down",
    [`${CLIENT}.silent.example`]: "silent",
    [`${CLIENT}.zen.example`]: listed,
  });
  t.is(words, "550 5.7.1 192.0.2.7 is listed by zen.example");
  t.is(services.clock.pending, 0);
  t.deepEqual(services.logger.messages("warn"), ["A DNS list is not used"]);
});

test("DNS lists: the list's words are made one printable line, and cut", async (t) => {
  const { words = "" } = await brought([entry("zen.example")], {
    [`${CLIENT}.zen.example`]: { ...listed, TXT: [`250 ok\r\n220 \u0000bücher\u2028${"x".repeat(5000)}`] },
  });
  t.regex(words, /^550 5\.7\.1 192\.0\.2\.7 is listed by zen\.example: 250 ok\?\?220 \?b\?cher\?x+\.\.\.$/);
  t.true(words.length < 280);
});

test("DNS lists: a visit is looked up once, and what a better hello proves wrong is taken back", async (t) => {
  const lists = [entry("zen.example", { score: 1 }), entry("hello.example", { of: "hello", score: 1 })];
  const table = { [`${CLIENT}.zen.example`]: listed, "mail.sender.example.hello.example": listed };
  const { filter, services, visit } = await brought(lists, table);
  const asked = services.dns.asked.filter((question) => question.includes(CLIENT)).length;
  t.deepEqual(symbolsOf(visit), ["DNSLIST_ZEN_EXAMPLE=1", "DNSLIST_HELLO_EXAMPLE=1"]);
  await filter.sender?.(testMail({ visit: Object.assign(visit, { hello: "good.sender.example" }) }));
  t.deepEqual(symbolsOf(visit), ["DNSLIST_ZEN_EXAMPLE=1"]);
  t.is(services.dns.asked.filter((question) => question.includes(CLIENT)).length, asked);
});

test("DNS lists: relays of ours and unix sockets are not looked up", async (t) => {
  for (const visit of [testVisit({ trusted: true }), testVisit({ host: "" })]) {
    const { services } = await brought([entry("zen.example")], {}, { visit });
    t.deepEqual(services.dns.asked, []);
  }
});

test("DNS lists: settings that cannot be meant are refused", (t) => {
  const problems = (rest: Partial<DnsListSettings>) =>
    dnsListContradictions({ on: true, lists: [entry("a.example")], refuseAt: 5, deferAt: 0, timeout: 3000, ...rest });
  t.deepEqual(problems({}), []);
  t.deepEqual(problems({ lists: [] }), [{ key: "lists", problem: "must name a list, or on must be false" }]);
  t.deepEqual(problems({ lists: [entry("a.example"), entry("A.example")] }), [
    { key: "lists", problem: "two of them are DNSLIST_A_EXAMPLE among findings: give one a name" },
  ]);
  const answers = [
    { address: "127.0.0.2", prefix: 32, family: "ipv4" },
    { address: "10.0.0.0", prefix: 8, family: "ipv4" },
  ] as const;
  t.deepEqual(problems({ lists: [entry("a.example", { answers })] }), [
    { key: "lists[0].answers", problem: "must be in 127.0.0.0/8, as all answers are, not 10.0.0.0" },
  ]);
  t.deepEqual(problems({ deferAt: 5 }), [{ key: "deferAt", problem: "must be below refuseAt (5), or 0 for never, not 5" }]);
});
