// For tests of sender authentication: keys, a small DNS in memory, messages, and a filter that one message is led through,
// stage by stage, as the front of the gateway does it.

import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { FilterAnswer, HeaderEdit, MailFilter, MailTransaction } from "@postern/contracts";
import { HeaderCollector, parseHeader, type HeaderSplit } from "@postern/message";
import { createFakeClock } from "@postern/testing";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import { sealMessage } from "mailauth/lib/arc/index.js";
import type { DnsAnswers } from "../../dns.ts";
import { fakeDns, filterOf, testMail, testServices, testVisit, type DnsTable, type FakeDns } from "../../test/scene.ts";
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

export type Zone = DnsTable;

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

export interface Play {
  readonly message: string | Buffer;
  readonly zone?: Zone;
  readonly dns?: Pick<FakeDns, "ask" | "asked">;
  readonly settings?: Partial<SenderAuthenticationSettings>;
  readonly ip?: string;
  readonly hello?: string;
  readonly sender?: string;
  readonly trusted?: boolean;
  /** Bytes in each piece of the content. */
  readonly piece?: number;
  /** The header as the filter is shown it, where the gateway has stripped fields; the content has them. */
  readonly stripped?: string;
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

type Mail = { -readonly [K in keyof MailTransaction]: MailTransaction[K] };

function splitOf(message: Buffer): HeaderSplit {
  const collector = new HeaderCollector(4 * 1024 ** 2);
  const split = collector.push(message) ?? collector.end();
  if (split === "too-large") throw new Error("The header is too large");
  return split;
}

async function stages(filter: MailFilter, transaction: Mail, given: Play) {
  const { header, rest } = splitOf(Buffer.from(given.message));
  const bytes = Buffer.concat([header, rest]);
  const ends: { stage: string; answer: FilterAnswer }[] = [];
  const said = (stage: string, answer: FilterAnswer): boolean => {
    if (answer !== undefined) ends.push({ stage, answer });
    return answer !== undefined;
  };
  let held = false;
  const go = async (): Promise<void> => {
    if (said("sender", await filter.sender?.(transaction))) return;
    transaction.came = parseHeader(header);
    transaction.header = given.stripped === undefined ? transaction.came : parseHeader(Buffer.from(given.stripped));
    if (said("header", await filter.header?.(transaction, transaction.header))) return;
    held = filter.holds?.(transaction) ?? false;
    const scan = filter.scan?.(transaction);
    const piece = given.piece ?? 16_384;
    for (let at = 0; scan !== undefined && at < bytes.length; at += piece) await scan.write(bytes.subarray(at, at + piece));
    if (said("content", await scan?.end())) return;
    said("content", await filter.content?.(transaction));
  };
  await go();
  filter.finished?.(transaction, ends.length === 0);
  return { ended: ends[0], held };
}

/** Leads one message through the filter: of alice@example.com, from 192.0.2.7, to mx.postern.example. */
export async function play(given: Play): Promise<Played> {
  const { sender: from = "alice@example.com", ip: host = "192.0.2.7", hello = "mail.example.com", trusted = false } = given;
  const services = {
    ...testServices(),
    clock: createFakeClock(START),
    dns: fakeDns(given.zone ?? EXAMPLE),
    ...(given.dns && { dns: given.dns }),
  };
  const { logger } = services;
  const filter = filterOf(senderAuthentication, services, given.settings);
  const transaction: Mail = testMail({ from, visit: testVisit({ host, hello, trusted }) });
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
