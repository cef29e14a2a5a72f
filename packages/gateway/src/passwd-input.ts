// Where `postern passwd` gets a new password: typed twice at a terminal that does not show it, or one line of standard input.
// Never from the command line, where every user of the machine could read it. Throws Refused, which never shows the password.

import type { ReadStream } from "node:tty";

/** What went wrong, in a sentence for the person at the terminal. */
export class Refused extends Error {}

/** Standard input, when it is a terminal and when it is not. */
export type PasswordSource = AsyncIterable<Buffer> & Partial<Pick<ReadStream, "isTTY" | "setRawMode">>;

/** Bytes; more than any password, so that a file sent here by mistake is not read to its end. */
const LONGEST = 4096;
const KEYS = {
  interrupt: 0x03,
  end: 0x04,
  backspace: 0x08,
  enter: 0x0d,
  newline: 0x0a,
  clear: 0x15,
  suspend: 0x1a,
  delete: 0x7f,
} as const;

/** The password in bytes; `prompt` shows its text to the person, not to a program that reads the result. */
export async function readPassword(source: PasswordSource, prompt: (text: string) => void): Promise<Buffer> {
  const password = source.isTTY === true ? await typedTwice(source, prompt) : await wholeInput(source);
  if (password.length === 0) throw new Refused("the password is empty");
  return password;
}

async function wholeInput(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > LONGEST) throw new Refused(`standard input has more than ${LONGEST} bytes; give it the password in one line`);
  }
  const text = Buffer.concat(chunks);
  const end = text.indexOf(KEYS.newline);
  if (end !== -1 && end < text.length - 1)
    throw new Refused("standard input has more than one line; give it the password in one line");
  return end === -1 ? text : text.subarray(0, text[end - 1] === KEYS.enter ? end - 1 : end);
}

async function typedTwice(terminal: PasswordSource, prompt: (text: string) => void): Promise<Buffer> {
  const typed = typedLines(terminal);
  const ask = async (text: string): Promise<Buffer> => {
    prompt(text);
    const { value } = await typed.next();
    prompt("\n");
    if (value === undefined) throw new Refused("cancelled");
    return value;
  };
  terminal.setRawMode?.(true);
  try {
    const password = await ask("New password: ");
    const again = await ask("The same again: ");
    const same = password.equals(again);
    again.fill(0);
    if (!same) throw new Refused("the two passwords are not the same");
    return password;
  } finally {
    terminal.setRawMode?.(false);
    await typed.return(undefined);
  }
}

/** What is typed into a terminal in raw mode, line by line; ends when the person cancels. */
async function* typedLines(terminal: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined, undefined> {
  const line = Buffer.alloc(LONGEST);
  let length = 0;
  for await (const chunk of terminal) {
    for (const byte of chunk) {
      if (byte === KEYS.enter || byte === KEYS.newline) {
        yield Buffer.from(line.subarray(0, length));
        length = 0;
      } else if (byte === KEYS.backspace || byte === KEYS.delete) length = withoutLast(line, length);
      else if (byte === KEYS.clear) length = 0;
      else if (byte === KEYS.interrupt || byte === KEYS.suspend || (byte === KEYS.end && length === 0)) return undefined;
      else if (length === LONGEST) throw new Refused(`the password has more than ${LONGEST} bytes`);
      else line[length++] = byte;
    }
    chunk.fill(0);
  }
  return undefined;
}

/** The length without the last character, whose bytes past the first are 10xxxxxx in UTF-8. */
function withoutLast(line: Buffer, length: number): number {
  let end = Math.max(0, length - 1);
  while (end > 0 && ((line[end] ?? 0) & 0xc0) === 0x80) end--;
  return end;
}
