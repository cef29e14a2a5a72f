import test from "ava";
import { greylist, senderKey } from "./greylist.ts";
import {
  defaultsOf,
  filterOf,
  recipientOf,
  testMail,
  testServices,
  testVisit,
  wordsOf,
  type TestServices,
} from "./test/scene.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

interface Try {
  readonly host?: string;
  readonly from?: string;
  readonly to?: string;
  readonly trusted?: boolean;
}

function scene(rest = {}, services: TestServices = testServices()) {
  const filter = filterOf(greylist, services, rest);
  const mailOf = ({ host = "192.0.2.7", from, trusted = false }: Try) =>
    testMail({ visit: testVisit({ host, trusted }), ...(from !== undefined && { from }) });
  const words = async (one: Try = {}): Promise<string | undefined> =>
    wordsOf(await filter.recipient?.(mailOf(one), recipientOf(one.to ?? "alice@postern.example")));
  /** Is the recipient let through? */
  const isTaken = async (one: Try = {}): Promise<boolean> => (await words(one)) === undefined;
  const finish = (one: Try = {}, accepted = true): void => filter.finished?.(mailOf(one), accepted);
  return { ...services, words, isTaken, finish };
}

test("greylist: a stranger is told to come again, and how long that is", async (t) => {
  const { words, clock } = scene();
  t.is(await words(), "451 4.7.1 We do not know you yet, come again in 300 seconds");
  await clock.advance(2 * MINUTE);
  t.is(await words(), "451 4.7.1 We do not know you yet, come again in 180 seconds");
});

test("greylist: who comes again after the delay is let through, and known from then on", async (t) => {
  const { isTaken, clock } = scene();
  t.false(await isTaken());
  await clock.advance(5 * MINUTE);
  t.true(await isTaken());
  t.true(await isTaken());
  await clock.advance(35 * DAY);
  t.true(await isTaken());
  await clock.advance(35 * DAY);
  t.true(await isTaken());
  await clock.advance(36 * DAY);
  t.false(await isTaken());
});

test("greylist: who comes again too late is a stranger anew", async (t) => {
  const { isTaken, clock } = scene();
  t.false(await isTaken());
  await clock.advance(DAY);
  t.false(await isTaken());
});

test("greylist: another sender, recipient or network is asked for itself", async (t) => {
  const { isTaken, clock } = scene();
  t.false(await isTaken());
  await clock.advance(5 * MINUTE);
  t.false(await isTaken({ from: "dave@sender.example" }));
  t.false(await isTaken({ to: "bob@postern.example" }));
  t.false(await isTaken({ host: "198.51.100.7" }));
  t.false(await isTaken({ host: "2001:db8::1" }));
  t.true(await isTaken({ from: "CAROL@Sender.example", to: "Alice@postern.example" }));
});

test("greylist: another machine of the same network may come again", async (t) => {
  const { isTaken, clock } = scene();
  t.false(await isTaken({ host: "192.0.2.7" }));
  t.false(await isTaken({ host: "2001:db8::1" }));
  await clock.advance(5 * MINUTE);
  t.true(await isTaken({ host: "192.0.2.200" }));
  t.true(await isTaken({ host: "2001:db8::ffff:1" }));
});

test("greylist: numbers and extensions in a sender's name make no new sender", (t) => {
  t.is(senderKey("Bounces+123-bob=postern.example@lists.example"), "bounces@lists.example");
  t.is(senderKey("news-4711-9@Lists.example"), "news-#-#@lists.example");
  t.is(senderKey("a1@x7.example"), "a#@x7.example");
  t.is(senderKey(""), "");
});

test("greylist: a network whose mail was taken several times is not asked any more", async (t) => {
  const { isTaken, finish, clock } = scene({ knownAfter: 3 });
  for (let n = 0; n < 2; n += 1) finish();
  finish({}, false);
  await clock.advance(0);
  t.false(await isTaken());
  finish();
  await clock.advance(0);
  t.true(await isTaken({ host: "192.0.2.99", from: "new@other.example", to: "bob@postern.example" }));
  t.false(await isTaken({ host: "198.51.100.1" }));
});

test("greylist: with knownAfter 0 no network is ever known", async (t) => {
  const { isTaken, finish, clock, state } = scene({ knownAfter: 0 });
  for (let n = 0; n < 10; n += 1) finish();
  await clock.advance(0);
  t.deepEqual(state.keys(), []);
  t.false(await isTaken());
});

test("greylist: what is remembered does not show addresses, and depends on the key", async (t) => {
  const one = scene();
  await one.isTaken();
  one.finish();
  await one.clock.advance(0);
  t.notRegex(one.state.keys().join(" "), /carol|alice|sender|postern|192/);
  const same = scene();
  await same.isTaken();
  t.is(same.state.keys()[0], one.state.keys().at(-1));
  const other = scene({ key: "another" });
  await other.isTaken();
  t.not(other.state.keys()[0], same.state.keys()[0]);
});

test("greylist: relays of ours, unix sockets and exempt networks are let through", async (t) => {
  const { isTaken, finish, state } = scene({ exempt: [{ address: "198.51.100.0", prefix: 24, family: "ipv4" }] });
  for (const one of [{ trusted: true }, { host: "" }, { host: "198.51.100.7" }]) {
    t.true(await isTaken(one));
    finish(one);
  }
  t.deepEqual(state.keys(), []);
});

test("greylist: what cannot be remembered is let through", async (t) => {
  const { isTaken, state } = scene();
  state.lost = true;
  t.true(await isTaken());
});

test("greylist: waiting times that cannot be are refused", (t) => {
  const values = { ...defaultsOf(greylist.settings), delay: DAY, maxWait: DAY };
  t.deepEqual(greylist.contradictions?.(values), [{ key: "maxWait", problem: "must be longer than delay (1d), not 1d" }]);
  const short = { ...defaultsOf(greylist.settings), maxWait: 7 * DAY, remember: DAY };
  t.deepEqual(greylist.contradictions?.(short), [{ key: "remember", problem: "must be at least maxWait (7d), not 1d" }]);
});
