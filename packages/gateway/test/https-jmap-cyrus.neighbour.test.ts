// JMAP of a server that we did not write, through the real program: two real Cyruses, one for each user; curl as the client.
// Debian's Cyrus has no WebSocket, and so no push: it answers an event source with 204.

import { randomBytes } from "node:crypto";
import test from "ava";
import type { ExecutionContext } from "ava";
import { startCyrus, type Cyrus } from "@postern/testing";
import { succeed } from "./clients.ts";
import { curl, type Asked, type Told } from "./curl.ts";
import { startGateway, type Gateway, type Json } from "./gateway-process.ts";
import { ALICE, BOB, FILES, PASSWORDS, ROUTES, WRONG } from "./mailboxes.ts";

const servers: Cyrus[] = [];
let gateway: Gateway;

test.before(async () => {
  for (const user of [ALICE, BOB]) {
    const cyrus = await startCyrus({ users: { [user]: PASSWORDS[user] ?? "" } });
    servers.push(cyrus);
    const server = `127.0.0.1:${cyrus.lmtpPort}`;
    const mail = ["--from", "dora@example.net", "--to", user, "--header", `Subject: Plums for ${user}`, "--body", "blue"];
    await succeed("swaks", ["--protocol", "LMTP", "--server", server, ...mail]);
  }
  gateway = await startGateway({
    listeners: { https: { protocol: "https" } },
    backends: Object.fromEntries(servers.map(({ port }, index) => [`mbx${index + 1}`, { https: `http://127.0.0.1:${port}` }])),
    routes: ROUTES,
    files: FILES,
  });
});

test.after.always(async () => {
  await gateway?.stop();
  for (const server of servers) await server.stop();
});

const ask = (path: string, asked?: Asked): Promise<Told> => curl(gateway, path, asked);

type Call = readonly [method: string, values: Json, id: string];

/** Calls methods in one request; what the last one answered, by name. */
async function call(t: ExecutionContext, user: string, ...methodCalls: readonly Call[]): Promise<Json> {
  const using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"];
  const body = JSON.stringify({ using, methodCalls });
  const told = await ask("/jmap/", { user, body, fields: ["Content-Type: application/json"] });
  t.is(told.status, 200, told.text);
  const [name = "", values = {}] = (JSON.parse(told.text) as { methodResponses: readonly Call[] }).methodResponses.at(-1) ?? [];
  return { ...values, name };
}

/** One property of all that Foo/get gave, in order. */
const each = ({ list }: Json, property: string): readonly string[] =>
  (list as readonly Json[]).map((one) => String(one[property])).toSorted((a, b) => a.localeCompare(b));

/** The subjects of all that a user has, found and read in one request. */
async function subjects(t: ExecutionContext, user: string): Promise<readonly string[]> {
  const found = { resultOf: "q", name: "Email/query", path: "/ids" };
  const query: Call = ["Email/query", { accountId: user, sort: [{ property: "receivedAt" }] }, "q"];
  const get: Call = ["Email/get", { accountId: user, "#ids": found, properties: ["subject"] }, "g"];
  return each(await call(t, user, query, get), "subject");
}

