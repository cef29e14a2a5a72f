// The content of messages: size, what waits, what is held, what is changed on its way.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { stop, type ContentScan, type FilterAnswer, type MailFilter } from "@postern/contracts";
import { front, until, type Client, type FrontOptions } from "../test/front.ts";

const OUR_FIELD = /^Received: from me .*\r\n .*\r\n/;

/** A filter that holds every message and says `answer` at its end. */
function holding(answer: FilterAnswer, rest: Partial<MailFilter> = {}): { filter: MailFilter; seen: Buffer[]; ends: string[] } {
  const seen: Buffer[] = [];
  const ends: string[] = [];
  const scan: ContentScan = {
    holds: true,
    write: (chunk) => void seen.push(Buffer.from(chunk)),
    end: () => {
      ends.push("end");
      return Promise.resolve(answer);
    },
    abort: () => void ends.push("abort"),
  };
  return { filter: { name: "holding", scan: () => scan, ...rest }, seen, ends };
}

async function sending(
  t: Parameters<typeof front>[0],
  options: FrontOptions,
): Promise<Awaited<ReturnType<typeof front>> & { client: Client }> {
  const it = await front(t, options);
  const client = await it.dial();
  await client.hear();
  await client.begin();
  t.regex(await client.ask("DATA"), /^354 /);
  return { ...it, client };
}

test("inbound: a message that grows too large is refused at its end, and the next one is taken", async (t) => {
  const { client, deliveries } = await sending(t, { settings: { maxMessage: 65_536 } });
  const line = "y".repeat(998);
  client.say("Subject: big", "", ...Array<string>(80).fill(line), ".");
  t.is(await client.hear(), "552 5.3.4 A message may have 65536 bytes");
  t.is(deliveries.all[0]?.end, "aborted");
  await client.ask("MAIL FROM:<>", "RCPT TO:<bob@example.com>", "DATA");
  client.say("", "small", ".");
  t.is(await client.hear(), "250 2.0.0 Taken as 2");
});

test("inbound: who sends on and on is hung up on", async (t) => {
  const { client, harness } = await sending(t, { settings: { maxMessage: 65_536 } });
  client.say("Subject: big", "", ...Array<string>(150).fill("y".repeat(998)));
  t.is(await client.hear(), "552 5.3.4 A message may have 65536 bytes");
  await client.peer.closed();
  await harness.settled();
  t.is(harness.ended[0]?.ending, "refused");
});

test("inbound: a sender waits while a backend does, and its bytes are not kept", async (t) => {
  let free: (() => void) | undefined;
  let waits = true;
  const wait = () => (waits ? new Promise<void>((resolve) => (free = resolve)) : undefined);
  const { client, deliveries } = await sending(t, { wait });
  const body = "y".repeat(998);
  client.say("Subject: big", "", ...Array<string>(9000).fill(body), ".");
  await until(() => free !== undefined);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(deliveries.all[0]?.chunks.length, 1);
  waits = false;
  free?.();
  t.is(await client.hear(), "250 2.0.0 Taken as 1");
  t.is(Buffer.concat(deliveries.all[0]?.chunks ?? []).length, 9_000_000 + (deliveries.taken()[0]?.indexOf(body) ?? 0));
});

test("inbound: nothing of a held message goes to a backend before its end was seen", async (t) => {
  const { filter, seen, ends } = holding(undefined);
  const { client, deliveries } = await sending(t, { filters: [filter] });
  client.say("Subject: one", "", "text");
  await until(() => Buffer.concat(seen).includes("text"));
  t.is(deliveries.all[0]?.chunks.length, 0);
  client.say("..", ".");
  t.regex(await client.hear(), /^250 /);
  t.is(deliveries.taken()[0]?.replace(OUR_FIELD, ""), "Subject: one\r\n\r\ntext\r\n.\r\n");
  t.is(Buffer.concat(seen).toString(), "Subject: one\r\n\r\ntext\r\n.\r\n");
  t.deepEqual(ends, ["end"]);
});

test("inbound: a large message that is held waits in a file without a name, and arrives whole", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "postern-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const { filter, seen } = holding(undefined);
  const { client, deliveries } = await sending(t, { filters: [filter], settings: { heldBytes: 1000, heldFolder: folder } });
  const lines = Array.from({ length: 5000 }, (_, index) => `${index} ${"z".repeat(200)}`);
  client.say("Subject: big", "", ...lines);
  await until(() => Buffer.concat(seen).includes("4999 "));
  t.deepEqual(await readdir(folder), []);
  client.say(".");
  t.regex(await client.hear(), /^250 /);
  t.is(deliveries.taken()[0]?.replace(OUR_FIELD, ""), `Subject: big\r\n\r\n${lines.join("\r\n")}\r\n`);
});

