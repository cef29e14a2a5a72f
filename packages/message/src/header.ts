// Reads a header: names in any case, values unfolded (RFC 5322 section 2.2.3) and trimmed, as UTF-8 (RFC 6532), or as Latin-1 where
// they are not UTF-8. Nothing is read before somebody asks, and each value once. Never throws, whatever the bytes are.

import { isUtf8 } from "node:buffer";
import type { MailHeader } from "@postern/contracts";
import { type FieldSpan, lowerName, spansOf } from "./fields.ts";

/** `bytes`: fields with their CRLFs, as HeaderCollector gives them. */
export function parseHeader(bytes: Buffer): ParsedHeader {
  return new ParsedHeader(bytes);
}

/** Also knows where its fields lie, for those who change a header. */
export class ParsedHeader implements MailHeader {
  readonly bytes: Buffer;
  readonly #values = new Map<string, readonly string[]>();
  #spans: ReadonlyMap<string, readonly FieldSpan[]> | undefined;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  all(name: string): readonly string[] {
    const key = name.toLowerCase();
    let values = this.#values.get(key);
    if (values === undefined) {
      values = this.named(key).map((span) => valueOf(this.bytes, span));
      this.#values.set(key, values);
    }
    return values;
  }

  first(name: string): string | undefined {
    return this.all(name)[0];
  }

  count(name: string): number {
    return this.named(name.toLowerCase()).length;
  }

  /** In small letters, each once, in the order of their first fields. */
  names(): Iterable<string> {
    return this.#byName().keys();
  }

  /** From the top. `name` in small letters. */
  named(name: string): readonly FieldSpan[] {
    return this.#byName().get(name) ?? [];
  }

  #byName(): ReadonlyMap<string, readonly FieldSpan[]> {
    return (this.#spans ??= byName(this.bytes));
  }
}

/** The same header with what this package needs to know of it. */
export const parsed = (header: MailHeader): ParsedHeader =>
  header instanceof ParsedHeader ? header : new ParsedHeader(header.bytes);

function byName(bytes: Buffer): Map<string, FieldSpan[]> {
  const spans = new Map<string, FieldSpan[]>();
  for (const span of spansOf(bytes)) {
    const name = lowerName(bytes, span);
    const same = spans.get(name);
    if (same !== undefined) same.push(span);
    else if (name !== "") spans.set(name, [span]);
  }
  return spans;
}

function valueOf(bytes: Buffer, { value, end }: FieldSpan): string {
  const text = bytes.toString("utf8", value, end);
  const right = text.includes("\ufffd") && !isUtf8(bytes.subarray(value, end)) ? bytes.toString("latin1", value, end) : text;
  return right.replaceAll("\r\n", "").trim();
}
