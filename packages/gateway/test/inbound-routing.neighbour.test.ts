// Where mail that comes in goes, through the real program: each recipient by its own backend's word, postmaster, plus addressing,
// rewriting, catch-all; messages for several backends by each policy; one message to two Postfixes and a Dovecot at once.

import test from "ava";
import type { Gateway, Json } from "./gateway-process.ts";
import {
  bring,
  countOf,
  greeted,
  replies,
  routesTo,
  startExchange,
  startInbound,
  stored,
  STRANGER,
  type Exchange,
} from "./inbound.ts";
import { delivered, message, someWord } from "./submitters.ts";

const [ALICE, CAROL, BOB] = ["alice@example.com", "carol@example.com", "bob@example.com"] as const;
const [ERIN, FRANK] = ["erin@example.com", "frank@example.com"] as const;

const MAIL: Json = {
  domains: ["example.com", "example.org", "*.old.example"],
  rewrite: [
    { from: "sales@example.com", to: ALICE },
    { from: "team-*@example.com", to: "*@example.com" },
    { from: "@shop.old.example", to: "@example.com" },
  ],
  catchAll: { "example.org": "all@example.com" },
};

let exchange: Exchange;
let gateway: Gateway;

test.before(async () => {
  exchange = await startExchange();
  gateway = await startInbound(exchange, { config: { mail: MAIL } });
});

test.after.always(async () => {
  await gateway?.stop();
  await exchange?.stop();
});

const codes = (said: readonly string[]): string[] =>
  said.map((reply) =>
    reply
      .slice(0, 9)
      .replace(/[^\d. ].*$/s, "")
      .trim(),
  );

