// The request line of ActiveSync ([MS-ASHTTP] section 2.2.1.1.1): who asks, with which device, for what; written out in the
// query, or packed in base64. All of it is what the client says: nothing of it is proven. Never throws.

import { firstOf } from "@postern/http";
import type { HttpRequest } from "../exchange.ts";
import { loginText } from "./mailbox-text.ts";
import { parameterOf, percentDecoded, queryOf } from "./query.ts";

export interface ActiveSyncRequest {
  /** "14.1"; "" where the client does not say it. */
  readonly version: string;
  /** "Sync"; "" for one that there is not. */
  readonly command: string;
  /** Before normalisation. May be somebody else than who logs in. */
  readonly user: string | undefined;
  /** Printable ASCII, like the type; "" where there is none. */
  readonly deviceId: string;
  readonly deviceType: string;
  /** Packed only. */
  readonly policyKey?: number;
}

/** By their numbers in the packed form. */
const COMMANDS: readonly (string | undefined)[] = [
  "Sync",
  "SendMail",
  "SmartForward",
  "SmartReply",
  "GetAttachment",
  undefined,
  undefined,
  undefined,
  undefined,
  "FolderSync",
  "FolderCreate",
  "FolderDelete",
  "FolderUpdate",
  "MoveItems",
  "GetItemEstimate",
  "MeetingResponse",
  "Search",
  "Settings",
  "Ping",
  "ItemOperations",
  "Provision",
  "ResolveRecipients",
  "ValidateCert",
  "Find",
];

const VERSIONS: ReadonlySet<number> = new Set([121, 140, 141, 160, 161]);
const USER_TAG = 8;
const LONGEST_PACKED = 4096;
const LONGEST_WORD = 64;

/** undefined: the query is neither form (OPTIONS has none). */
export function parseActiveSync(request: HttpRequest): ActiveSyncRequest | undefined {
  const query = queryOf(request.target);
  if (query === "") return undefined;
  return parsePacked(query) ?? parsePlain(query, request);
}

export const activeSyncUser = (request: HttpRequest): string | undefined => loginText(parseActiveSync(request)?.user);

function parsePlain(query: string, { fields }: HttpRequest): ActiveSyncRequest | undefined {
  const command = parameterOf(query, "cmd");
  if (command === undefined) return undefined;
  const version = firstOf(fields, "ms-asprotocolversion")?.trim() ?? "";
  return {
    version: /^\d{1,2}\.\d$/.test(version) ? version : "",
    command: COMMANDS.find((known) => known?.toLowerCase() === command.toLowerCase()) ?? "",
    user: parameterOf(query, "user"),
    deviceId: word(parameterOf(query, "deviceid")),
    deviceType: word(parameterOf(query, "devicetype")),
  };
}

/** As it may stand in logs and be compared. */
function word(text: string | undefined): string {
  return text !== undefined && text.length <= LONGEST_WORD && /^[ -~]+$/.test(text) ? text : "";
}

const WORD_BYTES = /^[ -~]*$/;

/** Of a device whose id is bytes, their hex. */
function bytesWord(bytes: Buffer): string {
  const text = bytes.toString("latin1");
  return (WORD_BYTES.test(text) ? text : bytes.toString("hex")).slice(0, LONGEST_WORD);
}

function parsePacked(query: string): ActiveSyncRequest | undefined {
  if (query.length > LONGEST_PACKED || query.includes("&")) return undefined;
  const text = percentDecoded(query);
  if (text === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64");
  const version = bytes[0] ?? 0;
  const command = bytes[1];
  if (command === undefined || !VERSIONS.has(version)) return undefined;
  const id = piece(bytes, 4);
  const key = piece(bytes, id?.end);
  const type = piece(bytes, key?.end);
  if (id === undefined || key === undefined || type === undefined) return undefined;
  if (key.bytes.length !== 0 && key.bytes.length !== 4) return undefined;
  const user = parameters(bytes, type.end)?.get(USER_TAG);
  return {
    version: `${Math.floor(version / 10)}.${version % 10}`,
    command: COMMANDS[command] ?? "",
    user: user?.toString("utf8"),
    deviceId: bytesWord(id.bytes),
    deviceType: bytesWord(type.bytes),
    ...(key.bytes.length === 4 && { policyKey: key.bytes.readUInt32LE() }),
  };
}

/** One octet of length, and so many octets. undefined: they are not all there. */
function piece(bytes: Buffer, at: number | undefined): { readonly bytes: Buffer; readonly end: number } | undefined {
  const length = at === undefined ? undefined : bytes[at];
  if (at === undefined || length === undefined) return undefined;
  const end = at + 1 + length;
  return end > bytes.length ? undefined : { bytes: bytes.subarray(at + 1, end), end };
}

/** By tag; of one that comes twice, none. undefined: they are cut short. */
function parameters(bytes: Buffer, from: number): ReadonlyMap<number, Buffer> | undefined {
  const found = new Map<number, Buffer>();
  const twice = new Set<number>();
  for (let at = from; at < bytes.length;) {
    const tag = bytes[at] ?? 0;
    const value = piece(bytes, at + 1);
    if (value === undefined) return undefined;
    if (found.has(tag)) twice.add(tag);
    found.set(tag, value.bytes);
    at = value.end;
  }
  for (const tag of twice) found.delete(tag);
  return found;
}
