// Finds the parts of a message (RFC 2045 to 2047, 2231) while its bytes go by, cut anywhere: their types, file names and first
// bytes. Messages inside of messages are looked into. Where mail programs disagree about what a part is, all readings are
// followed: whoever hides something has to hide it from all of them. Bounded in depth, parts and headers; what goes beyond is
// too complex, and that is told. Keeps one line, one part's header and one part's first bytes. Never throws.

import { Boundaries, type Delimiter } from "./mime-boundaries.ts";
import { PartHeaderLines } from "./mime-header-lines.ts";
import { fileNames } from "./mime-names.ts";
import { PartContent, readPartHeader, type OnPart, type PartHeader, type PartSink } from "./mime-part.ts";
import { UuNames } from "./mime-uu.ts";

export interface MimeBounds {
  readonly depth: number;
  readonly parts: number;
  /** Bytes of a part's header. */
  readonly header: number;
  /** Bytes of the fields that matter in all headers of parts together. */
  readonly fields: number;
  /** Bytes of each part's content that are kept as its head. */
  readonly head: number;
}

export const MIME_BOUNDS: MimeBounds = { depth: 20, parts: 1000, header: 64 * 1024, fields: 1024 * 1024, head: 1024 };

/** Whoever feeds the scan bounds the header of the message itself; this is for the worst. */
const MESSAGE_HEADER = 4 * 1024 * 1024;
/** A delimiter is shorter: RFC 2046 allows 70 characters. */
const LONGEST_DELIMITER = 1000;
const LONGEST_BOUNDARY = 900;
const LF = 0x0a;
const DASH = 0x2d;
const EMPTY = Buffer.alloc(0);
const MESSAGE = /^message\/(?:rfc822|global|news)$/;
const MULTIPART = /^multipart\//;

interface Shared {
  readonly bounds: MimeBounds;
  readonly onPart: OnPart;
  parts: number;
  fields: number;
  tooComplex: string | undefined;
}

interface Content {
  write(raw: Buffer): void;
  end(): void;
}

/** `onPart` is called for each part, in the order in which their heads are complete. */
export function createMimeScan(onPart: OnPart, bounds: Partial<MimeBounds> = {}): MimeScan {
  return new MimeScan({ bounds: { ...MIME_BOUNDS, ...bounds }, onPart, parts: 0, fields: 0, tooComplex: undefined }, 0);
}

export class MimeScan {
  readonly #shared: Shared;
  readonly #boundaries = new Boundaries();
  #reading: "header" | "body" | "delimiter" = "header";
  /** Bytes that are wanted again, with more. */
  #pending: Buffer = EMPTY;
  /** The next byte of the body begins a line. */
  #lineStart = true;
  #header = new PartHeaderLines();
  #depth: number;
  #defaultType = "text/plain";
  /** The part's header began where every program sees one. */
  #certain = true;
  #content: Content | undefined;

  /** See createMimeScan. */
  constructor(shared: Shared, depth: number) {
    this.#shared = shared;
    this.#depth = depth;
  }

  /** Why the rest is not looked at; undefined: all of it is. */
  get tooComplex(): string | undefined {
    return this.#shared.tooComplex;
  }

  write(chunk: Buffer): void {
    if (this.tooComplex !== undefined) return;
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const used = this.#read(bytes);
    // Copied: the chunk may be the caller's buffer.
    this.#pending = used === bytes.length ? EMPTY : Buffer.from(bytes.subarray(used));
  }

  end(): void {
    if (this.tooComplex === undefined && this.#pending.length > 0) this.write(Buffer.of(LF));
    if (this.tooComplex === undefined && this.#reading === "header") this.#headerEnds();
    this.#contentEnds();
  }

  #read(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.tooComplex === undefined) {
      const next = this.#step(bytes, at);
      if (next === at) break;
      at = next;
    }
    return at;
  }

