// Makes the changes of a header that filters and rules asked for. Fields that nobody changes keep their bytes exactly.
//
// Edits are made in order. A number (`nth`) counts the fields that came, whatever was done since: everybody who writes an edit
// has seen the same header. `remove` without a number also takes what edits before it added. `replace` of a field that never
// came adds it at the end, as milters expect. The last `prepend` stands on top. Throws for names and values that fieldBytes
// refuses.

import type { HeaderEdit, MailHeader } from "@postern/contracts";
import { fieldBytes } from "./field-text.ts";
import { CRLF, type FieldSpan } from "./fields.ts";
import { ParsedHeader, parsed } from "./header.ts";

interface Added {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The header with the changes, every field with its CRLF. The very same bytes when there is nothing to change. */
export function applyEdits(header: MailHeader, edits: readonly HeaderEdit[]): Buffer {
  if (edits.length === 0) return header.bytes;
  const came = new Came(header);
  let above: Added[] = [];
  let below: Added[] = [];
  for (const edit of edits) {
    const name = edit.name.toLowerCase();
    if (edit.do === "remove") {
      came.put(name, edit.nth, undefined);
      if (edit.nth !== undefined) continue;
      above = without(above, name);
      below = without(below, name);
      continue;
    }
    const bytes = fieldBytes(edit.name, edit.value);
    if (edit.do === "prepend") above.push({ name, bytes });
    else if (edit.do === "append" || !came.put(name, edit.nth, bytes)) below.push({ name, bytes });
  }
  return Buffer.concat([...above.map(({ bytes }) => bytes).toReversed(), ...came.bytes(), ...below.map(({ bytes }) => bytes)]);
}

/** The fields that came: each as it was, replaced, or gone. */
class Came {
  readonly #header: ParsedHeader;
  readonly #changed = new Map<FieldSpan, Buffer | undefined>();

  constructor(header: MailHeader) {
    this.#header = endsLine(header.bytes) ? parsed(header) : new ParsedHeader(Buffer.concat([header.bytes, CRLF]));
  }

  /** The nth field of this name, or all of them. False: there is none. */
  put(name: string, nth: number | undefined, bytes: Buffer | undefined): boolean {
    const all = this.#header.named(name);
    const spans = nth === undefined ? all : all.slice(nth - 1, nth);
    for (const span of spans) this.#changed.set(span, bytes);
    return spans.length > 0;
  }

  bytes(): Buffer[] {
    const parts: Buffer[] = [];
    let from = 0;
    for (const [{ start, end }, bytes] of [...this.#changed].sort(([a], [b]) => a.start - b.start)) {
      parts.push(this.#header.bytes.subarray(from, start));
      if (bytes !== undefined) parts.push(bytes);
      from = end;
    }
    return [...parts, this.#header.bytes.subarray(from)];
  }
}

const without = (added: Added[], name: string): Added[] =>
  added.length === 0 ? added : added.filter((field) => field.name !== name);

const endsLine = (bytes: Buffer): boolean => bytes.length === 0 || bytes.subarray(-CRLF.length).equals(CRLF);
