// What tests of mail that comes in share: two real Postfixes and a real Dovecot behind the gateway, each told of the client in
// another way; the client's side of the dialogue in raw commands; and a look at what was delivered.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { startDovecot, startPostfix, type Dovecot, type Postfix } from "@postern/testing";
import { Talk, type TalkOptions } from "./clients.ts";
import { startGateway, type Gateway, type GatewayOptions, type Json } from "./gateway-process.ts";
import { backendCertificate, FILES } from "./mailboxes.ts";
import { stopAll, together } from "./together.ts";
import { until } from "./until.ts";

export const STRANGER = "stranger@example.net";
export const DAEVE = "däve@example.com";

/** Who lives where. mx1 knows nobody of the name gone, the store nobody of the name ghost. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  mx1: ["alice", "carol", "dave", "postmaster", "all", "däve", "gone"].map(atHome),
  mx2: ["bob", "dora"].map(atHome),
  store: ["erin", "frank", "ghost"].map(atHome),
};

/** Every user to the backend that knows it, of these. */
export const routesTo = (...backends: readonly string[]): Json[] => [
  {
    source: "static",
    users: Object.fromEntries(backends.flatMap((backend) => (HOMES[backend] ?? []).map((name) => [name, backend]))),
  },
];

function atHome(name: string): string {
  return `${name}@example.com`;
}

export const LISTENERS: Readonly<Record<string, Json>> = {
  smtp: { protocol: "smtp", tls: "starttls" },
  balanced: { protocol: "smtp", tls: "starttls", proxyProtocol: { from: ["127.0.0.1/32"] } },
};

export interface Exchange {
  /** Is told of the client by XCLIENT, without TLS. */
  readonly mx1: Postfix;
  /** By a PROXY header, and behind STARTTLS. */
  readonly mx2: Postfix;
  /** LMTP. */
  readonly store: Dovecot;
  /** Legs to all three, for a configuration. */
  readonly backends: Json;
  stop(): Promise<void>;
}

export async function startExchange(): Promise<Exchange> {
  // What goes to the first one's backend goes there for all: it takes bob's, too.
  const recipients = [...(HOMES["mx1"] ?? []).filter((name) => !name.startsWith("gone")), atHome("bob")];
  const proxied = { proxyHeader: true, tls: backendCertificate, xclientHosts: "192.0.2.1" };
  const passwords = { [atHome("erin")]: "x", [atHome("frank")]: "x" };
  const [mx1, mx2, store] = await together(
    startPostfix({ users: {}, inbound: true, recipients }),
    startPostfix({ users: {}, inbound: true, ...proxied }),
    startDovecot({ users: passwords, lmtp: true, trustedNetworks: "127.0.0.0/8" }),
  );
  const tls = { ca: "ca.pem", serverName: "mbx.example.net" };
  const backends = {
    mx1: { smtp: `smtp://127.0.0.1:${mx1.port}` },
    mx2: { smtp: { url: `smtp+starttls://127.0.0.1:${mx2.port}`, proxyHeader: "v2", tls } },
    store: { smtp: `lmtp://127.0.0.1:${store.lmtpPort}` },
  };
  return { mx1, mx2, store, backends, stop: () => stopAll([mx1, mx2, store]) };
}

/** The program in front of them; `config` is added to what the tests need. */
export function startInbound({ backends }: Pick<Exchange, "backends">, rest: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const config: Json = { mail: { domains: ["example.com"] }, health: { interval: "1s", timeout: "1s" }, ...rest.config };
  return startGateway({ listeners: LISTENERS, backends, routes: routesTo("mx1", "mx2", "store"), files: FILES, ...rest, config });
}

/** One reply, of one line or several. */
export const REPLY = /^\d{3}(?: .*)?\r\n/m;

/** A client's dialogue after EHLO, without TLS unless told otherwise. */
export async function greeted(port: number, { hello = "client.example.net", ...options }: TalkOptions & { hello?: string } = {}) {
  const talk = await Talk.open({ port, tls: false, ...options });
  await talk.until(REPLY);
  await talk.ask(`EHLO ${hello}\r\n`, REPLY);
  return talk;
}

/** Sends commands one after the other; their replies. Commands are UTF-8. */
export async function replies(talk: Talk, ...commands: readonly string[]): Promise<string[]> {
  const said: string[] = [];
  for (const command of commands) {
    talk.send(Buffer.from(`${command}\r\n`));
    said.push(await talk.until(REPLY));
  }
  return said;
}

/** MAIL, RCPT for each, DATA and the content with its dots doubled; the replies to all of them. */
export async function bring(talk: Talk, to: readonly string[], content: string, from = STRANGER): Promise<string[]> {
  const said = await replies(talk, `MAIL FROM:<${from}>`, ...to.map((one) => `RCPT TO:<${one}>`), "DATA");
  if (!said.at(-1)?.startsWith("354")) return said;
  return [...said, await talk.ask(`${content.replaceAll(/^\./gm, "..")}.\r\n`, REPLY)];
}

/** The mail with this word in a user's maildir, LF line ends. */
export function stored(store: Dovecot, user: string, word: string): Promise<string> {
  const folder = join(store.folder(user), "new");
  return until(
    async () => {
      const names = await readdir(folder).catch(() => []);
      const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "latin1")));
      return texts.find((text) => text.includes(word));
    },
    () => `the message ${word} of ${user} in ${store.log()}`,
  );
}

/** How many messages with this word a Postfix has delivered. */
export async function countOf({ messages }: Pick<Postfix, "messages">, word: string): Promise<number> {
  return (await messages()).filter((one) => one.includes(word)).length;
}

/** Waits until these Postfixes have delivered all that they have taken. */
export async function settled(...servers: readonly Pick<Postfix, "queued" | "log">[]): Promise<void> {
  for (const { queued, log } of servers)
    await until(
      async () => (await queued()) === 0 || undefined,
      () => `an empty queue; the log: ${log().slice(-4000)}`,
      60_000,
    );
}
