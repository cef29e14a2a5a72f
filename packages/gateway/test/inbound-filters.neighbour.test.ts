// The edge defences and rules together, through the real program: a real rspamd, OpenDKIM and clamd, a small DNS, a real Postfix
// behind them; greylisting across workers; voice mail by those who may bring it, and by those who may not.

/* oxlint-disable unicorn/no-thenable -- "then" is the word of the configuration; nobody awaits it. */

import test from "ava";
import {
  GTUBE,
  serveDns,
  startClamd,
  startOpenDkim,
  startPostfix,
  startRspamd,
  VIRUS,
  type DnsTable,
  type OpenDkim,
  type Postfix,
} from "@postern/testing";
import type { Gateway, Json } from "./gateway-process.ts";
import { bring, countOf, greeted, startInbound } from "./inbound.ts";
import { KEY_RECORD, signed } from "./inbound-signed.ts";
import { delivered, someWord } from "./submitters.ts";
import { until } from "./until.ts";
import { stopAll, together } from "./together.ts";

const ALICE = "alice@example.com";
const ANN = "ann@good.example";

/** Clients, behind a balancer that says who they are. */
const GOOD = "203.0.113.10";
const OTHER = "203.0.113.20";
const LISTED = "203.0.113.66";
const TELEPHONES = "203.0.113.99";

const ZONE: DnsTable = {
  "good.example": { TXT: [`v=spf1 ip4:${GOOD} -all`], A: [GOOD], MX: ["10 mail.good.example"] },
  "mail.good.example": { A: [GOOD], AAAA: [] },
  "10.113.0.203.in-addr.arpa": { PTR: ["mail.good.example"] },
  "s1._domainkey.good.example": { TXT: [KEY_RECORD] },
  "_dmarc.good.example": { TXT: ["v=DMARC1; p=reject"] },
  "66.113.0.203.list.example": { A: ["127.0.0.2"] },
};

let servers: Awaited<ReturnType<typeof startServers>>;
let store: Postfix;
let voiceStore: Postfix;
let opendkim: OpenDkim;
let gateway: Gateway;
let dns: string;

const startServers = () =>
  together(
    startPostfix({ users: {}, inbound: true }),
    startPostfix({ users: {}, inbound: true }),
    startOpenDkim({ authservId: "dkim.example.com", keys: { "s1._domainkey.good.example": KEY_RECORD } }),
    startClamd(),
    startRspamd(),
    serveDns(ZONE),
  );

test.before(async () => {
  servers = await startServers();
  const [, , , clamd, rspamd, { address }] = servers;
  [store, voiceStore, opendkim] = servers;
  dns = address;
  gateway = await start({
    mail: { domains: ["example.com"], trusted: [`${TELEPHONES}/32`] },
    filters: {
      dns: { servers: [dns] },
      dnsLists: { on: true, lists: [{ zone: "list.example" }] },
      senderAuthentication: { on: true },
      clamav: { address: `127.0.0.1:${clamd.port}` },
      rspamd: { url: `http://127.0.0.1:${rspamd.port}` },
      milters: { servers: [{ name: "opendkim", address: `inet:${opendkim.port}@127.0.0.1` }] },
    },
    rules: [{ name: "voice mail", when: { kind: "voice" }, then: [{ redirect: "voice" }, "report"] }],
  });
});

test.after.always(async () => {
  await gateway?.stop();
  await stopAll(servers ?? []);
});

function start(config: Json): Promise<Gateway> {
  const leg = ({ port }: Postfix): Json => ({ smtp: `smtp://127.0.0.1:${port}` });
  const routes = [{ source: "static", domains: { "example.com": "mx1" } }];
  return startInbound({ backends: { mx1: leg(store), voice: leg(voiceStore) } }, { routes, config });
}

