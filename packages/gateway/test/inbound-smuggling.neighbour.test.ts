// SMTP smuggling through the real program: Debian's Postfix 3.7 takes LF, dot, LF and its kin for the end of a message. None of
// the forms that an end of message can be given makes two messages of one, whatever the setting, in one piece, byte by byte,
// cut at every place, and by BDAT.

import { setImmediate as turn } from "node:timers/promises";
import test from "ava";
import type { Talk } from "./clients.ts";
import type { Gateway } from "./gateway-process.ts";
import { greeted, REPLY, settled, startExchange, startInbound, stored, STRANGER, type Exchange } from "./inbound.ts";
import { message, someWord } from "./submitters.ts";
import { until } from "./until.ts";

const [ALICE, ERIN] = ["alice@example.com", "erin@example.com"] as const;
const EVIL = "evil@example.net";

const COMMON = ["\n", "\r", "\r\n"];
/** What else might be taken for a line's end, by whomever. */
const RARE = ["\r\r\n", "\n\r", "\r\0\n", "\0\n", "\x0b", "\x0c", "\x85", "\u00e2\u0080\u00a8"];
/** The one that does end a message. */
const TRUE_END = "\r\n.\r\n";

const between = (ends: readonly string[], dot: string): string[] =>
  ends.flatMap((before) => ends.map((after) => before + dot + after));

const FALSE_ENDS = [...between([...COMMON, ...RARE], "."), ...between(COMMON, ".."), ...between(COMMON, ".\0")].filter(
  (form) => !form.includes(TRUE_END),
);
/** By these, Postfix 3.7 itself ends a message. */
const OPEN_AT_POSTFIX = ["\n.\n", "\n.\r\n", "\r\n.\n"];
const NAMED = [
  "\n.\n",
  "\n.\r\n",
  "\r\n.\n",
  "\r.\r",
  "\r\n.\r",
  "\r.\r\n",
  "\r\r\n.\r\r\n",
  "\r\n\0.\r\n",
  "\n\r.\n\r",
  "\r\n..\n",
];

const second = `MAIL FROM:<${EVIL}>\r\nRCPT TO:<${ALICE}>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n`;
const outer = (word: string, end: string): string => message(word, STRANGER, `outer${end}${second}`);

let exchange: Exchange;

test.before(async () => {
  exchange = await startExchange();
});

test.after.always(async () => {
  await exchange?.stop();
});

/** Each way to send a whole message behind MAIL and RCPT, and RSET behind it. */
const WAYS: Readonly<Record<string, (talk: Talk, content: string, end: string) => Promise<void>>> = {
  async whole(talk, content) {
    await talk.ask("DATA\r\n", /^354 .*\r\n/m);
    talk.send(`${content}.\r\nRSET\r\n`);
  },
  async "byte by byte"(talk, content, end) {
    await talk.ask("DATA\r\n", /^354 .*\r\n/m);
    const at = content.indexOf(`outer${end}`) + 4;
    talk.send(content.slice(0, at));
    for (const byte of content.slice(at, at + 8 + end.length)) {
      talk.send(byte);
      await turn();
    }
    talk.send(`${content.slice(at + 8 + end.length)}.\r\nRSET\r\n`);
  },
  "in two chunks"(talk, content, end) {
    const cut = content.indexOf(`outer${end}`) + 5 + Math.ceil(end.length / 2);
    const [first, last] = [content.slice(0, cut), content.slice(cut)];
    // What is refused with the first chunk is: the second one is still no command.
    talk.send(`BDAT ${first.length}\r\n${first}BDAT ${last.length} LAST\r\n${last}RSET\r\n`);
    return Promise.resolve();
  },
};

const envelope = (to: string): string => `MAIL FROM:<${STRANGER}>\r\nRCPT TO:<${to}>\r\n`;

interface Brought {
  readonly word: string;
  readonly form: string;
  readonly reply: string;
}

/** MAIL, RCPT, the first chunk; the second one where the first was refused. */
const BESIDE = /^250 2\.1\.|^250 2\.0\.0 \d+ bytes$|^503 5\.5\.1 Say MAIL first$/;