  /** Reads on; where the next step begins. The same place: more bytes are needed. */
  #step(bytes: Buffer, at: number): number {
    if (this.#reading === "header") return this.#readHeader(bytes, at);
    if (this.#reading === "body") return this.#readBody(bytes, at);
    const end = bytes.indexOf(LF, at);
    if (end === -1) return bytes.length;
    this.#reading = "header";
    return end + 1;
  }

  #readHeader(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LF, at);
    const next = end === -1 ? bytes.length : end + 1;
    if (this.#header.bytes + next - at > (this.#isMessage ? MESSAGE_HEADER : this.#shared.bounds.header)) {
      if (this.#certain) return this.#giveUp("the header of a part is too large", at);
      // It was no header, then.
      this.#headerEnds();
      return at + 1;
    }
    if (end === -1) return at;
    const line = bytes.toString("latin1", at, next);
    const delimiter = line.startsWith("--") ? this.#boundaries.match(line) : undefined;
    if (delimiter === undefined && line !== "\n" && line !== "\r\n") {
      this.#header.add(line);
      return next;
    }
    this.#headerEnds();
    if (delimiter !== undefined) this.#delimited(delimiter, true);
    return next;
  }

  get #isMessage(): boolean {
    return this.#depth === 0;
  }

  #readBody(bytes: Buffer, at: number): number {
    for (let from = at; ;) {
      const line = this.#nextDashes(bytes, at, from);
      if (line === -1) return this.#pass(bytes, at, bytes.length - this.#heldBack(bytes, at));
      if (line + 2 < bytes.length && !this.#boundaries.mayBegin(bytes[line + 2])) {
        from = line + 2;
        continue;
      }
      const end = bytes.indexOf(LF, line);
      const isWhole = end !== -1;
      if (!isWhole && bytes.length - line < LONGEST_DELIMITER) return this.#pass(bytes, at, line);
      const text = bytes.toString("latin1", line, Math.min(isWhole ? end : bytes.length, line + LONGEST_DELIMITER));
      const delimiter = this.#boundaries.match(text);
      if (delimiter !== undefined) {
        this.#pass(bytes, at, line);
        this.#delimited(delimiter, isWhole);
        return isWhole ? end + 1 : bytes.length;
      }
      if (this.#boundaries.exhausted) return this.#giveUp("too many lines look like delimiters", at);
      from = line + 2;
    }
  }

  /** Where the next line that begins with "--" begins. */
  #nextDashes(bytes: Buffer, at: number, from: number): number {
    if (from === at && this.#lineStart && bytes[at] === DASH && bytes[at + 1] === DASH) return at;
    const found = bytes.indexOf("\n--", from);
    return found === -1 ? -1 : found + 1;
  }

  /** A dash at the end may be the first of two. */
  #heldBack(bytes: Buffer, at: number): number {
    const last = bytes.length - 1;
    if (bytes[last] !== DASH) return 0;
    return last === at ? Number(this.#lineStart) : Number(bytes[last - 1] === LF);
  }

