// What takes long in Exchange's protocols, and what may not happen twice: MAPI over HTTP and the streamed events of EWS, through
// the real program. That a piece arrives at once is shown by the order of events: the next one is sent when it is there.

import { connect } from "node:http2";
import test from "ava";
import { basic } from "./curl.ts";
import { BOX, open, post, startExchangeScene, type ExchangeScene } from "./exchange-scene.ts";
import { ALICE, authority, BOB } from "./mailboxes.ts";
import { until } from "./until.ts";

let scene: ExchangeScene;

test.beforeEach(async () => {
  scene = await startExchangeScene();
});

test.afterEach.always(() => scene?.stop());

const EMSMDB = `/mapi/emsmdb/?MailboxId=${BOX}`;
const mapi = (type: string, cookies = ""): string[] => [
  "Content-Type: application/mapi-http",
  `X-RequestType: ${type}`,
  "X-RequestId: {C715155F-2BE8-44E0-BD34-2960065754C8}:7",
  "X-ClientInfo: {2F94A2BF-A2E6-4CCCC-BF98-B5F22C542226}:1",
  "X-ClientApplication: Outlook/15.0.4763.1000",
  ...(cookies === "" ? [] : [`Cookie: ${cookies}`]),
];

const COOKIES = "sid=mbx2-1; sequence=1";

test.serial(
  "MAPI: Connect, then Execute: cookies and case of fields as they are, and each PENDING arrives at once",
  async (t) => {
    const client = await open(scene);
    const connected = await client.ask(post(EMSMDB, BOB, mapi("Connect"), "connect"), /\r\n\r\n[\s\S]*connected/);
    t.regex(connected, /\r\nSet-Cookie: sid=mbx2-1; path=\/mapi\/emsmdb; secure; httponly\r\n/);
    t.regex(connected, /\r\nX-RequestId: \{C715155F-2BE8-44E0-BD34-2960065754C8\}:7\r\n/);
    t.regex(connected, /\r\nX-ResponseCode: 0\r\n/);
    client.send(post(EMSMDB, BOB, mapi("Execute", COOKIES), "rops"));
    t.regex(await client.until(/c\r\nPROCESSING\r\n\r\n/i), /\r\nTransfer-Encoding: chunked\r\n/i);
    const execute = await scene.mbx2.long();
    t.is(execute.request.fields["cookie"], COOKIES);
    for (let pending = 0; pending < 5; pending += 1) {
      execute.say("PENDING\r\n");
      t.is(await client.until(/9\r\nPENDING\r\n\r\n/), "9\r\nPENDING\r\n\r\n");
    }
    execute.end("DONE\r\nX-ElapsedTime: 42\r\n\r\nropsdone");
    await client.until(/DONE\r\nX-ElapsedTime: 42\r\n\r\nropsdone\r\n0\r\n\r\n/);
    client.send(post(EMSMDB, BOB, mapi("NotificationWait", COOKIES), "wait"));
    await client.until(/PROCESSING/);
    (await scene.mbx2.long()).end("DONE\r\n\r\nnews");
    await client.until(/news\r\n0\r\n\r\n/);
    t.is(scene.mbx1.mapi("Execute").length, 0);
    client.close();
  },
);

test.serial(
  "MAPI: a server that dies within the answer to Execute cuts the client's connection, and nobody executes it again",
  async (t) => {
    const client = await open(scene);
    client.send(post(EMSMDB, BOB, mapi("Execute", COOKIES), "rops"));
    await client.until(/PROCESSING/);
    const execute = await scene.mbx2.long();
    execute.say("PENDING\r\n");
    await client.until(/PENDING/);
    execute.die();
    const rest = await client.over();
    t.notRegex(rest, /0\r\n\r\n$/, "the answer is seen not to be whole");
    t.notRegex(rest, /HTTP\/1\.1/);
    t.is(scene.mbx1.mapi("Execute").length + scene.mbx2.mapi("Execute").length, 1);
  },
);