for (const [user, backend] of [
  [ALICE, "mbx1"],
  [BOB, "mbx2"],
] as const) {
  test.serial(`JMAP of Cyrus: ${user} finds the session by the well-known address, which leads to the gateway`, async (t) => {
    const known = await ask("/.well-known/jmap", { user });
    t.is(known.status, 301);
    t.is(known.field("location"), `https://mail.example.com:${gateway.port("https")}/jmap`);
    const told = await ask("/.well-known/jmap", { user, options: ["-L"] });
    t.is(told.status, 200);
    const { username, apiUrl, accounts } = JSON.parse(told.text) as { username: string; apiUrl: string; accounts: Json };
    t.is(username, user);
    t.is(apiUrl, "/jmap/");
    t.deepEqual(Object.keys(accounts), [user]);
    t.is((await gateway.logged({ message: "request", user, service: "jmap", status: 200 }))["backend"], backend);
  });

  test.serial(`JMAP of Cyrus: ${user} has folders and mail from the server that ${user} lives on`, async (t) => {
    const folders = await call(t, user, ["Mailbox/get", { accountId: user, properties: ["name"] }, "m"]);
    t.deepEqual(each(folders, "name"), ["Drafts", "Inbox"]);
    t.deepEqual(await subjects(t, user), [`Plums for ${user}`]);
  });

  for (const [way, fields] of [
    ["with its length", []],
    ["in chunks", ["Transfer-Encoding: chunked"]],
  ] as const)
    test.serial(`JMAP of Cyrus: ${user} uploads 3 MB ${way}, and downloads the same`, async (t) => {
      const body = randomBytes(2_250_000).toString("base64");
      const options = ["--http1.1"];
      const type = "Content-Type: application/octet-stream";
      const told = await ask(`/jmap/upload/${user}/`, { user, body, fields: [type, ...fields], options });
      t.is(told.status, 201, told.text);
      const { blobId, size } = JSON.parse(told.text) as { blobId: string; size: number };
      t.is(size, body.length);
      const path = `/jmap/download/${user}/${blobId}/plums.bin?accept=application%2Foctet-stream`;
      const back = await ask(path, { user });
      t.is(back.status, 200);
      t.true(back.text === body, "byte for byte");
      const part = await ask(path, { user, fields: ["Range: bytes=100-199"] });
      t.is(part.text, part.status === 206 ? body.slice(100, 200) : body);
    });

  test.serial(`JMAP of Cyrus: ${user} uploads a message, imports it and finds it`, async (t) => {
    const message = `From: <${user}>\r\nTo: <dora@example.net>\r\nSubject: Zwetschgen\r\n\r\nmany\r\n`;
    const fields = ["Content-Type: message/rfc822"];
    const { blobId } = JSON.parse((await ask(`/jmap/upload/${user}/`, { user, body: message, fields })).text) as Json;
    const found = await call(t, user, ["Mailbox/query", { accountId: user, filter: { role: "inbox" } }, "q"]);
    const [inbox = ""] = found["ids"] as readonly string[];
    const emails = { one: { blobId, mailboxIds: { [inbox]: true } } };
    const made = await call(t, user, ["Email/import", { accountId: user, emails }, "i"]);
    t.deepEqual(Object.keys(made["created"] as Json), ["one"]);
    t.deepEqual(await subjects(t, user), [`Plums for ${user}`, "Zwetschgen"]);
  });
}

test.serial("JMAP of Cyrus: an account of another server is not found, whatever the request says", async (t) => {
  const answer = await call(t, ALICE, ["Email/query", { accountId: BOB }, "q"]);
  t.is(answer["name"], "error");
  t.is(answer["type"], "accountNotFound");
  t.is((await ask(`/jmap/upload/${BOB}/`, { user: ALICE, body: "plums" })).status, 404);
});

test.serial("JMAP of Cyrus: who has a wrong password, or none, is refused by the server", async (t) => {
  for (const login of [{ user: ALICE, password: WRONG }, {}, { user: ALICE, password: PASSWORDS[BOB] ?? "" }]) {
    const told = await ask("/jmap/", login);
    t.is(told.status, 401);
    t.regex(told.field("www-authenticate") ?? "", /^Basic realm=/);
  }
});

test.serial("JMAP of Cyrus: its offer to speak HTTP/2 without TLS stays between it and the gateway", async (t) => {
  for (const option of ["--http1.1", "--http2"]) {
    const told = await ask("/jmap/", { user: ALICE, options: [option] });
    t.is(told.status, 200);
    t.is(told.field("upgrade"), undefined);
  }
});

test.serial("JMAP of Cyrus: that it pushes nothing is told to who opens an event source", async (t) => {
  const told = await ask("/jmap/eventsource/?types=*&closeafter=no&ping=0", { user: ALICE });
  t.is(told.status, 204);
  t.is(told.text, "");
});
