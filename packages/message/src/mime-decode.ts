// Content-Transfer-Encodings (RFC 2045 section 6), piece by piece, as loosely as mail programs decode: what is no base64 is
// skipped, padding ends a group and not the text, soft line breaks may have blanks, "=" in front of anything else stays. Never throws.

export interface PieceDecoder {
  write(piece: Buffer): Buffer;
  end(): Buffer;
}

const EMPTY = Buffer.alloc(0);

const IDENTITY: PieceDecoder = { write: (piece) => piece, end: () => EMPTY };

export const ENCODINGS = ["base64", "quoted-printable"] as const;
export type PartEncoding = (typeof ENCODINGS)[number] | "none";

/** By the values of Content-Transfer-Encoding fields, in quotes or not: the first that is known. Others are not encoded. */
export function partEncoding(values: readonly string[]): PartEncoding {
  const plain = values.map((value) => value.replaceAll('"', "").trim().toLowerCase());
  const known = plain.map((value) => ENCODINGS.find((encoding) => value.startsWith(encoding)));
  return known.find((encoding) => encoding !== undefined) ?? "none";
}

export function pieceDecoder(encoding: PartEncoding): PieceDecoder {
  if (encoding === "base64") return base64();
  return encoding === "quoted-printable" ? quotedPrintable() : IDENTITY;
}

function base64(): PieceDecoder {
  let rest = "";
  return {
    write(piece) {
      const text = rest + piece.toString("latin1").replace(/[^A-Za-z0-9+/=]+/g, "");
      // What stands before padding is a group, however short.
      const padded = text.lastIndexOf("=") + 1;
      const whole = padded + (text.length - padded) - ((text.length - padded) % 4);
      rest = text.slice(whole);
      return padded === 0 ? Buffer.from(text.slice(0, whole), "base64") : paddedGroups(text.slice(0, whole));
    },
    end: () => Buffer.from(rest, "base64"),
  };
}

const EQUALS = 0x3d;
const ALPHABET = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "latin1");
const SIX_BITS = new Uint8Array(128);
for (const [value, code] of ALPHABET.entries()) SIX_BITS[code] = value;

/** A loop: a text may be nothing but padding. */
function paddedGroups(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(text.length);
  let size = 0;
  let bits = 0;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    bits = code === EQUALS ? 0 : ((bits << 6) | (SIX_BITS[code] ?? 0)) & 0xfff;
    count = code === EQUALS ? 0 : count + 6;
    if (count < 8) continue;
    count -= 8;
    bytes[size++] = (bits >> count) & 0xff;
  }
  return bytes.subarray(0, size);
}

/** The longest escape with blanks behind it that is waited for. */
const LONGEST_BREAK = 200;

function quotedPrintable(): PieceDecoder {
  let rest = "";
  const decode = (text: string): Buffer =>
    Buffer.from(
      text
        .replace(/=[ \t]{0,200}\r?\n/g, "")
        .replace(/=([\dA-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
      "latin1",
    );
  return {
    write(piece) {
      const text = rest + piece.toString("latin1");
      // An escape may be cut in two.
      const last = text.lastIndexOf("=");
      const open = last !== -1 && text.length - last < LONGEST_BREAK && /^=(?:[\dA-Fa-f]?|[ \t]*\r?)$/.test(text.slice(last));
      rest = open ? text.slice(last) : "";
      return decode(open ? text.slice(0, last) : text);
    },
    end: () => decode(rest),
  };
}
