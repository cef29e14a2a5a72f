// A DNS server on loopback (UDP) for tests: answers out of a table, and can fail or keep silent. It knows no zones, follows
// nothing, and cuts nothing. RFC 1035 section 4.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";

/** What a name has; a name that is in the table without the type that is asked for has no records of it. */
export interface DnsRecords {
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  /** Strings above 255 bytes are sent in parts. */
  readonly TXT?: readonly string[];
  readonly PTR?: readonly string[];
  /** "10 mail.example"; "0 ." is the null MX. */
  readonly MX?: readonly string[];
}

/** By name in small letters, without the dot at the end. "SERVFAIL" and "REFUSED" answer so, "silence" does not answer. */
export type DnsTable = Readonly<Record<string, DnsRecords | "SERVFAIL" | "REFUSED" | "silence">>;

export interface TestDns {
  /** "127.0.0.1:PORT". */
  readonly address: string;
  /** Questions so far: "A mail.example". */
  readonly asked: readonly string[];
  /** From now on. */
  answer(table: DnsTable): void;
  /** Safe to call more than once. */
  stop(): Promise<void>;
}

const TYPES = { A: 1, PTR: 12, MX: 15, TXT: 16, AAAA: 28 } as const;
type Type = keyof typeof TYPES;

const RCODES = { found: 0, SERVFAIL: 2, none: 3, REFUSED: 5 } as const;
const HEADER = 12;

interface Question {
  readonly name: string;
  readonly type: string;
  /** As it came: name, type, class. */
  readonly bytes: Buffer;
}

function questionOf(query: Buffer): Question {
  const labels: string[] = [];
  let at = HEADER;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const number = query.readUInt16BE(at + 1);
  const type = Object.entries(TYPES).find(([, value]) => value === number)?.[0] ?? String(number);
  return { name: labels.join(".").toLowerCase(), type, bytes: query.subarray(HEADER, at + 5) };
}

function nameBytes(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  return Buffer.concat([...labels.map(stringBytes), Buffer.from([0])]);
}

function stringBytes(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function sixBytes(address: string): Buffer {
  if (!isIPv6(address)) throw new TypeError(`no IPv6 address: ${address}`);
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => "0");
  const all = [...groups(head), ...zeros, ...groups(tail)];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}

function mxBytes(record: string): Buffer {
  const [priority = "0", exchange = "."] = record.split(" ");
  return Buffer.concat([Buffer.from([Number(priority) >> 8, Number(priority) & 255]), nameBytes(exchange)]);
}

const ENCODE: { readonly [T in Type]: (record: string) => Buffer } = {
  A: (address) => Buffer.from(address.split(".").map(Number)),
  AAAA: sixBytes,
  TXT: (text) => Buffer.concat((text.match(/[^]{1,255}/g) ?? [""]).map(stringBytes)),
  PTR: nameBytes,
  MX: mxBytes,
};

const TTL = 60;

/** Points at the name of the question. */
function recordBytes(type: Type, record: string): Buffer {
  const data = ENCODE[type](record);
  const head = Buffer.from([0xc0, HEADER, 0, TYPES[type], 0, 1, 0, 0, 0, TTL, data.length >> 8, data.length & 255]);
  return Buffer.concat([head, data]);
}

function reply(query: Buffer, question: Question, entry: DnsTable[string] | undefined): Buffer | undefined {
  if (entry === "silence") return undefined;
  const isFailure = typeof entry === "string";
  const records = entry === undefined || isFailure ? [] : (entry[question.type as Type] ?? []);
  const header = Buffer.alloc(HEADER);
  query.copy(header, 0, 0, 2);
  // An answer, recursion wanted and available.
  header[2] = 0x81;
  header[3] = 0x80 | RCODES[isFailure ? entry : entry === undefined ? "none" : "found"];
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, question.bytes, ...records.map((record) => recordBytes(question.type as Type, record))]);
}

export async function serveDns(first: DnsTable): Promise<TestDns> {
  let table = first;
  const asked: string[] = [];
  const socket: Socket = createSocket("udp4");
  let stopped: Promise<unknown> | undefined;
  socket.on("message", (query, from) => {
    const question = questionOf(query);
    asked.push(`${question.type} ${question.name}`);
    const entry = Object.hasOwn(table, question.name) ? table[question.name] : undefined;
    const bytes = reply(query, question, entry);
    if (bytes !== undefined) socket.send(bytes, from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    answer(next) {
      table = next;
    },
    async stop() {
      if (stopped === undefined) {
        stopped = once(socket, "close");
        socket.close();
      }
      await stopped;
    },
  };
}
