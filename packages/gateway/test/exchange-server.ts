// A small mailbox server for tests that behaves on the wire as Exchange's front door does: ActiveSync ([MS-ASHTTP]), MAPI over
// HTTP ([MS-OXCMAPIHTTP]), EWS with streamed events, OWA with its logon page, Autodiscover in plain XML. Everybody may log in by
// Basic; each answer names the server in X-BEServer. What takes long stays open until the test says how it goes on.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "./until.ts";

export interface Request {
  readonly method: string;
  readonly url: string;
  /** Of Basic; "" without a login. */
  readonly user: string;
  readonly fields: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** An answer that is under way. */
export interface Long {
  readonly request: Request;
  /** Sends a piece, as one chunk. */
  say(text: string): void;
  end(text: string): void;
  /** The server dies under it. */
  die(): void;
  /** Waits until nobody waits for it any more. */
  left(): Promise<unknown>;
}

export interface ExchangeServer {
  readonly port: number;
  readonly requests: readonly Request[];
  /** The requests of this X-RequestType. */
  mapi(type: string): readonly Request[];
  /** Waits for the next one that stays open, and takes it. */
  long(): Promise<Long>;
  /** From now on Execute dies before it says anything. */
  breakExecute(): void;
  stop(): Promise<void>;
}

interface House {
  readonly name: string;
  readonly open: Long[];
  isBroken: boolean;
}

type Folder = (request: Request, answer: ServerResponse, house: House) => void;

const hold = (request: Request, answer: ServerResponse, { open }: House): void => {
  const closed = once(answer, "close");
  open.push({
    request,
    say: (text) => void answer.write(text),
    end: (text) => void answer.end(text),
    die: () => void answer.socket?.destroy(),
    left: () => closed,
  });
};

const COMMANDS = "Sync,SendMail,FolderSync,Ping,Provision,Settings";

const activeSync: Folder = (request, answer, house) => {
  if (request.method === "OPTIONS") {
    answer.writeHead(200, { "MS-ASProtocolVersions": "2.5,12.1,14.0,14.1,16.1", "MS-ASProtocolCommands": COMMANDS });
    return void answer.end();
  }
  answer.setHeader("Content-Type", "application/vnd.ms-sync.wbxml");
  if (commandOf(request.url) === "Ping") return hold(request, answer, house);
  answer.end(Buffer.concat([Buffer.from([3, 1, 106, 0]), request.body]));
};

/** In the plain query, or the second octet of the encoded one. */
function commandOf(url: string): string {
  const query = url.slice(url.indexOf("?") + 1);
  const plain = new URLSearchParams(query).get("Cmd");
  return plain ?? (Buffer.from(query, "base64")[1] === 18 ? "Ping" : "Sync");
}

const mapi: Folder = (request, answer, house) => {
  const type = String(request.fields["x-requesttype"]);
  answer.setHeader("Content-Type", "application/mapi-http");
  for (const name of ["X-RequestType", "X-RequestId", "X-ClientInfo"])
    answer.setHeader(name, String(request.fields[name.toLowerCase()] ?? ""));
  if (type === "Connect") {
    answer.setHeader("Set-Cookie", [`sid=${house.name}-1; path=/mapi/emsmdb; secure; httponly`, "sequence=1; path=/mapi/emsmdb"]);
    answer.setHeader("X-ResponseCode", "0");
    return void answer.end("PROCESSING\r\nDONE\r\nX-ElapsedTime: 3\r\n\r\nconnected");
  }
  if (house.isBroken && type === "Execute") return void answer.socket?.destroy();
  const isKnown = String(request.fields.cookie).includes(`sid=${house.name}-1`);
  answer.setHeader("X-ResponseCode", isKnown ? "0" : "10");
  if (!isKnown) return void answer.end();
  answer.setHeader("X-PendingPeriod", "30000");
  answer.write("PROCESSING\r\n");
  hold(request, answer, house);
};

const ENVELOPE = '<?xml version="1.0"?><soap11:Envelope xmlns:soap11="http://schemas.xmlsoap.org/soap/envelope/">';

const ews: Folder = (request, answer, house) => {
  answer.setHeader("Content-Type", "text/xml; charset=utf-8");
  if (request.body.includes("GetStreamingEvents")) {
    answer.flushHeaders();
    return hold(request, answer, house);
  }
  answer.end(`${ENVELOPE}<server>${house.name}</server></soap11:Envelope>`);
};

const owa: Folder = ({ method, url, user, fields }, answer, { name }) => {
  const base = `https://${String(fields.host)}`;
  if (method === "POST" && url === "/owa/auth.owa") {
    answer.writeHead(302, {
      Location: `${base}/owa/`,
      "Set-Cookie": ["cadata=abc; path=/; secure; HttpOnly", "cadataTTL=1; path=/"],
    });
    return void answer.end();
  }
  if (url.startsWith("/owa/auth/logon.aspx")) return void answer.end(`<form action="/owa/auth.owa">${name}</form>`);
  if (user === "" && !String(fields.cookie).includes("cadata=")) {
    answer.writeHead(302, { Location: `${base}/owa/auth/logon.aspx?url=${encodeURIComponent(base + url)}&reason=0` });
    return void answer.end();
  }
  answer.setHeader("Content-Type", "text/html");
  answer.end(`<h1>${name}</h1>`);
};

const autodiscover: Folder = ({ body }, answer, { name }) => {
  const address = /<EMailAddress>(.*?)</.exec(body.toString())?.[1] ?? "";
  answer.setHeader("Content-Type", "text/xml");
  answer.end(
    `<Autodiscover><Response><User><EMailAddress>${address}</EMailAddress></User><Server>${name}</Server></Response></Autodiscover>`,
  );
};

const FOLDERS: readonly (readonly [prefix: string, folder: Folder, isOpen: boolean])[] = [
  ["/microsoft-server-activesync", activeSync, false],
  ["/mapi/", mapi, false],
  ["/ews/", ews, false],
  ["/owa/", owa, true],
  ["/autodiscover/", autodiscover, false],
];

/** `without`: folders that it answers with 404. */
export async function startExchange(name: string, without: readonly string[] = []): Promise<ExchangeServer> {
  const house: House = { name, open: [], isBroken: false };
  const requests: Request[] = [];

  async function onRequest(head: IncomingMessage, answer: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of head) pieces.push(piece as Buffer);
    const request = {
      method: head.method ?? "",
      url: head.url ?? "",
      user: userOf(head.headers.authorization),
      fields: head.headers,
      body: Buffer.concat(pieces),
    };
    requests.push(request);
    answer.setHeader("X-BEServer", name);
    const path = request.url.toLowerCase();
    const [prefix, folder, isOpen] = FOLDERS.find(([each]) => path.startsWith(each)) ?? [];
    if (folder === undefined || without.includes(prefix ?? "")) answer.writeHead(404).end();
    else if (isOpen === false && request.user === "") answer.writeHead(401, { "WWW-Authenticate": 'Basic realm="mail"' }).end();
    else folder(request, answer, house);
  }

  // A client that is cut leaves half a request behind.
  const server = createServer((head, answer) => void onRequest(head, answer).catch(() => answer.destroy()));
  server.requestTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    mapi: (type) => requests.filter(({ fields }) => fields["x-requesttype"] === type),
    long: () =>
      until(
        () => house.open.shift(),
        () => `a request at ${name} that stays open`,
        30_000,
      ),
    breakExecute: () => void (house.isBroken = true),
    async stop() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const userOf = (authorization = ""): string =>
  Buffer.from(authorization.replace(/^Basic /, ""), "base64")
    .toString()
    .split(":", 1)[0] ?? "";
