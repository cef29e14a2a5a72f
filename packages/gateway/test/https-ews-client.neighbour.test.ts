// An EWS client that we did not write, through the real program: Evolution's, without its screen. It logs in by Basic, which the
// servers check, over HTTP/2; and by NTLM, which the gateway checks with Samba, over HTTP/1.1. The servers are small ones of our
// own that have one folder each: they answer as [MS-OXWSSYNC] and [MS-OXWSFOLD] say.

import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import test from "ava";
import { run, type Outcome } from "./clients.ts";
import { startGateway, type Gateway, type Json } from "./gateway-process.ts";
import { ALICE, BOB, FILES, PASSWORDS, ROUTES, WRONG } from "./mailboxes.ts";
import { PASSWORD } from "./ntlm-web-client.ts";

const CLIENT = fileURLToPath(new URL("ews-client.py", import.meta.url));
const SCHEMAS = "http://schemas.microsoft.com/exchange/services/2006";

let servers: readonly Server[];
/** The servers check logins. */
let pass: Gateway;
/** The gateway checks logins, and names the user. */
let edge: Gateway;

test.before(async () => {
  servers = await Promise.all(["mbx1", "mbx2"].map(startEws));
  const legs = (login: string): Json =>
    Object.fromEntries(servers.map((server, index) => [`mbx${index + 1}`, { https: { url: addressOf(server), login } }]));
  const common = { listeners: { https: { protocol: "https" } }, routes: ROUTES, files: FILES };
  pass = await startGateway({ ...common, backends: legs("relay") });
  const command = ["ntlm_auth", "--helper-protocol=ntlm-server-1", `--password=${PASSWORD}`];
  edge = await startGateway({
    ...common,
    backends: legs("xclient"),
    config: {
      authentication: { verifiers: [{ verifier: "ntlm", domains: { EXAMPLE: "example.com" }, command }] },
      https: { services: { ews: { authentication: "edge" } } },
    },
  });
});

test.after.always(async () => {
  await pass?.stop();
  await edge?.stop();
  for (const server of servers ?? []) {
    server.close();
    server.closeAllConnections();
  }
});

