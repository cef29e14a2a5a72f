// FETCH items as a table (RFC 3501 section 6.4.5). Reading a body without PEEK marks the message as seen.

import { envelope, section, split, structure } from "./message.ts";
import type { Message } from "./store.ts";
import { dateTime, literal, Refusal } from "./syntax.ts";
import type { Value } from "./syntax.ts";

const ITEMS: Readonly<Record<string, (message: Message) => string>> = {
  FLAGS: (message) => `(${[...message.flags].join(" ")})`,
  UID: (message) => String(message.uid),
  INTERNALDATE: (message) => dateTime(message.date),
  "RFC822.SIZE": (message) => String(message.raw.length),
  "RFC822.HEADER": (message) => literal(section(message.raw, "HEADER")),
  "RFC822.TEXT": (message) => literal(section(message.raw, "TEXT")),
  RFC822: (message) => literal(section(message.raw, "")),
  ENVELOPE: (message) => envelope(split(message.raw).header),
  BODY: (message) => structure(split(message.raw), false),
  BODYSTRUCTURE: (message) => structure(split(message.raw), true),
};

const MACROS: Readonly<Record<string, readonly string[]>> = {
  ALL: ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"],
  FAST: ["FLAGS", "INTERNALDATE", "RFC822.SIZE"],
  FULL: ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"],
};

const BODY = /^BODY(\.PEEK)?\[([^\]]*)\](?:<(\d+)\.(\d+)>)?$/i;

export interface FetchPlan {
  /** The message's answer between the brackets. */
  render(message: Message): string;
  readonly marksSeen: boolean;
}

type Item = (message: Message) => string;

function bodyItem([, , name = "", start, length]: RegExpExecArray): Item {
  const shown = name.toUpperCase() + (start === undefined ? "]" : `]<${start}>`);
  return (message) => {
    const text = section(message.raw, name);
    const from = Number(start ?? 0);
    return `BODY[${shown} ${literal(length === undefined ? text : text.slice(from, from + Number(length)))}`;
  };
}

/** `wanted` is a macro, an item or a list of items; `withUid` adds UID, as UID FETCH must. */
export function planFetch(wanted: Value, withUid: boolean): FetchPlan {
  const given = (typeof wanted === "string" ? (MACROS[wanted.toUpperCase()] ?? [wanted]) : wanted).map(String);
  const names = given.map((name) => (BODY.test(name) ? name : name.toUpperCase()));
  if (withUid && !names.includes("UID")) names.unshift("UID");
  const items = names.map((name): Item => {
    const body = BODY.exec(name);
    if (body !== null) return bodyItem(body);
    const item = ITEMS[name];
    if (item === undefined) throw new Refusal("BAD", "Unknown FETCH item");
    return (message) => `${name} ${item(message)}`;
  });
  const marksSeen = names.some((name) => ["RFC822", "RFC822.TEXT"].includes(name) || /^BODY\[/i.test(name));
  return { render: (message) => items.map((item) => item(message)).join(" "), marksSeen };
}
