// UUIDs as text and as on the wire, where the first three fields are little-endian (C706 appendix A). Failure: syntax.

import { garbled } from "./header.ts";

export const UUID_SIZE = 16;

/** In text, the order of the octets on the wire. */
const ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

/** In small letters. */
export function uuidText(bytes: Buffer, at = 0): string {
  if (bytes.length - at < UUID_SIZE) throw garbled("a UUID that is cut off");
  const hex = Buffer.from(ORDER.map((place) => bytes[at + place] ?? 0)).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** In any case of letters. */
export function uuidBytes(text: string): Buffer {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw garbled("a text that is no UUID");
  const inText = Buffer.from(text.replaceAll("-", ""), "hex");
  return Buffer.from(ORDER.map((place) => inText[place] ?? 0));
}