test.serial("routing: each recipient gets its own backend's answer, and those that were taken get the message", async (t) => {
  const word = someWord();
  const talk = await greeted(gateway.port("smtp"));
  const to = [ALICE, "gone@example.com", "nobody@example.com", "a@example.net", BOB, ERIN, "ghost@example.com", FRANK];
  const said = await bring(talk, to, message(word, STRANGER));
  t.deepEqual(codes(said), [
    "250 2.1.0",
    "250 2.1.5",
    "550 5.1.1",
    "550 5.1.1",
    "550 5.7.1",
    "250 2.1.5",
    "250 2.1.5",
    "550 5.1.1",
    "250 2.1.5",
    "354",
    "250 2.0.0",
  ]);
  t.regex(said[2] ?? "", /User unknown in virtual mailbox table/);
  t.regex(said[7] ?? "", /User doesn't exist: ghost/);
  t.regex((await delivered(exchange.mx1, word)).head, /^Delivered-To: alice@example\.com$/m);
  t.regex((await delivered(exchange.mx2, word)).head, /^Delivered-To: bob@example\.com$/m);
  for (const user of [ERIN, FRANK]) t.regex(await stored(exchange.store, user, word), /^Return-Path: <stranger@example\.net>/);
  t.is(await countOf(exchange.mx1, word), 1);
  t.is(await countOf(exchange.mx2, word), 1);
  const line = await gateway.logged({ message: "message", sender: STRANGER, recipients: 4 });
  t.deepEqual(line["backends"], ["mx1", "mx2", "store"]);
  t.is(line["mayBeDoubled"], undefined);
  talk.close();
});

for (const [title, address, to] of [
  ["postmaster without a domain is postmaster of the first domain", "postmaster", "postmaster@example.com"],
  ["PostMaster in any case is postmaster", "PostMaster@example.com", "PostMaster@example.com"],
  ["what follows a + is not looked up, and told to the backend", "alice+news@example.com", "alice+news@example.com"],
  ["capitals are no other address", "ALICE@Example.COM", "ALICE@example.com"],
  ["a source route is dropped", "@hop.example.net:alice@example.com", "alice@example.com"],
  ["an address is rewritten", "sales@example.com", "alice@example.com"],
  ["an address is rewritten by a pattern", "team-carol@example.com", "carol@example.com"],
  ["a domain is rewritten", "carol@shop.old.example", "carol@example.com"],
  ["the catch-all gets mail for whom nobody knows", "whoever@example.org", "all@example.com"],
] as const) {
  test.serial(`routing: ${title}`, async (t) => {
    const word = someWord();
    const talk = await greeted(gateway.port("smtp"));
    const said = await bring(talk, [address], message(word, STRANGER));
    t.deepEqual(codes(said), ["250 2.1.0", "250 2.1.5", "354", "250 2.0.0"]);
    const { head } = await delivered(exchange.mx1, word);
    t.is(/^X-Original-To: (.*)$/m.exec(head)?.[1], to);
    talk.close();
  });
}

test.serial("routing: mail for others is not relayed, whatever it looks like", async (t) => {
  const talk = await greeted(gateway.port("smtp"));
  const others = [
    "a@example.net",
    "a@old.example",
    "a@example.com.example.net",
    "a%example.net@example.com",
    '"a@example.net"@example.com',
    "example.net!a@example.com",
    "@example.com:a@example.net",
    "a@[127.0.0.1]",
    "a@[IPv6:::1]",
  ];
  const said = await replies(talk, `MAIL FROM:<${STRANGER}>`, ...others.map((one) => `RCPT TO:<${one}>`), "DATA");
  for (const reply of said.slice(1)) t.regex(reply, /^5\d\d 5\./);
  t.notRegex(exchange.mx1.log() + exchange.mx2.log(), /example\.net[>"]?: Relay access|reject: .*(?:%|!)/);
  talk.close();
});

test.serial("routing: a size that one backend does not take is refused for its own recipients", async (t) => {
  const word = someWord();
  const talk = await greeted(gateway.port("smtp"));
  // Postfix takes 50 MB here, and the gateway 52: the sizes are told at MAIL.
  const said = await replies(talk, `MAIL FROM:<${STRANGER}> SIZE=51000000`, `RCPT TO:<${ALICE}>`, `RCPT TO:<${ERIN}>`);
  t.deepEqual(codes(said), ["250 2.1.0", "552 5.3.4", "250 2.1.5"]);
  t.regex(said[1] ?? "", /Message size exceeds fixed limit/);
  talk.close();
  t.is(await countOf(exchange.mx1, word), 0);
});

test.serial("routing: first sends all to the first one's backend", async (t) => {
  const first = await startInbound(exchange, { config: { mail: MAIL, smtp: { severalBackends: "first" } } });
  t.teardown(() => first.stop());
  const word = someWord();
  const talk = await greeted(first.port("smtp"));
  const said = await bring(talk, [ALICE, BOB, ERIN], message(word, STRANGER));
  t.deepEqual(codes(said), ["250 2.1.0", "250 2.1.5", "250 2.1.5", "550 5.1.1", "354", "250 2.0.0"]);
  await exchange.mx1.logged(new RegExp(`to=<${BOB}>.*status=sent`));
  t.is(await countOf(exchange.mx1, word), 2);
  t.is(await countOf(exchange.mx2, word), 0);
  talk.close();
});

test.serial("routing: defer takes the first one's backend, and the others come again", async (t) => {
  const defer = await startInbound(exchange, { config: { mail: MAIL, smtp: { severalBackends: "defer" } } });
  t.teardown(() => defer.stop());
  const word = someWord();
  const talk = await greeted(defer.port("smtp"));
  const said = await bring(talk, [ALICE, BOB, CAROL, ERIN], message(word, STRANGER));
  t.deepEqual(codes(said), ["250 2.1.0", "250 2.1.5", "452 4.5.3", "250 2.1.5", "452 4.5.3", "354", "250 2.0.0"]);
  const again = await bring(talk, [BOB, ERIN], message(word, STRANGER));
  t.deepEqual(codes(again), ["250 2.1.0", "250 2.1.5", "452 4.5.3", "354", "250 2.0.0"]);
  const last = await bring(talk, [ERIN], message(word, STRANGER));
  t.deepEqual(codes(last), ["250 2.1.0", "250 2.1.5", "354", "250 2.0.0"]);
  await delivered(exchange.mx2, word);
  await stored(exchange.store, ERIN, word);
  t.is(await countOf(exchange.mx2, word), 1);
  talk.close();
});

test.serial("routing: a backend that is down defers its own recipients, and no others", async (t) => {
  const { mx1 } = exchange.backends;
  const down = { smtp: "smtp://127.0.0.1:1" };
  const half = await startInbound({ backends: { mx1, mx2: down } }, { routes: routesTo("mx1", "mx2") });
  t.teardown(() => half.stop());
  const word = someWord();
  const talk = await greeted(half.port("smtp"));
  const said = await bring(talk, [BOB, ALICE], message(word, STRANGER));
  t.deepEqual(codes(said), ["250 2.1.0", "451 4.4.1", "250 2.1.5", "354", "250 2.0.0"]);
  await delivered(exchange.mx1, word);
  talk.close();
});

test.serial("routing: the client behind a balancer is the one that backends hear of", async (t) => {
  const word = someWord();
  const prelude = "PROXY TCP4 203.0.113.77 192.0.2.1 50077 25\r\n";
  const talk = await greeted(gateway.port("balanced"), { prelude, hello: "far.example.net" });
  const said = await bring(talk, [ALICE, BOB, ERIN], message(word, STRANGER));
  t.deepEqual(codes(said), ["250 2.1.0", "250 2.1.5", "250 2.1.5", "250 2.1.5", "354", "250 2.0.0"]);
  for (const mx of [exchange.mx1, exchange.mx2]) {
    const { head } = await delivered(mx, word);
    t.regex(head, /^Received: from \S+ \(unknown \[203\.0\.113\.77\]\)\n\s+by mx/m);
    await mx.logged(/: client=unknown\[203\.0\.113\.77\]/);
  }
  t.regex(await stored(exchange.store, ERIN, word), /^Received: from far\.example\.net \(\[203\.0\.113\.77\]\)/m);
  await gateway.logged({ message: "message", client: "203.0.113.77", helo: "far.example.net" });
  talk.close();
});

test.serial("routing: clients one after the other on one backend connection are told apart", async (t) => {
  const seen: string[] = [];
  for (const host of ["203.0.113.81", "203.0.113.82", "203.0.113.81"]) {
    const word = someWord();
    const prelude = `PROXY TCP4 ${host} 192.0.2.1 50077 25\r\n`;
    const talk = await greeted(gateway.port("balanced"), { prelude, hello: `h${host.slice(-2)}.example.net` });
    await bring(talk, [CAROL], message(word, STRANGER));
    talk.close();
    seen.push(/^Received: from (\S+ \(unknown \[\S+\]\))/m.exec((await delivered(exchange.mx1, word)).head)?.[1] ?? "");
  }
  t.deepEqual(seen, [
    "h81.example.net (unknown [203.0.113.81])",
    "h82.example.net (unknown [203.0.113.82])",
    "h81.example.net (unknown [203.0.113.81])",
  ]);
});