  #pass(bytes: Buffer, at: number, end: number): number {
    if (end === at) return at;
    this.#content?.write(bytes.subarray(at, end));
    this.#lineStart = bytes[end - 1] === LF;
    return end;
  }

  #contentEnds(): void {
    this.#content?.end();
    this.#content = undefined;
  }

  #delimited({ closes, depth, digest, exact }: Delimiter, isWhole: boolean): void {
    this.#contentEnds();
    this.#lineStart = true;
    // Behind the last delimiter is nobody's content.
    this.#reading = closes ? "body" : isWhole ? "header" : "delimiter";
    this.#begin(depth, digest ? "message/rfc822" : "text/plain", exact);
  }

  #begin(depth: number, defaultType: string, certain: boolean): void {
    this.#header = new PartHeaderLines();
    this.#depth = depth;
    this.#defaultType = defaultType;
    this.#certain = certain;
  }

  #headerEnds(): void {
    const { bounds } = this.#shared;
    this.#reading = "body";
    this.#lineStart = true;
    this.#shared.fields += this.#header.wantedBytes;
    if (this.#shared.fields > bounds.fields) return void this.#giveUp("the headers of parts are too large", 0);
    if (++this.#shared.parts > bounds.parts) return void this.#giveUp("too many parts", 0);
    if (this.#depth > bounds.depth) return void this.#giveUp("parts are nested too deeply", 0);
    const { fields } = this.#header;
    const header = readPartHeader(fields, this.#defaultType);
    const digest = header.types.includes("multipart/digest");
    if (header.boundaries.some(({ length }) => length > LONGEST_BOUNDARY)) return void this.#giveUp("a boundary is too long", 0);
    for (const value of header.boundaries)
      if (!this.#boundaries.add(value, this.#depth + 1, digest)) return void this.#giveUp("too many multiparts in each other", 0);
    const isMessage = header.types.some((type) => MESSAGE.test(type));
    const isMultipart = header.boundaries.length > 0 && header.types.every((type) => MULTIPART.test(type));
    if (header.encoding !== "none" && (isMessage || isMultipart))
      this.#content = this.#encodedContent(header, isMessage ? [] : fields);
    else if (isMessage) this.#messageBegins(header);
    else if (isMultipart) this.#tell(header, EMPTY);
    else this.#content = this.#leafContent(header);
  }

  #messageBegins(header: PartHeader): void {
    this.#tell(header, EMPTY);
    this.#reading = "header";
    this.#begin(this.#depth + 1, "text/plain", this.#certain);
  }

  #leafContent(header: PartHeader): Content {
    const content = new PartContent(header.encoding, this.#shared.bounds.head, this.#teller(header));
    if (header.encoding !== "none" || !header.type.startsWith("text/")) return content;
    const inText = new UuNames((name) => {
      if (++this.#shared.parts > this.#shared.bounds.parts) return void this.#giveUp("too many parts", 0);
      const names = fileNames([{ main: "", parameters: [["name", name]] }]);
      this.#tell({ ...header, type: UUENCODED, types: [UUENCODED], disposition: "", ...names }, EMPTY);
    });
    const giveUp = () => this.#giveUp("too many lines look like the beginning of a file", 0);
    return {
      write(raw) {
        content.write(raw);
        inText.write(raw);
        if (inText.exhausted) giveUp();
      },
      end: () => content.end(),
    };
  }

  /** Forbidden (RFC 2045 section 6.4, RFC 2046 section 5.2.1), and decoded by some programs all the same. */
  #encodedContent(header: PartHeader, fields: readonly string[]): Content {
    const inner = new MimeScan(this.#shared, this.#depth + 1);
    if (fields.length > 0) {
      const again = fields.filter((field) => /^content-type/i.test(field));
      inner.write(Buffer.from(`${again.join("\r\n")}\r\n\r\n`, "latin1"));
    }
    const tell = this.#teller(header);
    const content = new PartContent(header.encoding, this.#shared.bounds.head, (head) => {
      const sink = tell(head);
      return (bytes) => {
        sink?.(bytes);
        inner.write(bytes);
      };
    });
    return {
      write: (raw) => content.write(raw),
      end() {
        content.end();
        inner.end();
      },
    };
  }

  #teller(header: PartHeader): (head: Buffer) => PartSink | undefined {
    const depth = this.#depth;
    return (head) => this.#tell(header, head, depth);
  }

  #tell({ type, types, disposition, names, disguised }: PartHeader, head: Buffer, depth = this.#depth): PartSink | undefined {
    return this.#shared.onPart({ depth, type, types, disposition, names, disguised, head });
  }

  #giveUp(why: string, at: number): number {
    this.#shared.tooComplex ??= why;
    return at;
  }
}

const UUENCODED = "application/x-uuencode";
