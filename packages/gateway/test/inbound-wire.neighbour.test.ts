// The dialogue with clients that bring mail, through the real program and on to real backends: BDAT, SIZE, bytes in odd pieces,
// STARTTLS with bytes behind it, a client that leaves in the middle, and a stop or a reload while mail comes.

import { setImmediate as turn } from "node:timers/promises";
import test from "ava";
import { Talk } from "./clients.ts";
import type { Gateway } from "./gateway-process.ts";
import {
  bring,
  countOf,
  greeted,
  replies,
  REPLY,
  settled,
  startExchange,
  startInbound,
  STRANGER,
  type Exchange,
} from "./inbound.ts";
import { delivered, message, someWord } from "./submitters.ts";
import { until } from "./until.ts";

const [ALICE, BOB] = ["alice@example.com", "bob@example.com"] as const;
const ENVELOPE = [`MAIL FROM:<${STRANGER}>`, `RCPT TO:<${ALICE}>`];

let exchange: Exchange;
let gateway: Gateway;

test.before(async () => {
  exchange = await startExchange();
  gateway = await startInbound(exchange, { config: { smtp: { maxMessage: "1MB" } } });
});

test.after.always(async () => {
  await gateway?.stop();
  await exchange?.stop();
});

test.serial("wire: chunks make one message, dots are not doubled, and a last line gets its end", async (t) => {
  const word = someWord();
  const content = message(word, STRANGER, ".\r\n..two\r\nQUIT\r\nno end");
  const talk = await greeted(gateway.port("smtp"));
  await replies(talk, ...ENVELOPE);
  const [first, last] = [content.slice(0, 40), content.slice(40)];
  t.regex(await talk.ask(`BDAT ${first.length}\r\n${first}`, REPLY), /^250 2\.0\.0/);
  t.regex(await talk.ask(`BDAT ${last.length} LAST\r\n${last}`, REPLY), /^250 2\.0\.0 Ok: queued/);
  t.is((await delivered(exchange.mx1, word)).message.toString(), `${content}\r\n`);
  // A message in one flight, its end in a chunk of nothing.
  const other = someWord();
  const text = message(other, STRANGER);
  talk.send(`${ENVELOPE.join("\r\n")}\r\nBDAT ${text.length}\r\n${text}BDAT 0 LAST\r\nQUIT\r\n`);
  const said = await talk.over();
  t.deepEqual(said.match(/^\d{3} \d\S+/gm), ["250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0", "221 2.0.0"], said);
  t.is((await delivered(exchange.mx1, other)).message.toString(), text);
});

test.serial("wire: a transaction that comes byte by byte is the same", async (t) => {
  const word = someWord();
  const content = message(word, STRANGER, ".\r\n..\r\n\r\n");
  const talk = await Talk.open({ port: gateway.port("smtp"), tls: false });
  talk.socket.setNoDelay(true);
  const dots = content.replaceAll(/^\./gm, "..");
  for (const byte of `EHLO slow.example.net\r\n${ENVELOPE.join("\r\n")}\r\nDATA\r\n${dots}.\r\nQUIT\r\n`) {
    talk.send(byte);
    await turn();
  }
  t.regex(await talk.over(), /354 [^]*250 2\.0\.0 Ok: queued[^]*221 /);
  t.is((await delivered(exchange.mx1, word)).message.toString(), content);
});

test.serial("wire: many messages on one connection, all sent ahead, are all answered in order", async (t) => {
  const words = Array.from({ length: 20 }, someWord);
  const talk = await greeted(gateway.port("smtp"));
  for (const [at, word] of words.entries()) {
    const text = message(word, STRANGER);
    const to = at % 2 === 0 ? ALICE : BOB;
    talk.send(`MAIL FROM:<${STRANGER}>\r\nRCPT TO:<${to}>\r\nBDAT ${text.length} LAST\r\n${text}`);
  }
  talk.send("QUIT\r\n");
  const said = await talk.over();
  t.is(said.match(/^250 2\.0\.0 Ok: queued/gm)?.length, words.length, said);
  for (const [at, word] of words.entries()) await delivered(at % 2 === 0 ? exchange.mx1 : exchange.mx2, word);
});

test.serial("wire: SIZE is told, and kept: said, and sent", async (t) => {
  const talk = await Talk.open({ port: gateway.port("smtp"), tls: false });
  await talk.until(REPLY);
  t.regex(await talk.ask("EHLO me.example.net\r\n", REPLY), /^250[- ]SIZE 1048576\r\n/m);
  t.regex((await replies(talk, `MAIL FROM:<${STRANGER}> SIZE=1048577`))[0] ?? "", /^552 5\.3\.4/);
  const word = someWord();
  const said = await bring(talk, [ALICE], message(word, STRANGER, `${"x".repeat(98)}\r\n`.repeat(11_000)));
  t.regex(said.at(-1) ?? "", /^552 5\.3\.4 /);
  t.regex((await bring(talk, [ALICE], message(word, STRANGER, "small\r\n"))).at(-1) ?? "", /^250 2\.0\.0/);
  await delivered(exchange.mx1, word);
  t.is(await countOf(exchange.mx1, word), 1);
  talk.close();
});

test.serial("wire: bytes behind STARTTLS end the connection, and are no command", async (t) => {
  const talk = await greeted(gateway.port("smtp"));
  talk.send(`STARTTLS\r\nEHLO evil.example.net\r\n${ENVELOPE.join("\r\n")}\r\n`);
  await talk.over();
  t.notRegex(talk.said, /^250 2\.1/m);
  await gateway.logged({ message: /^session ended/, failure: "bytes-behind-starttls" });
});