const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function startEws(name: string): Promise<Server> {
  const server = createServer((request, answer) => void serve(name, request, answer).catch(() => answer.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function serve(name: string, request: IncomingMessage, answer: ServerResponse): Promise<void> {
  const body = await text(request);
  if (!isLoggedIn(request)) return void answer.writeHead(401, { "WWW-Authenticate": 'Basic realm="mail"' }).end();
  const [, asked = ""] = /<messages:(\w+)/.exec(body) ?? [];
  answer.setHeader("Content-Type", "text/xml; charset=utf-8");
  answer.end(envelope(asked, ANSWERS[asked]?.(name, body) ?? [failed(asked, "ErrorItemNotFound")]));
}

function isLoggedIn({ headers }: IncomingMessage): boolean {
  if (headers["x-remote-user"] !== undefined) return true;
  const [user = "", password] = Buffer.from((headers.authorization ?? "").slice("Basic ".length), "base64")
    .toString()
    .split(":");
  return password !== undefined && PASSWORDS[user] === password;
}

/** What a server answers to each operation, a message for each thing that was asked for. */
const ANSWERS: Readonly<Record<string, (name: string, body: string) => readonly string[]>> = {
  SyncFolderHierarchy: (name) => [
    done(
      "SyncFolderHierarchy",
      `<m:SyncState>H4sI</m:SyncState><m:IncludesLastFolderInRange>true</m:IncludesLastFolderInRange><m:Changes><t:Create>
<t:Folder><t:FolderId Id="plums" ChangeKey="AQ=="/><t:ParentFolderId Id="root" ChangeKey="AQ=="/><t:FolderClass>IPF.Note</t:FolderClass>
<t:DisplayName>Plums of ${name}</t:DisplayName><t:TotalCount>0</t:TotalCount><t:ChildFolderCount>0</t:ChildFolderCount>
<t:UnreadCount>0</t:UnreadCount></t:Folder></t:Create></m:Changes>`,
    ),
  ],
  GetFolder: (_, body) =>
    [...body.matchAll(/<DistinguishedFolderId Id="(\w+)"/g)].map(([, id]) =>
      id === "msgfolderroot"
        ? done("GetFolder", `<m:Folders><t:Folder><t:FolderId Id="root" ChangeKey="AQ=="/></t:Folder></m:Folders>`)
        : failed("GetFolder", "ErrorFolderNotFound"),
    ),
};

const done = (operation: string, inner: string): string =>
  `<m:${operation}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>${inner}</m:${operation}ResponseMessage>`;
const failed = (operation: string, code: string): string =>
  `<m:${operation}ResponseMessage ResponseClass="Error"><m:MessageText>No.</m:MessageText><m:ResponseCode>${code}</m:ResponseCode>
<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey></m:${operation}ResponseMessage>`;
const envelope = (operation: string, messages: readonly string[]): string =>
  `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>
<t:ServerVersionInfo xmlns:t="${SCHEMAS}/types" MajorVersion="15" MinorVersion="1" MajorBuildNumber="2507" MinorBuildNumber="6"
Version="V2017_07_11"/></s:Header><s:Body xmlns:m="${SCHEMAS}/messages" xmlns:t="${SCHEMAS}/types"><m:${operation}Response>
<m:ResponseMessages>${messages.join("")}</m:ResponseMessages></m:${operation}Response></s:Body></s:Envelope>`;

/** Runs Evolution's client, with a D-Bus of its own. */
async function evolution(gateway: Gateway, method: "PLAIN" | "NTLM", user: string, password: string): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "evolution-"));
  const fingerprint = new X509Certificate(FILES["server.pem"]).fingerprint.replaceAll(":", "").toLowerCase();
  const url = `https://localhost:${gateway.port("https")}/EWS/Exchange.asmx`;
  const own = {
    HOME: folder,
    XDG_CONFIG_HOME: `${folder}/config`,
    XDG_DATA_HOME: `${folder}/share`,
    XDG_CACHE_HOME: `${folder}/c`,
  };
  try {
    return await run("dbus-run-session", ["/usr/bin/python3", CLIENT, folder, url, fingerprint, method], {
      input: `${user}\n${password}\n`,
      env: { ...own, XDG_RUNTIME_DIR: folder, GSETTINGS_BACKEND: "memory" },
    });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

const requests = (gateway: Gateway, user: string): readonly Json[] =>
  gateway.log().filter((line) => line["message"] === "request" && line["user"] === user);

for (const [user, backend] of [
  [ALICE, "mbx1"],
  [BOB, "mbx2"],
] as const) {
  test.serial(`EWS: Evolution logs in by Basic over HTTP/2, and finds the folders of ${user}`, async (t) => {
    const { code, stdout, stderr } = await evolution(pass, "PLAIN", user, PASSWORDS[user] ?? "");
    t.is(code, 0, stderr);
    t.deepEqual(JSON.parse(stdout.toString()), [`Plums of ${backend}`], stdout.toString());
    const told = requests(pass, user);
    t.true(told.length >= 2);
    for (const line of told) t.like(line, { service: "ews", backend, version: "2", status: 200 });
  });

  test.serial(`EWS: Evolution logs in by NTLM, goes down to HTTP/1.1 for it, and finds the folders of ${user}`, async (t) => {
    const { code, stdout, stderr } = await evolution(edge, "NTLM", `EXAMPLE\\${user.split("@", 1)[0]}`, PASSWORD);
    t.is(code, 0, stderr);
    t.deepEqual(JSON.parse(stdout.toString()), [`Plums of ${backend}`], stdout.toString());
    const told = requests(edge, user).filter((line) => line["status"] === 200);
    t.true(told.length >= 2);
    for (const line of told) t.like(line, { service: "ews", backend, version: "1.1" });
  });
}

test.serial("EWS: with a wrong password Evolution is let in by neither, and no folder is read", async (t) => {
  for (const [gateway, method, user] of [
    [pass, "PLAIN", ALICE],
    [edge, "NTLM", "EXAMPLE\\alice"],
  ] as const) {
    const before = gateway.log().filter((line) => line["status"] === 200).length;
    const { code, stdout } = await evolution(gateway, method, user, WRONG);
    t.is(code, 3, stdout.toString());
    t.is(gateway.log().filter((line) => line["status"] === 200).length, before);
    await gateway.logged({ message: "request", status: 401 });
  }
});
