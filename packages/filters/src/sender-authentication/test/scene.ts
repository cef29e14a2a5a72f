// For tests of sender authentication: keys, a small DNS in memory, messages, and a filter that one message is led through,
// stage by stage, as the front of the gateway does it.

import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { FilterAnswer, HeaderEdit, MailFilter, MailTransaction } from "@postern/contracts";
import { parseHeader } from "@postern/message";
import { createFakeClock, createMemoryLogger, testSession } from "@postern/testing";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import { sealMessage } from "mailauth/lib/arc/index.js";
import type { DnsAnswer, DnsAnswers, DnsResolver, DnsType } from "../../dns.ts";
import type { FilterServices } from "../../row.ts";
import { senderAuthentication } from "../index.ts";
import type { SenderAuthenticationSettings } from "../settings.ts";

export interface Key {
  readonly pem: string;
  /** Its DNS record. */
  readonly record: string;
}

function keyOf({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }, kind: "rsa" | "ed25519"): Key {
  const der = publicKey.export({ type: "spki", format: "der" });
  // RFC 8463 section 4: the bare 32 bytes of an Ed25519 key.
  const p = kind === "rsa" ? der : der.subarray(-32);
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  return { pem, record: `v=DKIM1; k=${kind}; p=${p.toString("base64")}` };
}

export const RSA = keyOf(generateKeyPairSync("rsa", { modulusLength: 2048 }), "rsa");
export const ED25519 = keyOf(generateKeyPairSync("ed25519"), "ed25519");
export const WEAK = keyOf(generateKeyPairSync("rsa", { modulusLength: 768 }), "rsa");

export type Zone = Readonly<Record<string, Partial<DnsAnswers> | "down">>;

export interface TestDns extends DnsResolver {
  readonly asked: string[];
}

/** Names in small letters; a name that is not there does not exist. */
export function dnsOf(zone: Zone): TestDns {
  const asked: string[] = [];
  return {
    asked,
    ask<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<T>> {
      asked.push(`${type} ${name}`);
      const records = zone[name.toLowerCase()];
      if (records === "down") return Promise.resolve({ state: "down", reason: "no server answers" });
      const found = records?.[type] as DnsAnswers[T] | undefined;
      return Promise.resolve(found === undefined ? { state: "none" } : { state: "found", records: found });
    },
  };
}

export const txt = (...records: string[]): Partial<DnsAnswers> => ({ TXT: records });

/** example.com: may send from 192.0.2.7, signs with s1 (RSA) and s2 (Ed25519), and asks to reject what is neither. */
export const EXAMPLE: Zone = {
  "example.com": { TXT: ["v=spf1 ip4:192.0.2.7 -all"], A: ["192.0.2.80"] },
  "s1._domainkey.example.com": txt(RSA.record),
  "s2._domainkey.example.com": txt(ED25519.record),
  "_dmarc.example.com": txt("v=DMARC1; p=reject"),
};

export const MESSAGE = [
  "From: Alice <alice@example.com>",
  "To: bob@example.org",
  "Subject: Supper",
  "Date: Thu, 1 Jan 2026 00:00:00 +0000",
  "Message-ID: <1@example.com>",
  "",
  "Are you hungry yet?",
  "",
].join("\r\n");

export interface SignOptions {
  readonly domain?: string;
  readonly selector?: string;
  readonly key?: Key;
  readonly canonicalization?: string;
  readonly expires?: Date;
  readonly signTime?: Date;
  readonly maxBodyLength?: number;
}

/** The message with a signature by mailauth on top. */
export async function signed(message: string, options: SignOptions = {}): Promise<string> {
  const { domain = "example.com", selector = "s1", key = RSA, ...rest } = options;
  const one = {
    signingDomain: domain,
    selector,
    privateKey: key.pem,
    ...(rest.maxBodyLength !== undefined && { maxBodyLength: rest.maxBodyLength }),
  };
  const { signatures, errors } = await dkimSign(message, {
    ...one,
    canonicalization: rest.canonicalization ?? "relaxed/relaxed",
    signTime: rest.signTime ?? new Date(START),
    ...(rest.expires !== undefined && { expires: rest.expires }),
    signatureData: [one],
  });
  if (signatures === "") throw new Error(`Cannot sign: ${JSON.stringify(errors)}`);
  return signatures + message;
}

/** The message with one more ARC set; `said`: what the sealer claims to have seen. */
export async function sealed(message: string, domain: string, said: string, cv: "none" | "pass" = "none"): Promise<string> {
  const seal = { signingDomain: domain, selector: "arc", privateKey: RSA.pem, cv, authResults: said, signTime: new Date(START) };
  return (await sealMessage(message, seal)).toString() + message;
}

