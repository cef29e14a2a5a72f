// The rules of examples/voice-and-fax in the real program: whose marks are believed, and which backend gets what. Beside it, postern rule test
// says of the same messages what came of them.

import test from "ava";
import { POSTERN, type Json } from "./gateway-process.ts";
import { run } from "./clients.ts";
import { startDefences, type Defences } from "./defences.ts";
import { bring, REPLY } from "./inbound.ts";

/* oxlint-disable unicorn/no-thenable -- "then" is the word of the configuration; nobody awaits it. */
const ROUTES: Json[] = [
  {
    source: "static",
    users: { "alice@example.com": "mbx1", "bob@example.com": "mbx2", "postmaster@example.com": "mbx1" },
    domains: { "voice.example.com": "voicestore", "store.fax.example.com": "faxgateway", "fax.example.com": "faxgateway" },
  },
];
const MAIL: Json = { domains: ["example.com", "fax.example.com"], trusted: ["10.0.5.0/24"] };
const RULES: Json[] = [
  {
    name: "faxes are sent by our own systems",
    when: { recipientDomain: "fax.example.com", trusted: false },
    then: { refuse: "This address does not take mail from outside" },
  },
  {
    name: "no voice mail from outside",
    when: { kind: ["voice", "missed-call"], trusted: false },
    then: { refuse: "Voice mail is not taken from outside" },
  },
  {
    name: "voice mail",
    when: { kind: "voice", recipientDomain: "example.com" },
    then: [{ maxSize: "5MB" }, { routeAs: "{user}@voice.{domain}" }, "report"],
  },
  {
    name: "faxes",
    when: { kind: "fax", recipientDomain: "example.com", trusted: true },
    then: [{ maxSize: "20MB" }, { routeAs: "{user}@store.fax.{domain}" }, "report"],
  },
  { name: "missed calls", when: { kind: "missed-call" }, then: { tag: { header: "X-Category", value: "Missed call" } } },
];
const [ALICE, BOB] = ["alice@example.com", "bob@example.com"] as const;
const [OURS, STRANGER] = ["10.0.5.9", "192.0.2.7"] as const;

let house: Defences;

test.before(async () => {
  house = await startDefences(
    { mail: MAIL, rules: RULES },
    { backends: ["mbx1", "mbx2", "voicestore", "faxgateway"], routes: ROUTES },
  );
});

test.after.always(() => house?.stop());

const VOICE = "Message-Context: voice-message\r\nContent-Class: voice\r\nSubject: Voice mail\r\n\r\nring\r\n";
const FAX = "Content-Type: image/tiff; application=faxbw\r\nSubject: Fax\r\n\r\nII*\r\n";
const PLAIN = "Subject: Hello\r\n\r\nHello\r\n";
const VPIM = "Content-Type: multipart/voice-message; boundary=b\r\n\r\n--b\r\n\r\nring\r\n--b--\r\n";

/** Who got a message: "voicestore alice@example.com". */
async function gets(client: string, to: readonly string[], content: string): Promise<{ reply: string; homes: string[] }> {
  const before = Object.fromEntries(Object.entries(house.sinks).map(([name, { taken }]) => [name, taken.length]));
  const talk = await house.from(client);
  await talk.until(REPLY);
  await talk.ask("EHLO client.example.net\r\n", REPLY);
  const said = await bring(talk, to, content);
  talk.close();
  const homes = Object.entries(house.sinks).flatMap(([name, { taken }]) =>
    taken.slice(before[name]).flatMap((one) => one.to.map((user) => `${name} ${user}`)),
  );
  return { reply: said.at(-1) ?? "", homes };
}

const ruleTest = (client: string, to: readonly string[], content: string) =>
  run(
    POSTERN,
    ["rule", "test", "--config", house.gateway.config, "--message", "-", "--from", "a@example.net", "--client", client].concat(
      to.flatMap((one) => ["--to", one]),
      "--json",
    ),
    { input: content },
  );

for (const [title, client, to, content, homes] of [
  ["voice mail of the telephone system goes to the voice store", OURS, [ALICE], VOICE, [`voicestore ${ALICE}`]],
  ["voice mail for two goes to the voice store once", OURS, [ALICE, BOB], VOICE, [`voicestore ${ALICE}`, `voicestore ${BOB}`]],
  ["voice mail with a detail in the address", OURS, ["alice+x@example.com"], VOICE, ["voicestore alice+x@example.com"]],
  ["voice mail in VPIM", OURS, [BOB], VPIM, [`voicestore ${BOB}`]],
  ["a fax of the fax server goes to the fax store", OURS, [BOB], FAX, [`faxgateway ${BOB}`]],
  ["ordinary mail goes to the mailboxes", STRANGER, [ALICE, BOB], PLAIN, [`mbx1 ${ALICE}`, `mbx2 ${BOB}`]],
  ["forged voice mail is ordinary mail", STRANGER, [ALICE], VOICE, [`mbx1 ${ALICE}`]],
  ["a forged fax is ordinary mail", STRANGER, [ALICE], FAX, [`mbx1 ${ALICE}`]],
  ["voice mail of a stranger in VPIM is refused", STRANGER, [ALICE], VPIM, []],
  [
    "faxes are sent by our own systems",
    OURS,
    ["FAX=+41441234567@fax.example.com"],
    PLAIN,
    ["faxgateway FAX=+41441234567@fax.example.com"],
  ],
  ["nobody else sends faxes", STRANGER, ["FAX=+41441234567@fax.example.com"], PLAIN, []],
] as const) {
  test.serial(`voice and fax: ${title}; and the dry run says so`, async (t) => {
    const live = await gets(client, to, content);
    t.deepEqual(live.homes, [...homes]);
    const { code, stdout, stderr } = await ruleTest(client, to, content);
    t.is(code, homes.length > 0 ? 0 : 1, stderr);
    const dry = JSON.parse(stdout.toString()) as {
      refusal?: { reply: { code: number; status: string } };
      recipients: { deliverTo?: string; backends: string[]; problem?: string }[];
    };
    t.deepEqual(
      dry.refusal === undefined
        ? dry.recipients
            .filter(({ problem }) => problem === undefined)
            .map(({ deliverTo, backends }) => `${backends[0]} ${deliverTo}`)
        : [],
      [...homes],
    );
  });
}

test.serial("voice and fax: the marks of strangers do not reach the mailbox", async (t) => {
  const forged = [
    "Content-Class : VOICE",
    "x-VOICEmessageduration: 5",
    "Message-Context:\r\n voice-message (really)",
    "X-MS-Exchange-Organization-AuthAs: Internal",
    "X-MS-EXCHANGE-Organization-SCL\t: -1",
    "x-ms-exchange-forest-foo:\r\n\t1",
    "X-Postern-Score: -100",
    'Content-Class: (a) "voice"',
    "Content-Class: =?utf-8?q?voice?=",
  ];
  await gets(STRANGER, [ALICE], `${forged.join("\r\n")}\r\nSubject: x\r\n\r\nbody\r\n`);
  t.notRegex(house.sinks["mbx1"]?.taken.at(-1)?.content ?? "", /voice|exchange|postern-score/i);
});
