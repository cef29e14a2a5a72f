// What IMAP tells about a message: header fields, envelope, body structure, sections (RFC 3501 section 7.4.2). Every
// message is shown as one text part, whatever it holds: enough for mail that tests and welcome messages are made of.

import { nstring, Refusal } from "./syntax.ts";

export interface Parts {
  /** With the empty line that ends it. */
  readonly header: string;
  readonly body: string;
}

export function split(raw: Buffer): Parts {
  const text = raw.toString("latin1");
  if (text.startsWith("\r\n")) return { header: "\r\n", body: text.slice(2) };
  const end = text.indexOf("\r\n\r\n");
  return end === -1 ? { header: text, body: "" } : { header: text.slice(0, end + 4), body: text.slice(end + 4) };
}

/** Fields with their folded lines, each complete with its CRLF. */
function fields(header: string): { name: string; text: string }[] {
  return (header.match(/^[^\s:][^:]*:.*\r?\n?(?:[ \t].*\r?\n?)*/gm) ?? []).map((text) => ({
    name: text.slice(0, text.indexOf(":")).trim().toLowerCase(),
    text,
  }));
}

/** The first field's value, unfolded; undefined when there is none. */
export function field(header: string, name: string): string | undefined {
  const text = fields(header).find((entry) => entry.name === name)?.text;
  return text
    ?.slice(text.indexOf(":") + 1)
    .replace(/\r?\n(?=[ \t])/g, "")
    .trim();
}

const ADDRESS = /(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+/g;

function addresses(value: string | undefined): string {
  const list = (value?.match(ADDRESS) ?? []).map((text) => text.trim()).filter((text) => text !== "");
  if (list.length === 0) return "NIL";
  return `(${list.map(address).join("")})`;
}

function address(text: string): string {
  const angle = /^(.*)<([^>]*)>/s.exec(text);
  const name = angle?.[1]
    ?.trim()
    .replace(/^"(.*)"$/s, "$1")
    .replace(/\\(.)/g, "$1");
  const mail = angle?.[2] ?? text;
  const at = mail.lastIndexOf("@");
  const [local, domain] = at === -1 ? [mail, ""] : [mail.slice(0, at), mail.slice(at + 1)];
  return `(${nstring(name === "" ? undefined : name)} NIL ${nstring(local)} ${nstring(domain)})`;
}

export function envelope(header: string): string {
  const get = (name: string): string | undefined => field(header, name);
  const from = addresses(get("from"));
  const or = (value: string): string => (value === "NIL" ? from : value);
  const people = [from, or(addresses(get("sender"))), or(addresses(get("reply-to")))];
  const others = ["to", "cc", "bcc"].map((name) => addresses(get(name)));
  const ids = ["in-reply-to", "message-id"].map((name) => nstring(get(name)));
  return `(${[nstring(get("date")), nstring(get("subject")), ...people, ...others, ...ids].join(" ")})`;
}

/** BODYSTRUCTURE of one text part; `extended` adds MD5, disposition, language and location. */
export function structure({ header, body }: Parts, extended: boolean): string {
  const type = /^text\/([\w-]+)/i.exec(field(header, "content-type") ?? "")?.[1] ?? "plain";
  const charset = /charset="?([\w-]+)/i.exec(field(header, "content-type") ?? "")?.[1] ?? "us-ascii";
  const encoding = field(header, "content-transfer-encoding") ?? "7bit";
  const lines = body.split("\n").length - 1;
  const words = [nstring("text"), nstring(type), `("charset" ${nstring(charset)})`, "NIL", "NIL", nstring(encoding)];
  return `(${[...words, body.length, lines, ...(extended ? ["NIL", "NIL", "NIL", "NIL"] : [])].join(" ")})`;
}

/** The text of BODY[section]; "" for a part that is not there. Refusal BAD for a section that cannot be read. */
export function section(raw: Buffer, name: string): string {
  const parts = split(raw);
  const named = /^(?:1\.)?HEADER\.FIELDS(\.NOT)? \(([^)]*)\)$/i.exec(name);
  if (named !== null) {
    const wanted = (named[2] ?? "").toLowerCase().replace(/"/g, "").split(" ");
    const not = named[1] !== undefined;
    const chosen = fields(parts.header).filter((entry) => wanted.includes(entry.name) !== not);
    return `${chosen.map((entry) => entry.text).join("")}\r\n`;
  }
  const plain: Readonly<Record<string, string>> = {
    "": raw.toString("latin1"),
    HEADER: parts.header,
    TEXT: parts.body,
    "1": parts.body,
    "1.MIME": parts.header,
  };
  const text = plain[name.toUpperCase()];
  if (text !== undefined) return text;
  if (/^\d+(\.\d+)*(\.(HEADER|TEXT|MIME))?$/i.test(name)) return "";
  throw new Refusal("BAD", "The section cannot be read");
}