/** Sends it once in each form; the reply. There is one reply for each message, and the connection is still at one with us. */
async function bringAll(gateway: Gateway, way: string, forms: readonly string[], to: string): Promise<Brought[]> {
  const brought: Brought[] = [];
  let talk = await greeted(gateway.port("smtp"));
  for (const [at, form] of forms.entries()) {
    // A connection may have only so many errors.
    if (at % 8 === 7) {
      talk.close();
      talk = await greeted(gateway.port("smtp"));
    }
    talk.socket.setNoDelay(true);
    const word = someWord();
    talk.send(envelope(to));
    await WAYS[way]?.(talk, outer(word, form), form);
    const said = await talk.until(/^250 2\.0\.0 OK\r\n/m);
    const answers = said.split("\r\n").filter((line) => line !== "" && !BESIDE.test(line));
    if (answers.length !== 2) throw new Error(`${JSON.stringify(form)} ${way} is answered with ${said}`);
    brought.push({ word, form, reply: answers[0] ?? "" });
  }
  talk.close();
  return brought;
}

/** What Postfix has, by its subject. */
async function subjects(): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const text of await exchange.mx1.messages()) {
    const subject = /^Subject: (.*)$/m.exec(text.toString("latin1"))?.[1] ?? "";
    counts.set(subject, (counts.get(subject) ?? 0) + 1);
  }
  return counts;
}

for (const policy of ["refuse", "repair"] as const) {
  for (const way of Object.keys(WAYS)) {
    test.serial(`smuggling: with ${policy}, no form of an end ${way} makes two messages of one`, async (t) => {
      const gateway = await startInbound(exchange, { config: { smtp: { bareLineEndings: policy } } });
      t.teardown(() => gateway.stop());
      // Within a chunk of BDAT the true one ends nothing, either.
      const forms = way === "in two chunks" ? [TRUE_END, ...FALSE_ENDS] : FALSE_ENDS;
      const brought = await bringAll(gateway, way, forms, ALICE);
      await settled(exchange.mx1);
      const counts = await subjects();
      t.is(counts.get("smuggled"), undefined);
      for (const { word, form, reply } of brought) {
        const isOdd = /\0|\r(?!\n)|(?<!\r)\n/.test(form);
        const isTaken = !isOdd || (policy === "repair" && !form.includes("\0"));
        t.regex(reply, isTaken ? /^250 2\.0\.0 / : /^550 5\.6\.11 /, JSON.stringify(form));
        t.is(counts.get(word) ?? 0, isTaken ? 1 : 0, JSON.stringify(form));
      }
      t.false(exchange.mx1.log().includes(EVIL));
    });
  }

  test.serial(`smuggling: with ${policy}, Dovecot gets one message, too`, async (t) => {
    const gateway = await startInbound(exchange, { config: { smtp: { bareLineEndings: policy } } });
    t.teardown(() => gateway.stop());
    for (const { word, reply } of await bringAll(gateway, "whole", NAMED, ERIN)) {
      if (!reply.startsWith("250 ")) continue;
      const text = await stored(exchange.store, ERIN, word);
      t.true(text.includes(`MAIL FROM:<${EVIL}>\n`), "the rest of it is its text");
    }
    t.false(exchange.store.log().includes(EVIL));
  });

  test.serial(`smuggling: with ${policy}, a form cut into two packets at any place is the same`, async (t) => {
    const gateway = await startInbound(exchange, { config: { smtp: { bareLineEndings: policy } } });
    t.teardown(() => gateway.stop());
    const words: string[] = [];
    for (const form of NAMED) {
      const talk = await greeted(gateway.port("smtp"));
      talk.socket.setNoDelay(true);
      for (let cut = 1; cut < form.length; cut++) {
        const word = someWord();
        const content = outer(word, form);
        const at = content.indexOf(`outer${form}`) + 5 + cut;
        await talk.ask(`${envelope(ALICE)}DATA\r\n`, /^354 .*\r\n/m);
        talk.send(content.slice(0, at));
        // The first packet is read before the next one leaves.
        for (let round = 0; round < 20; round++) await turn();
        if ((await talk.ask(`${content.slice(at)}.\r\n`, REPLY)).startsWith("250 ")) words.push(word);
      }
      talk.close();
    }
    await settled(exchange.mx1);
    t.is(words.length > 0, policy === "repair");
  });
}

test.serial(
  "smuggling: Postfix alone takes two messages in these forms: they would get through if the gateway let them",
  async (t) => {
    for (const end of OPEN_AT_POSTFIX) {
      const talk = await greeted(exchange.mx1.port);
      const word = someWord();
      await talk.ask(`${envelope(ALICE)}DATA\r\n`, /^354 .*\r\n/m);
      talk.send(`${outer(word, end)}.\r\nQUIT\r\n`);
      const said = await talk.over();
      t.is(said.match(/^250 2\.0\.0 Ok: queued/gm)?.length, 2, JSON.stringify(end));
    }
    await until(
      async () => (await subjects()).get("smuggled") === OPEN_AT_POSTFIX.length || undefined,
      () => "the smuggled messages",
    );
  },
);