test("inbound: a folder that cannot be written to defers the mail", async (t) => {
  const { filter } = holding(undefined);
  const settings = { heldBytes: 4, heldFolder: "/nowhere/at/all" };
  const { client, deliveries, harness } = await sending(t, { filters: [filter], settings });
  client.say("Subject: one", "", "text", ".");
  t.regex(await client.hear(), /^451 4\.3\.0 /);
  t.is(deliveries.all[0]?.end, "aborted");
  t.deepEqual(harness.logger.messages("error"), ["message failed"]);
});

test("inbound: a held message is changed as its filters have said at its end", async (t) => {
  const { filter } = holding(undefined, {
    content(transaction) {
      transaction.edits.push(
        { do: "prepend", name: "X-Spam", value: "no" },
        { do: "replace", name: "Subject", nth: 1, value: "two" },
        { do: "append", name: "X-Last", value: "yes" },
      );
      transaction.redirect = "quarantine";
      return undefined;
    },
  });
  const { client, deliveries } = await sending(t, { filters: [filter] });
  client.say("Subject: one", "", "text", ".");
  await client.hear();
  t.is(deliveries.taken()[0]?.replace(OUR_FIELD, ""), "X-Spam: no\r\nSubject: two\r\nX-Last: yes\r\n\r\ntext\r\n");
  t.is(deliveries.all[0]?.transaction.redirect, "quarantine");
});

test("inbound: a message that streams is changed as its filters have said of its header", async (t) => {
  const filter: MailFilter = {
    name: "tags",
    header: ({ edits }) => void edits.push({ do: "prepend", name: "X-Tag", value: "yes" }),
  };
  const { client, deliveries } = await sending(t, { filters: [filter] });
  client.say("Subject: one", "", "text", ".");
  await client.hear();
  t.is(deliveries.taken()[0]?.replace(OUR_FIELD, ""), "X-Tag: yes\r\nSubject: one\r\n\r\ntext\r\n");
});

test("inbound: scans see the header as it came, and are told when nobody wants to know", async (t) => {
  const { filter, seen, ends } = holding(stop(550, "5.7.1", "Virus"));
  const { client } = await sending(t, { filters: [filter] });
  client.say("X-Forged-It: yes", "Subject: one", "", "text", ".");
  t.is(await client.hear(), "550 5.7.1 Virus");
  t.is(Buffer.concat(seen).toString(), "X-Forged-It: yes\r\nSubject: one\r\n\r\ntext\r\n");
  await client.ask("MAIL FROM:<>", "RCPT TO:<bob@example.com>", "DATA");
  client.say("", "half");
  client.peer.end();
  await until(() => ends.length === 2);
  t.deepEqual(ends, ["end", "abort"]);
});

test("inbound: a scan that only looks on may still stop the mail", async (t) => {
  const { filter } = holding(stop(550, "5.7.1", "Virus"));
  const looking: MailFilter = {
    name: "looking",
    scan: (transaction) => ({ ...(filter.scan?.(transaction) as ContentScan), holds: false }),
  };
  const { client, deliveries } = await sending(t, { filters: [looking] });
  client.say("", "text", ".");
  t.is(await client.hear(), "550 5.7.1 Virus");
  t.is(deliveries.all[0]?.end, "aborted");
  t.true((deliveries.all[0]?.chunks.length ?? 0) > 0);
});

test("inbound: a sender waits for a scan that is slow", async (t) => {
  let free: (() => void) | undefined;
  const scan: ContentScan = {
    holds: false,
    write: () => new Promise<void>((resolve) => (free = resolve)),
    end: () => Promise.resolve(undefined),
    abort: () => {},
  };
  const { client, deliveries } = await sending(t, { filters: [{ name: "slow", scan: () => scan }] });
  client.say("", "text", ".");
  await until(() => free !== undefined);
  t.is(deliveries.all[0]?.end, "open");
  free?.();
  free = undefined;
  await until(() => free !== undefined || deliveries.all[0]?.end === "committed");
  (free as (() => void) | undefined)?.();
  t.regex(await client.hear(), /^250 /);
});
