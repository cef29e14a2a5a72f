// SASLprep (RFC 4013) of a new password, as far as it matters for passwords that people type: the mappings, NFKC and the
// prohibited characters. Left out: the rules for text that runs from right to left, and characters that Unicode 3.2 did
// not have yet, which are taken as they are. Throws an Error that never quotes the password.

/** RFC 3454 table C.1.2, without the ASCII space and without U+200B, which table B.1 takes away. */
const OTHER_SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/gu;
/** RFC 3454 table B.1. */
const NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200b-\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;
/** RFC 3454 tables C.2.1, C.2.2, C.3 to C.9: controls, private use, no characters, surrogates, layout and tags. */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u0340\u0341\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** The password as both sides put it into their keys. */
export function saslprep(password: string): string {
  const mapped = password.replace(OTHER_SPACES, " ").replace(NOTHING, "").normalize("NFKC");
  if (mapped === "") throw new Error("the password is empty");
  if (PROHIBITED.test(mapped)) throw new Error("the password has characters that SASLprep (RFC 4013) does not allow");
  return mapped;
}