test.serial("wire: after STARTTLS what was said before is forgotten", async (t) => {
  const plain = await greeted(gateway.port("smtp"));
  await replies(plain, `MAIL FROM:<${STRANGER}>`, "STARTTLS");
  const talk = await plain.startTls();
  t.regex((await replies(talk, `RCPT TO:<${ALICE}>`))[0] ?? "", /^503 5\.5\.1/);
  const hello = await talk.ask("EHLO again.example.net\r\n", REPLY);
  t.notRegex(hello, /STARTTLS/);
  const word = someWord();
  t.regex((await bring(talk, [ALICE], message(word, STRANGER))).at(-1) ?? "", /^250 2\.0\.0/);
  t.regex((await delivered(exchange.mx1, word)).head, /from again\.example\.net [^;]*using TLSv1\.3/s);
  talk.close();
});

for (const [leave, from] of [
  ["DATA", "127.0.0.61"],
  ["BDAT", "127.0.0.62"],
] as const) {
  test.serial(`wire: a client that leaves in the middle of ${leave} leaves nothing behind`, async (t) => {
    const word = someWord();
    const half = message(word, STRANGER, "half of it\r\n".repeat(10_000));
    const talk = await greeted(gateway.port("smtp"), { hello: `${word}.example.net`, from });
    await replies(talk, `MAIL FROM:<${STRANGER}>`, `RCPT TO:<${ALICE}>`, `RCPT TO:<${BOB}>`);
    if (leave === "DATA") await talk.ask("DATA\r\n", REPLY);
    talk.send(`${leave === "BDAT" ? `BDAT ${half.length + 1} LAST\r\n` : ""}${half}`);
    for (const mx of [exchange.mx1, exchange.mx2]) await mx.logged(new RegExp(`: client=\\S+\\[${from}\\]`));
    talk.socket.end();
    const line = await gateway.logged({ message: "message", helo: `${word}.example.net` });
    t.notRegex(String(line["reply"]), /^2/);
    t.is(line["mayBeDoubled"], undefined);
    // Whatever the backends had of it is gone once they have taken something else.
    const next = await greeted(gateway.port("smtp"));
    const other = someWord();
    await bring(next, [ALICE, BOB], message(other, STRANGER));
    for (const mx of [exchange.mx1, exchange.mx2]) {
      await delivered(mx, other);
      t.is(await countOf(mx, word), 0);
    }
    next.close();
  });
}

test.serial("wire: a stop while a message comes lets it end, or says 421, and never both", async (t) => {
  const stopped = await startInbound(exchange, { config: { shutdown: { drain: "4s" } } });
  t.teardown(() => stopped.stop());
  const idle = await greeted(stopped.port("smtp"));
  const busy = await greeted(stopped.port("smtp"));
  const word = someWord();
  const content = message(word, STRANGER, "first half\r\nsecond half\r\n");
  await replies(busy, ...ENVELOPE, "DATA");
  busy.send(content.slice(0, -13));
  stopped.signal("SIGTERM");
  t.regex(await idle.over(), /^421 /m);
  const answer = await busy.ask(`${content.slice(-13)}.\r\n`, REPLY);
  t.regex(answer, /^250 2\.0\.0/);
  t.regex(await busy.over(), /^421 /m);
  t.is(await stopped.ended(), 0);
  await delivered(exchange.mx1, word);
  t.is(await countOf(exchange.mx1, word), 1);
});

test.serial("wire: reloads while mail comes lose nothing and double nothing", async (t) => {
  const reloaded = await startInbound(exchange);
  t.teardown(() => reloaded.stop());
  const words: string[] = [];
  let isOver = false;
  const sender = async (): Promise<void> => {
    while (!isOver) {
      const talk = await greeted(reloaded.port("smtp"));
      for (let round = 0; round < 5; round++) {
        const word = someWord();
        const said = await bring(talk, [round % 2 === 0 ? ALICE : BOB], message(word, STRANGER));
        t.regex(said.at(-1) ?? "", /^250 2\.0\.0/);
        words.push(word);
      }
      await talk.ask("QUIT\r\n", REPLY);
    }
  };
  const early = await greeted(reloaded.port("smtp"));
  const senders = [sender(), sender(), sender(), sender()];
  for (let round = 1; round <= 3; round++) {
    const before = words.length;
    reloaded.signal("SIGHUP");
    const isThere = (): true | undefined =>
      (reloaded.log().filter((line) => line["message"] === "reloaded").length >= round && words.length > before + 20) ||
      undefined;
    await until(isThere, () => `reload ${round}`, 30_000);
  }
  isOver = true;
  await Promise.all(senders);
  // Who came before the first of them is served as before.
  const last = someWord();
  t.regex((await bring(early, [ALICE], message(last, STRANGER))).at(-1) ?? "", /^250 2\.0\.0/);
  words.push(last);
  early.close();
  t.true(words.length > 60);
  await settled(exchange.mx1, exchange.mx2);
  const all = Buffer.concat([...(await exchange.mx1.messages()), ...(await exchange.mx2.messages())]).toString("latin1");
  t.deepEqual(
    words.filter((word) => all.split(`Subject: ${word}\n`).length !== 2),
    [],
  );
});
