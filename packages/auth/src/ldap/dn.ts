// A distinguished name with places for the user's name: "uid={local},ou=people,dc=example,dc=com". The name is escaped
// (RFC 4514 section 2.4), so that it stays one attribute value. Throws Error for another word in braces.

import { fill, piecesOf, type Names } from "./template.ts";

const PLAIN = /^[A-Za-z0-9@._-]$/;

/** Every byte of UTF-8 that could mean something in a name as a backslash and two hex digits. */
export function escapeDn(value: string): string {
  const escaped = [...Buffer.from(value, "utf8")].map((byte) => {
    const character = String.fromCharCode(byte);
    return PLAIN.test(character) ? character : `\\${byte.toString(16).padStart(2, "0")}`;
  });
  return escaped.join("");
}

/** Makes the name of a user's entry; undefined when it needs a part of the name that is not there. */
export function parseDnTemplate(text: string): (names: Names) => string | undefined {
  const pieces = piecesOf(text);
  const bytes = (part: string): Buffer => Buffer.from(part, "utf8");
  return (names) => fill(pieces, names, bytes, (value) => bytes(escapeDn(value)))?.toString("utf8");
}