test.serial("MAPI: a server that dies before it answers an Execute is 503, and the next candidate does not see it", async (t) => {
  scene.mbx2.breakExecute();
  for (let turn = 1; turn <= 3; turn += 1) {
    const told = await scene.ask(EMSMDB, {
      user: BOB,
      body: "rops",
      fields: mapi("Execute", COOKIES),
      options: turn % 2 === 0 ? ["--http1.1"] : [],
    });
    t.is(told.status, 503, "not 401, not 302, not 500");
    t.true(Number(told.field("retry-after")) > 0);
    t.is(scene.mbx2.mapi("Execute").length, turn);
  }
  t.is(scene.mbx1.mapi("Execute").length, 0);
});

test.serial(
  "MAPI: when its server is gone, the next candidate takes a request that was never sent; the context is found anew",
  async (t) => {
    await scene.mbx2.stop();
    const told = await scene.ask(EMSMDB, { user: BOB, body: "rops", fields: mapi("Execute", COOKIES) });
    t.is(told.status, 200);
    t.is(told.field("x-responsecode"), "10", "Outlook connects anew by itself");
    t.is(scene.mbx1.mapi("Execute").length, 1);
  },
);

test.serial("MAPI: a client that leaves within Execute ends it at the server, too", async (t) => {
  const client = await open(scene);
  client.send(post(EMSMDB, BOB, mapi("Execute", COOKIES), "rops"));
  await client.until(/PROCESSING/);
  const execute = await scene.mbx2.long();
  client.close();
  await execute.left();
  await scene.gateway.logged({ message: "request", service: "mapi", kind: "client-gone" });
  t.is(scene.mbx2.mapi("Execute").length, 1);
});

const STREAM = `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><GetStreamingEvents/></soap:Envelope>`;
const envelope = (text: string): string => `<Envelope><Event>${text}</Event></Envelope>`;

test.serial("EWS: events stream over HTTP/1.1, each envelope when it is there", async (t) => {
  const client = await open(scene);
  client.send(post("/EWS/Exchange.asmx", ALICE, ["Content-Type: text/xml"], STREAM));
  const stream = await scene.mbx1.long();
  t.regex(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 200 /, "the head comes before the first event");
  for (const event of ["NewMail", "Deleted", "Moved"]) {
    stream.say(envelope(event));
    await client.until(new RegExp(`${envelope(event)}\r\n`));
  }
  stream.end("");
  await client.until(/0\r\n\r\n/);
  client.close();
});

test.serial("EWS: events of two users stream side by side over one HTTP/2 connection, and are never mixed", async (t) => {
  const session = connect(`https://localhost:${scene.gateway.port("https")}`, { ca: authority.cert });
  t.teardown(() => session.destroy());
  const heard: Record<string, string> = { [ALICE]: "", [BOB]: "" };
  for (const user of [ALICE, BOB]) {
    const stream = session.request({ ":method": "POST", ":path": "/EWS/Exchange.asmx", authorization: basic(user) });
    stream.setEncoding("utf8").on("data", (text: string) => (heard[user] += text));
    stream.end(STREAM);
  }
  const [alices, bobs] = [await scene.mbx1.long(), await scene.mbx2.long()];
  t.deepEqual([alices.request.user, bobs.request.user], [ALICE, BOB]);
  for (let turn = 0; turn < 20; turn += 1) {
    const [user, stream] = turn % 3 === 0 ? [BOB, bobs] : [ALICE, alices];
    stream.say(envelope(`${user} ${turn}`));
    await until(
      () => heard[user]?.endsWith(envelope(`${user} ${turn}`)) || undefined,
      () => `event ${turn} in ${heard[user]}`,
      30_000,
    );
  }
  t.false(heard[ALICE]?.includes(BOB));
  t.false(heard[BOB]?.includes(ALICE));
});