export const START = Date.UTC(2026, 0, 1);

/** The defaults, as the configuration would yield them. */
export function settingsOf(rest: Partial<SenderAuthenticationSettings> = {}): SenderAuthenticationSettings {
  const { fields } = senderAuthentication.settings;
  const scores = Object.fromEntries(Object.entries(fields.scores.fields).map(([name, { default: value }]) => [name, value]));
  const plain = Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, "default" in field ? field.default : undefined]),
  );
  return { ...plain, on: true, scores, ...rest } as SenderAuthenticationSettings;
}

export interface Play {
  readonly message: string | Buffer;
  readonly zone?: Zone;
  readonly dns?: DnsResolver;
  readonly settings?: Partial<SenderAuthenticationSettings>;
  readonly ip?: string;
  readonly hello?: string;
  readonly sender?: string;
  readonly trusted?: boolean;
  /** Bytes in each piece of the content. */
  readonly piece?: number;
  /** What the client said with SIZE. */
  readonly size?: number;
}

export interface Played {
  /** At which stage the filter said anything, and what. */
  readonly stage: string | undefined;
  readonly reply: string | undefined;
  readonly results: readonly string[];
  readonly symbols: Readonly<Record<string, number>>;
  readonly edits: readonly HeaderEdit[];
  /** The value of our field. */
  readonly field: string | undefined;
  readonly held: boolean;
  readonly log: string;
  readonly transaction: MailTransaction;
}

const transactionOf = ({
  sender = "alice@example.com",
  ip = "192.0.2.7",
  hello = "mail.example.com",
  trusted = false,
  size = 0,
}: Play) => ({
  id: "t1",
  visit: {
    session: testSession({ client: { host: ip, port: 4711 } }),
    hello,
    extended: true,
    spokeEarly: false,
    trusted,
    hostName: undefined,
    refusedRecipients: 0,
    findings: [],
  },
  sender: { address: sender, parameters: new Map() },
  recipients: [],
  size,
  header: undefined as MailTransaction["header"],
  kind: undefined,
  findings: [] as MailTransaction["findings"],
  authentication: [],
  edits: [] as HeaderEdit[],
  redirect: undefined,
  added: [],
});

async function stages(filter: MailFilter, transaction: ReturnType<typeof transactionOf>, play: Play) {
  const bytes = Buffer.from(play.message);
  const end = bytes.indexOf("\r\n\r\n");
  const ends: { stage: string; answer: FilterAnswer }[] = [];
  const said = (stage: string, answer: FilterAnswer): boolean => {
    if (answer !== undefined) ends.push({ stage, answer });
    return answer !== undefined;
  };
  let held = false;
  const go = async (): Promise<void> => {
    if (said("sender", await filter.sender?.(transaction))) return;
    transaction.header = parseHeader(bytes.subarray(0, end === -1 ? bytes.length : end + 2));
    if (said("header", await filter.header?.(transaction, transaction.header))) return;
    held = filter.holds?.(transaction) ?? false;
    const scan = filter.scan?.(transaction);
    const piece = play.piece ?? 16_384;
    for (let at = 0; scan !== undefined && at < bytes.length; at += piece) await scan.write(bytes.subarray(at, at + piece));
    if (said("content", await scan?.end())) return;
    said("content", await filter.content?.(transaction));
  };
  await go();
  filter.finished?.(transaction, ends.length === 0);
  return { ended: ends[0], held };
}

/** Leads one message through the filter. */
export async function play(given: Play): Promise<Played> {
  const logger = createMemoryLogger();
  const services = {
    clock: createFakeClock(START),
    logger,
    hostname: "mx.example.net",
    isOurs: () => false,
    dns: given.dns ?? dnsOf(given.zone ?? EXAMPLE),
  } as unknown as FilterServices;
  const filter = senderAuthentication.build(settingsOf(given.settings), services);
  if (filter === undefined) throw new Error("The filter is off");
  const transaction = transactionOf(given);
  const { ended, held } = await stages(filter, transaction, given);
  const reply = ended?.answer?.action === "stop" ? ended.answer.reply : undefined;
  const field = transaction.edits.find((edit) => edit.do === "prepend" && edit.name === "Authentication-Results");
  return {
    stage: ended?.stage,
    reply: reply && `${reply.code} ${reply.status} ${reply.lines.join(" ")}`,
    results: transaction.authentication,
    symbols: Object.fromEntries(transaction.findings.map(({ symbol, score }) => [symbol, score])),
    edits: transaction.edits,
    field: field?.do === "prepend" ? field.value : undefined,
    held,
    log: logger.text(),
    transaction,
  };
}
