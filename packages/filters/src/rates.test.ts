import test from "ava";
import { rates } from "./rates.ts";
import { filterOf, recipientOf, testMail, testServices, testVisit, wordsOf } from "./test/scene.ts";

const NONE = { connections: 0, messages: 0, recipients: 0 };
const to = recipientOf("alice@postern.example");

test("rates: connections above the limit are told to come later, until the window ends", async (t) => {
  const services = testServices();
  const filter = filterOf(rates, services, { address: { ...NONE, connections: 2 } });
  const connect = async (): Promise<string | undefined> => wordsOf(await filter.connect?.(testVisit()));
  t.is(await connect(), undefined);
  t.is(await connect(), undefined);
  t.is(await connect(), "421 4.7.0 Too many connections from your address, come again later (hang up)");
  await services.clock.advance(60_000);
  t.is(await connect(), undefined);
});

test("rates: messages and recipients of one address are counted each", async (t) => {
  const filter = filterOf(rates, testServices(), { address: { connections: 0, messages: 1, recipients: 2 } });
  const mail = testMail();
  t.is(await filter.sender?.(mail), undefined);
  t.is(wordsOf(await filter.sender?.(mail)), "450 4.7.1 Too many messages from your address, come again later");
  t.is(await filter.recipient?.(mail, to), undefined);
  t.is(await filter.recipient?.(mail, to), undefined);
  t.is(wordsOf(await filter.recipient?.(mail, to)), "450 4.7.1 Too many recipients from your address, come again later");
});

test("rates: an IPv6 /64 is one address, other networks are others", async (t) => {
  const filter = filterOf(rates, testServices(), { address: { ...NONE, connections: 1 } });
  const isTaken = async (host: string): Promise<boolean> => (await filter.connect?.(testVisit({ host }))) === undefined;
  t.true(await isTaken("2001:db8::1"));
  t.false(await isTaken("2001:0db8:0:0:ffff::2"));
  t.true(await isTaken("2001:db8:0:1::1"));
  t.true(await isTaken("192.0.2.1"));
  t.false(await isTaken("::ffff:192.0.2.1"));
});

test("rates: messages of one domain are counted wherever they come from, in any spelling", async (t) => {
  const filter = filterOf(rates, testServices(), { address: NONE, senderDomain: { messages: 1, recipients: 1 } });
  const from = (host: string, sender: string) => testMail({ visit: testVisit({ host }), from: sender });
  t.is(await filter.sender?.(from("192.0.2.1", "a@sender.example")), undefined);
  t.is(
    wordsOf(await filter.sender?.(from("198.51.100.1", "b@SENDER.example"))),
    "450 4.7.1 Too many messages from this domain, come again later",
  );
  t.is(await filter.sender?.(from("198.51.100.1", "b@other.example")), undefined);
  t.is(await filter.sender?.(from("198.51.100.1", "")), undefined);
  t.is(await filter.sender?.(from("198.51.100.1", "")), undefined);
  t.is(await filter.recipient?.(from("192.0.2.1", "a@sender.example"), to), undefined);
  t.truthy(await filter.recipient?.(from("192.0.2.1", "a@sender.example"), to));
});

test("rates: exempt networks and relays of ours are not counted", async (t) => {
  const services = testServices();
  const filter = filterOf(rates, services, {
    address: { connections: 1, messages: 1, recipients: 1 },
    exempt: [{ address: "192.0.2.0", prefix: 24, family: "ipv4" }],
  });
  for (const visit of [testVisit(), testVisit({ host: "198.51.100.1", trusted: true }), testVisit({ host: "" })]) {
    for (let n = 0; n < 3; n += 1) {
      t.is(await filter.connect?.(visit), undefined);
      t.is(await filter.sender?.(testMail({ visit })), undefined);
      t.is(await filter.recipient?.(testMail({ visit }), to), undefined);
    }
  }
  t.deepEqual(services.state.keys(), []);
});

test("rates: a limit of 0 counts nothing, and what cannot be counted is let through", async (t) => {
  const services = testServices();
  const free = filterOf(rates, services, { address: NONE });
  t.is(await free.connect?.(testVisit()), undefined);
  t.deepEqual(services.state.keys(), []);
  const filter = filterOf(rates, services, { address: { ...NONE, connections: 1 } });
  services.state.lost = true;
  for (let n = 0; n < 3; n += 1) t.is(await filter.connect?.(testVisit()), undefined);
});
