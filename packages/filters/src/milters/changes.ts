// What a milter changes at the end of a message: fields of the header, and recipients that it adds. Only what was agreed upon:
// anything else would be lost in silence, so it is a failure. Names and values are checked, since they go into the message.
// Throws Error.

import type { HeaderEdit, MailTransaction } from "@postern/contracts";
import { cleanText } from "@postern/message";
import type { MilterAction, MilterLink } from "./link.ts";
import { PacketReader, type Reply } from "./packets.ts";
import type { ReplyName } from "./protocol.ts";

const FIELD_NAME = /^[!-9;-~]{1,76}$/;
const MAX_VALUE = 16 * 1024;
const MAX_CHANGES = 1000;
const ADDRESS = /^<?([^\s<>\p{Cc}]{1,320})>?$/u;

/** Unfolded. */
const valueOf = (text: string): string => cleanText(text.replaceAll(/\r?\n(?=[ \t])/g, ""), MAX_VALUE);

function nameOf(reader: PacketReader): string {
  const name = reader.text();
  if (!FIELD_NAME.test(name)) throw new Error(`wants a field whose name is ${JSON.stringify(name.slice(0, 80))}`);
  return name;
}

interface Changes {
  readonly edits: HeaderEdit[];
  readonly added: string[];
}

type Change = (reader: PacketReader, changes: Changes) => void;

/** The top, or else the end: nobody counts the fields between. */
function inserted(reader: PacketReader): HeaderEdit {
  const isTop = reader.number() <= 1;
  return { do: isTop ? "prepend" : "append", name: nameOf(reader), value: valueOf(reader.text()) };
}

/** No value: the field goes. */
function changed(reader: PacketReader): HeaderEdit {
  const nth = Math.max(1, reader.number());
  const name = nameOf(reader);
  const value = valueOf(reader.text());
  return value === "" ? { do: "remove", name, nth } : { do: "replace", name, nth, value };
}

function addressOf(reader: PacketReader): string {
  const address = ADDRESS.exec(reader.text())?.[1];
  if (address === undefined) throw new Error("wants a recipient that is no address");
  return address;
}

const CHANGES: Readonly<Partial<Record<ReplyName, { action: MilterAction; read: Change }>>> = {
  addField: {
    action: "addFields",
    read: (reader, { edits }) => edits.push({ do: "append", name: nameOf(reader), value: valueOf(reader.text()) }),
  },
  insertField: { action: "addFields", read: (reader, { edits }) => edits.push(inserted(reader)) },
  changeField: { action: "changeFields", read: (reader, { edits }) => edits.push(changed(reader)) },
  addRecipient: { action: "addRecipients", read: (reader, { added }) => added.push(addressOf(reader)) },
};

/** Its replies to the end of the message: changes, and the one that is none. */
export async function readChanges(link: MilterLink): Promise<Changes & { readonly reply: Reply }> {
  const changes: Changes = { edits: [], added: [] };
  for (let count = 0; count <= MAX_CHANGES; count += 1) {
    const reply = await link.reply();
    const row = CHANGES[reply.name];
    if (row === undefined) return { ...changes, reply };
    if (!link.may(row.action)) throw new Error(`wants ${reply.name}, which was not agreed upon`);
    row.read(new PacketReader(reply.data), changes);
  }
  throw new Error(`wants more than ${MAX_CHANGES} changes`);
}

/** Only once all of them are known to be good. */
export function applyChanges({ edits, added }: Changes, mail: MailTransaction): void {
  mail.edits.push(...edits);
  const known = new Set([...mail.added, ...mail.recipients.map(({ address }) => address)]);
  for (const address of added) {
    if (!known.has(address)) mail.added.push(address);
    known.add(address);
  }
}
