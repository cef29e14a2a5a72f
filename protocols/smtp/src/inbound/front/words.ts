// Replies to the client: what stands in a line, and the errors that carry one. A reply is written byte by byte (latin1): what
// would not fit in a byte, or would end the line, becomes "?". Codes are taken from the reply, and never added twice.

import { Failure, type MailReply } from "@postern/contracts";

/** A no to one command; the dialogue goes on. */
export class MailError extends Error {
  readonly reply: MailReply;

  constructor(code: number, status: string, text: string) {
    super(text);
    this.name = "MailError";
    this.reply = { code, status, lines: [text] };
  }
}

export const says = (code: number, status: string, ...lines: readonly string[]): MailReply => ({ code, status, lines });

/** The reply as it goes out, with its CRLF. RFC 5321 section 4.2.1, RFC 2034 section 4. */
export function written({ code, status, lines }: MailReply): string {
  const prefix = status === "" ? "" : `${status} `;
  if (lines.length === 1) return `${code} ${prefix}${safe(lines[0] ?? "")}\r\n`;
  return lines.map((line, at) => `${code}${at === lines.length - 1 ? " " : "-"}${prefix}${safe(line)}\r\n`).join("");
}

/** In one line, for the log. */
export const inOneLine = ({ code, status, lines }: MailReply): string =>
  `${code}${status === "" ? "" : ` ${status}`} ${lines.join(" / ")}`.slice(0, 300);

export const isYes = ({ code }: MailReply): boolean => code < 400;

/** A character above 0xff would leave as its low byte, which may be a line end. */
const UNSAFE = /[\u0000-\u001f\u007f\u0100-\uffff]/g;

function safe(line: string): string {
  return line.replaceAll(UNSAFE, "?");
}

/** Failure: syntax. */
export function noArguments(verb: string, args: Buffer): void {
  if (args.length > 0) throw new Failure("syntax", `${verb} takes no argument`);
}
