import test, { type ExecutionContext } from "ava";
import { hello } from "./hello.ts";
import { filterOf, symbolsOf, testMail, testServices, testVisit, wordsOf, type DnsTable } from "./test/scene.ts";

const DNS: DnsTable = {
  "mail.sender.example": { A: ["192.0.2.7"] },
  "six.sender.example": { AAAA: ["2001:db8::7"] },
  "exchanger.sender.example": { MX: [{ exchange: "mail.sender.example", priority: 10 }] },
  "lost.sender.example": "down",
};

/** What the client is told, and the symbols. */
async function said(
  name: string,
  rest: Parameters<typeof testVisit>[0] = {},
): Promise<readonly [string | undefined, ...string[]]> {
  const visit = testVisit({ hello: name, ...rest });
  const answer = await filterOf(hello, testServices(DNS)).hello?.(visit);
  return [wordsOf(answer), ...symbolsOf(visit)];
}

const all = async (t: ExecutionContext, names: readonly string[], fault: string, symbol: string): Promise<void> => {
  for (const name of names) {
    const shown = name.replace(/[^ -~]/gu, "?");
    t.deepEqual(await said(name), [`550 5.7.1 Your name, ${shown}, ${fault}`, symbol], name);
  }
};

test("hello: names that resolve, and the client's own address in brackets, are good", async (t) => {
  for (const name of [
    "mail.sender.example",
    "MAIL.Sender.example.",
    "six.sender.example",
    "exchanger.sender.example",
    "[192.0.2.7]",
  ])
    t.deepEqual(await said(name), [undefined], name);
  t.deepEqual(await said("[IPv6:2001:0DB8::7]", { host: "2001:db8:0:0::7" }), [undefined]);
  t.deepEqual(await said("[192.0.2.7]", { host: "::ffff:192.0.2.7" }), [undefined]);
});

test("hello: our own name and our domains are refused", async (t) => {
  await all(
    t,
    ["mx.postern.example", "MX.Postern.Example.", "postern.example", "POSTERN.example"],
    "is not yours",
    "HELLO_OUR_NAME=10",
  );
});

test("hello: an address without brackets is refused", async (t) => {
  await all(t, ["192.0.2.7", "192.0.2.7.", "2001:db8::1"], "is an IP address without brackets", "HELLO_BARE_ADDRESS=5");
});

test("hello: somebody else's address, and what is none, is refused in brackets", async (t) => {
  const names = [
    "[192.0.2.8]",
    "[127.0.0.1]",
    "[IPv6:2001:db8::1]",
    "[sender.example]",
    "[192.0.2.7",
    "[]",
    "[192.0.2.7].example",
  ];
  await all(t, names, "is not your address", "HELLO_FOREIGN_ADDRESS=5");
});

test("hello: what cannot be a name is refused, and shown without what could harm", async (t) => {
  const names = [
    "a..b.example",
    "-a.example",
    "a-.example",
    "a b.example",
    "x@y.example",
    "a\u2028b.example",
    "ä\u0000.example",
    ".",
    "",
  ];
  await all(t, names, "is not a host name", "HELLO_SYNTAX=5");
  const [words = ""] = await said(`${"x".repeat(5000)}.example`);
  t.true(words.length < 200);
});

test("hello: a name without a dot, and one that does not resolve, only count", async (t) => {
  t.deepEqual(await said("localhost"), [undefined, "HELLO_NO_DOT=3"]);
  t.deepEqual(await said("nowhere.example"), [undefined, "HELLO_UNRESOLVABLE=2"]);
});

test("hello: a DNS that is down speaks against nobody", async (t) => {
  t.deepEqual(await said("lost.sender.example"), [undefined]);
});

test("hello: each check does what its setting says", async (t) => {
  const filter = filterOf(hello, testServices(DNS), {
    bareAddress: { action: "off", score: 5 },
    noDot: { action: "refuse", score: 1 },
    unresolvable: { action: "defer", score: 1 },
  });
  t.is(await filter.hello?.(testVisit({ hello: "192.0.2.7" })), undefined);
  t.is(wordsOf(await filter.hello?.(testVisit({ hello: "pc" }))), "550 5.7.1 Your name, pc, is not a full host name");
  t.is(wordsOf(await filter.hello?.(testVisit({ hello: "no.example" }))), "450 4.7.1 Your name, no.example, is not in the DNS");
});

test("hello: without the check nobody asks the DNS", async (t) => {
  const services = testServices();
  await filterOf(hello, services, { unresolvable: { action: "off", score: 5 } }).hello?.(testVisit());
  t.deepEqual(services.dns.asked, []);
});

test("hello: a better name later takes back what was found of the first", async (t) => {
  const filter = filterOf(hello, testServices(DNS));
  const visit = testVisit({ hello: "localhost" });
  visit.findings.push({ symbol: "OTHER", score: 1, text: "of another filter" });
  await filter.hello?.(visit);
  t.deepEqual(symbolsOf(visit), ["OTHER=1", "HELLO_NO_DOT=3"]);
  await filter.hello?.(Object.assign(visit, { hello: "mail.sender.example" }));
  t.deepEqual(symbolsOf(visit), ["OTHER=1"]);
});

test("hello: mail before hello is refused, unless the settings say otherwise", async (t) => {
  const mail = testMail({ visit: testVisit({ hello: undefined }) });
  t.is(wordsOf(await filterOf(hello, testServices()).sender?.(mail)), "503 5.5.1 Say hello first");
  t.is(await filterOf(hello, testServices(), { required: false }).sender?.(mail), undefined);
  t.is(await filterOf(hello, testServices()).sender?.(testMail()), undefined);
});

test("hello: relays of ours say what they like", async (t) => {
  t.deepEqual(await said("mx.postern.example", { trusted: true }), [undefined]);
  t.deepEqual(await said("localhost", { host: "" }), [undefined]);
});

test("hello: who says it very often is hung up on, and no more names are asked for", async (t) => {
  const services = testServices();
  const filter = filterOf(hello, services);
  const visit = testVisit();
  for (let n = 0; n < 10; n += 1) t.is(await filter.hello?.(Object.assign(visit, { hello: `n${n}.example` })), undefined);
  const asked = services.dns.asked.length;
  const answer = await filter.hello?.(Object.assign(visit, { hello: "n10.example" }));
  t.is(wordsOf(answer), "421 4.7.0 You have said hello too often (hang up)");
  t.is(services.dns.asked.length, asked);
});
