// Writes header fields (RFC 5322 section 2.2): lines of 78 bytes where blanks allow it, and never more than 998. Lines are folded at
// blanks only; a word that is longer than a line may be is cut, as it could not go on otherwise, and a run of blanks longer than
// a line becomes one. Throws for a name or a value that would end the field: whoever writes foreign text cleans it first.

const SOFT = 78;
const HARD = 998;
const LONGEST_NAME = SOFT - 1;
const NAME = /^[!-9;-~]+$/;
const BREAKS = /[\r\n\0]/;

/** The field with its CRLF. Throws for a bad name, and for CR, LF or NUL in the value. */
export function fieldBytes(name: string, value: string): Buffer {
  if (!NAME.test(name) || name.length > LONGEST_NAME) throw new Error(`Cannot write a field: "${name}" is no name`);
  if (BREAKS.test(value)) throw new Error(`Cannot write the field ${name}: its value holds CR, LF or NUL`);
  const text = value.trim();
  const line = `${name}: ${text}\r\n`;
  return Buffer.from(sizeOf(line) <= SOFT + 2 ? line : folded(name, text));
}

/** Foreign text, made fit for the value of a field: no control characters, no ends of it, `longest` characters at most. */
export function cleanText(text: string, longest = 998): string {
  return text
    .slice(0, longest)
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .trim();
}

function folded(name: string, value: string): string {
  const first = `${name}:`;
  let text = first;
  let room = HARD - first.length;
  // The first word stays beside the name if it can: some programs take a field without one for empty.
  for (const piece of piecesOf(` ${value}`)) {
    const size = sizeOf(piece);
    if (size > room) {
      text += "\r\n";
      room = SOFT;
    } else if (text === first) {
      room = SOFT - first.length;
    }
    text += piece;
    room -= size;
  }
  return `${text}\r\n`;
}

/** Words, each with the blanks before it, that fit a line. */
function piecesOf(value: string): string[] {
  const pieces = value.split(/(?<=[^ \t])(?=[ \t])/);
  if (pieces.every((piece) => piece.length < SOFT)) return pieces;
  return pieces.flatMap((piece) => {
    const short = piece.replace(/^[ \t]{78,}/, " ");
    return sizeOf(short) <= HARD ? [short] : cut(short);
  });
}

/** In bytes. */
const sizeOf = (text: string): number => Buffer.byteLength(text);

/** Pieces that begin with a blank and fit a line; characters stay whole. */
function cut(word: string): string[] {
  const pieces: string[] = [];
  let piece = "";
  let size = 0;
  for (const character of word) {
    const more = sizeOf(character);
    if (size + more > HARD) {
      pieces.push(piece);
      piece = " ";
      size = 1;
    }
    piece += character;
    size += more;
  }
  return [...pieces, piece];
}
