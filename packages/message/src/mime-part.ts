// One part of a message: what its header says, and its content as it is decoded, piece by piece. Never throws.

import { readHeaderValue, type HeaderValue } from "./mime-parameters.ts";
import { fileNames } from "./mime-names.ts";
import { partEncoding, pieceDecoder, type PartEncoding } from "./mime-decode.ts";

export interface MimePart {
  /** 0 is the message itself. */
  readonly depth: number;
  /** "application/zip"; "text/plain" where nothing is said. */
  readonly type: string;
  /** All that Content-Type fields say: there may be several. */
  readonly types: readonly string[];
  /** "attachment", "inline"; "" says nothing. */
  readonly disposition: string;
  /** All readings, cleaned; see mime-names.ts. */
  readonly names: readonly string[];
  readonly disguised: boolean;
  /** The first bytes, decoded. */
  readonly head: Buffer;
}

/** Takes the whole decoded content, from its first byte. */
export type PartSink = (bytes: Buffer) => void;

/** Called once for a part, when its head is there. A sink that is given back gets all of the content. */
export type OnPart = (part: MimePart) => PartSink | undefined;

/** A part's header, as far as it counts. */
export interface PartHeader extends Omit<MimePart, "head" | "depth"> {
  readonly encoding: PartEncoding;
  readonly boundaries: readonly string[];
}

// Names may be raw UTF-8 (RFC 6532), or any old 8-bit text.
function textOf(latin: string): string {
  const text = Buffer.from(latin, "latin1").toString();
  return text.includes("\ufffd") ? latin : text;
}

/** `fields`: as PartHeaderLines gathers them, latin1. */
export function readPartHeader(fields: readonly string[], defaultType: string): PartHeader {
  const named = (name: string): string[] =>
    fields.flatMap((field) => {
      const colon = field.indexOf(":");
      return field.slice(0, colon).trim().toLowerCase() === name ? [field.slice(colon + 1)] : [];
    });
  const typeFields = named("content-type");
  const types = typeFields.map((value) => readHeaderValue(textOf(value)));
  const dispositions = named("content-disposition").map((value) => readHeaderValue(textOf(value)));
  const mains = types.map(({ main }) => main).filter((main) => main !== "");
  return {
    type: mains[0] ?? defaultType,
    types: mains.length === 0 ? [defaultType] : mains,
    disposition: dispositions[0]?.main ?? "",
    ...fileNames([...dispositions, ...types]),
    encoding: partEncoding(named("content-transfer-encoding").map((value) => readHeaderValue(value).main)),
    // Boundaries are compared with the bytes of lines.
    boundaries: [...new Set(typeFields.flatMap((value) => boundariesOf(readHeaderValue(value))))],
  };
}

/** Whatever the type is called: programs disagree about what is nearly "multipart/". */
function boundariesOf({ parameters }: HeaderValue): string[] {
  const plain = parameters.filter(([name]) => name === "boundary").map(([, value]) => value);
  // boundary*0=, boundary*1= and boundary*= (RFC 2231).
  const parts = parameters.filter(([name]) => name.startsWith("boundary*"));
  const inOrder = parts.toSorted(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
  const joined = inOrder.map(([, value]) => value.replace(/^[^']{0,40}'[^']{0,40}'/, "")).join("");
  return parts.length === 0 ? plain : [...plain, joined];
}

/** Gathers the head, tells of the part, and passes the content on to whoever wants it. */
export class PartContent {
  readonly #decoder;
  readonly #tell: (head: Buffer) => PartSink | undefined;
  readonly #headBytes: number;
  #head: Buffer[] = [];
  #gathered = 0;
  #told = false;
  #sink: PartSink | undefined;

  constructor(encoding: PartEncoding, headBytes: number, tell: (head: Buffer) => PartSink | undefined) {
    this.#decoder = pieceDecoder(encoding);
    this.#headBytes = headBytes;
    this.#tell = tell;
  }

  write(raw: Buffer): void {
    if (this.#told && this.#sink === undefined) return;
    this.#take(this.#decoder.write(raw));
  }

  end(): void {
    this.write(Buffer.alloc(0));
    if (!this.#told || this.#sink !== undefined) this.#take(this.#decoder.end());
    if (!this.#told) this.#tellNow();
  }

  #take(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#told) return this.#sink?.(bytes);
    // Copied: the bytes may be the caller's buffer.
    this.#head.push(Buffer.from(bytes));
    this.#gathered += bytes.length;
    if (this.#gathered >= this.#headBytes) this.#tellNow();
  }

  #tellNow(): void {
    const all = Buffer.concat(this.#head);
    this.#head = [];
    this.#told = true;
    this.#sink = this.#tell(all.subarray(0, this.#headBytes));
    if (all.length > 0) this.#sink?.(all);
  }
}