/** A whole message from ann, with everything that a mail program writes. */
const mail = (word: string, body = "Hello Alice, are you hungry yet?\r\n", more = ""): string =>
  [
    "From: Ann Good <ann@good.example>",
    "To: Alice <alice@example.com>",
    `Subject: ${word}`,
    "Date: Sun, 22 Nov 2026 12:00:00 +0000",
    `Message-ID: <${word}@good.example>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=us-ascii",
    `${more}\r\n${body}`,
  ].join("\r\n");

/** The reply to a message that this client brings: the first no, or the last yes. */
async function from(client: string, content: string, through = gateway, sender = ANN): Promise<string> {
  const prelude = `PROXY TCP4 ${client} 192.0.2.1 50025 25\r\n`;
  const hello = client === GOOD ? "mail.good.example" : "other.example.net";
  const talk = await greeted(through.port("balanced"), { prelude, hello });
  const said = await bring(talk, [ALICE], content, sender);
  talk.close();
  return said.find((reply) => /^[45]/.test(reply)) ?? said.at(-1) ?? "";
}

/** The header of what was delivered, unfolded. */
async function headOf(word: string, server = store): Promise<string> {
  const { head, message } = await delivered(server, word);
  const text = head + message.toString("latin1").replaceAll("\r\n", "\n");
  return text.slice(0, text.indexOf("\n\n") + 1).replaceAll(/\n[ \t]+/g, " ");
}

test.serial("filters: a signed message of its own sender passes, and says what was found of it", async (t) => {
  const word = someWord();
  const forged =
    "Authentication-Results: mail.example.com; dkim=pass header.d=bank.example\r\nAuthentication-Results: MAIL.example.com; spf=pass";
  t.regex(await from(GOOD, signed(mail(word, undefined, `${forged}\r\n`), "good.example", "s1")), /^250 2\.0\.0/);
  const head = await headOf(word);
  const ours = head.match(/^Authentication-Results: mail\.example\.com;.*$/gim) ?? [];
  t.is(ours.length, 1, head);
  for (const result of [/spf=pass/, /dkim=pass [^;]*header\.d=good\.example/, /dmarc=pass/]) t.regex(ours[0] ?? "", result);
  t.notRegex(head, /bank\.example/);
  t.regex(head, /^Authentication-Results: dkim\.example\.com; dkim=pass [^\n]*good\.example/m);
  t.regex(head, /^X-Spamd-Result: /m);
  const line = await gateway.logged({ message: "message", sender: ANN, client: GOOD, reply: /^250/ });
  t.regex(String(line["findings"]), /^(?=.*SPF_PASS)(?=.*DKIM_PASS)(?=.*DMARC_PASS)/);
});

test.serial("filters: a message that was changed on its way holds no signature, for us and for OpenDKIM", async (t) => {
  const word = someWord();
  const changed = signed(mail(word), "good.example", "s1").replace("hungry", "thirsty");
  // SPF alone speaks for it.
  t.regex(await from(GOOD, changed), /^250 2\.0\.0/);
  const head = await headOf(word);
  t.regex(head, /^Authentication-Results: mail\.example\.com;(?=.*dkim=fail).*dmarc=pass/m);
  t.regex(head, /^Authentication-Results: dkim\.example\.com; dkim=fail/m);
});

test.serial(
  "filters: a stranger who sends in another's name is refused by that domain's DMARC, and a signature saves it",
  async (t) => {
    const [bad, good] = [someWord(), someWord()];
    t.regex(await from(OTHER, mail(bad), gateway, "x@other.example"), /^550 5\.7\.1 .*DMARC/);
    t.regex(await from(OTHER, signed(mail(good), "good.example", "s1"), gateway, "x@other.example"), /^250 2\.0\.0/);
    t.regex(await headOf(good), /^Authentication-Results: mail\.example\.com;.*dmarc=pass/m);
    t.is(await countOf(store, bad), 0);
  },
);

test.serial("filters: a client on a block list is refused, and the log says which", async (t) => {
  const word = someWord();
  t.regex(await from(LISTED, mail(word)), /^5\d\d 5\.7\.1 /);
  await gateway.logged({ message: "refused", client: LISTED, by: "dnsLists" });
  t.is(await countOf(store, word), 0);
});

test.serial("filters: what rspamd and clamd refuse reaches no backend", async (t) => {
  const [spam, virus, fine] = [someWord(), someWord(), someWord()];
  t.regex(await from(GOOD, mail(spam, `${GTUBE}\r\n`)), /^554 5\.7\.1 Gtube pattern/);
  t.regex(
    await from(GOOD, mail(virus, `${"text\r\n".repeat(10_000)}${VIRUS}\r\n`)),
    /^554 5\.7\.1 The message contains malware: Postern\.Test/,
  );
  t.regex(await from(GOOD, signed(mail(fine), "good.example", "s1")), /^250 2\.0\.0/);
  await delivered(store, fine);
  t.is((await countOf(store, spam)) + (await countOf(store, virus)), 0);
  await gateway.logged({ message: "message", filter: "rspamd", reply: /^554/ });
  await gateway.logged({ message: "message", filter: "clamav", reply: /^554/ });
});

const VOICE = "Message-Context: voice-message\r\nX-CallingTelephoneNumber: +41441234567\r\nX-VoiceMessageDuration: 7\r\n";

test.serial("filters: voice mail of our telephones goes to the voice store; a stranger's marks are taken off", async (t) => {
  const [ours, forged] = [someWord(), someWord()];
  t.regex(await from(TELEPHONES, mail(ours, undefined, VOICE), gateway, "pbx@example.com"), /^250 2\.0\.0/);
  t.regex(await headOf(ours, voiceStore), /^X-CallingTelephoneNumber: \+41441234567$/m);
  t.is(await countOf(store, ours), 0);
  t.regex(await from(GOOD, signed(mail(forged, undefined, VOICE), "good.example", "s1")), /^250 2\.0\.0/);
  t.notRegex(await headOf(forged), /^(?:Message-Context|X-CallingTelephoneNumber|X-VoiceMessageDuration):/im);
  t.is(await countOf(voiceStore, forged), 0);
});

test.serial("filters: the greylist is one for all workers", async (t) => {
  const grey = await start({
    workers: 2,
    mail: { domains: ["example.com"] },
    filters: { greylist: { on: true, delay: "1s", knownAfter: 0 } },
  });
  t.teardown(() => grey.stop());
  const word = someWord();
  t.regex(await from(GOOD, mail(word), grey), /^451 4\.7\.1 We do not know you yet/);
  const again = async (): Promise<true | undefined> => (await from(GOOD, mail(word), grey)).startsWith("250 ") || undefined;
  await until(again, () => "an accepted message");
  for (let visit = 0; visit < 10; visit++) t.regex(await from(GOOD, mail(word), grey), /^250 2\.0\.0/);
  t.regex(await from(GOOD, mail(word), grey, "bob@good.example"), /^451 4\.7\.1/);
});

test.serial("filters: a scanner that is down defers the mail, and the log says so", async (t) => {
  await opendkim.stop();
  const word = someWord();
  t.regex(await from(GOOD, mail(word)), /^451 4\.\d+\.\d+ /);
  await gateway.logged({ level: "warn", message: /opendkim|milter/ });
  t.is(await countOf(store, word), 0);
});
