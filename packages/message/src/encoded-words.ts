// Encoded-words in header fields (RFC 2047), "=?utf-8?Q?gr=C3=BCn?=", as loosely as mail programs read them: anywhere, of any
// length. A character set that nobody knows is read as Latin-1. Takes time linear in the text; never throws.

const WORDS = /=\?([^?\s]{1,60})\?([bq])\?([^?]*)\?=/gi;
/** To make one costs much more than to use it, and to find out that there is none costs most. */
const MOST_CHARSETS = 16;

type Decode = (bytes: Buffer) => string;

export const hasWords = (text: string): boolean => text.includes("=?");

/** Blanks between two encoded-words are no part of the text (RFC 2047 section 6.2). */
export function wordsDecoded(text: string): string {
  const decoders = new Map<string, Decode>();
  const decoderOf = (charset: string): Decode => {
    const known = decoders.get(charset) ?? (decoders.size < MOST_CHARSETS ? createDecoder(charset) : latin);
    if (decoders.size < MOST_CHARSETS) decoders.set(charset, known);
    return known;
  };
  return text.replace(/\?=\s{1,100}=\?/g, "?==?").replace(WORDS, (_, charset: string, encoding: string, content: string) => {
    const bytes =
      encoding.toLowerCase() === "b" ? Buffer.from(content, "base64") : hexBytes(content.replaceAll("_", " "), /=([\da-f]{2})/gi);
    return decoderOf(charset.split("*", 1)[0]?.toLowerCase() ?? "")(bytes);
  });
}

/** `charset`: "" is UTF-8. */
export const decodedBytes = (bytes: Buffer, charset: string): string => createDecoder(charset)(bytes);

/** UTF-8 bytes of the text, with the escapes as the bytes that they stand for. */
export function hexBytes(text: string, escape: RegExp): Buffer {
  const latin = Buffer.from(text).toString("latin1");
  return Buffer.from(
    latin.replace(escape, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    "latin1",
  );
}

const latin: Decode = (bytes) => bytes.toString("latin1");

function createDecoder(charset: string): Decode {
  try {
    const decoder = new TextDecoder(charset === "" ? "utf-8" : charset);
    return (bytes) => decoder.decode(bytes);
  } catch {
    // The letters of a word or an extension are the same in nearly all.
    return latin;
  }
}
