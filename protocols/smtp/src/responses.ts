// Replies of a backend: one or more lines of one code (RFC 5321 section 4.2.1), with a bound; and the list that follows EHLO.
// Never writes. Failure: backend-garbled, and what reading throws.

import { Failure, type BackendDialogue, type MailReply } from "@postern/contracts";
import { oneLine } from "@postern/core";

export interface Response {
  /** Three digits, the first of 2 to 5. */
  readonly code: string;
  /** What follows the code, line by line; never empty. */
  readonly lines: readonly string[];
}

const MAX_LINES = 100;

export async function readResponse(backend: BackendDialogue): Promise<Response> {
  const lines: string[] = [];
  let code: string | undefined;
  while (lines.length < MAX_LINES) {
    const line = await backend.readLine();
    // A challenge may tell enough to try passwords.
    backend.trace(line.startsWith("334") ? "334 ***" : line);
    const match = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line);
    if (match === null || (code ?? match[1]) !== match[1])
      throw new Failure("backend-garbled", `Not a reply: ${JSON.stringify(line.slice(0, 200))}`);
    code = match[1] ?? "";
    lines.push(match[3] ?? "");
    if (match[2] !== "-") return { code, lines };
  }
  throw new Failure("backend-garbled", "The backend's reply does not end");
}

export const isYes = ({ code }: Response): boolean => code.startsWith("2");

/** In one line, for the log. */
export const shown = ({ code, lines }: Response): string => JSON.stringify(`${code} ${lines.join(" / ")}`.slice(0, 300));

/** The last line's enhanced status code, if it has one, and its words. RFC 2034 section 3. */
export function wordsOf({ code, lines }: Response): { readonly status: string | undefined; readonly text: string } {
  const last = lines.at(-1) ?? "";
  const match = /^([245]\.\d{1,3}\.\d{1,3})(?: (.*))?$/s.exec(last);
  if (match === null || match[1]?.[0] !== code[0]) return { status: undefined, text: last };
  return { status: match[1], text: match[2] ?? "" };
}

/** Longer lines than this are cut. RFC 5321 section 4.5.3.1.5 allows 512 bytes with code and line end. */
const MAX_TEXT = 480;

/** As a client may be told it: every line without its enhanced status code, and without control characters; latin1. */
export function toReply({ code, lines }: Response): MailReply {
  const parts = lines.map((line) => wordsOf({ code, lines: [line] }));
  const status = parts.findLast((part) => part.status !== undefined)?.status ?? "";
  return { code: Number(code), status, lines: parts.map(({ text }) => oneLine(text.slice(0, MAX_TEXT))) };
}

/** What a backend offers: keywords in upper case, with their parameters. */
export type Extensions = ReadonlyMap<string, readonly string[]>;

/** The list that follows EHLO; its first line is the backend's name. "AUTH=" is how servers wrote AUTH before RFC 2554. */
export function extensionsIn({ lines }: Response): Extensions {
  const found = new Map<string, readonly string[]>();
  for (const line of lines.slice(1)) {
    const [keyword = "", ...parameters] = line
      .replace(/^AUTH=/i, "AUTH ")
      .trim()
      .toUpperCase()
      .split(/ +/);
    found.set(keyword, [...(found.get(keyword) ?? []), ...parameters]);
  }
  return found;
}
