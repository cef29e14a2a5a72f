// Names of the files in a zip archive (APPNOTE.TXT sections 4.3.7 and 4.3.12), found while it goes by, cut anywhere: those of the
// files' own headers and those of the list at its end, since programs go by one or the other. Nothing is unpacked: an archive
// inside of an archive is seen as a name. Keeps 1 kB; never throws.

import type { MimePart } from "@postern/message";

const ZIP_TYPES: ReadonlySet<string> = new Set(["application/zip", "application/x-zip-compressed"]);
const LOCAL = Buffer.from("PK\x03\x04", "latin1");
const CENTRAL = Buffer.from("PK\x01\x02", "latin1");
const KINDS = [
  { signature: LOCAL, lengthAt: 26, nameAt: 30 },
  { signature: CENTRAL, lengthAt: 28, nameAt: 46 },
] as const;
const LONGEST_NAME = 1000;
/** Bytes in which a header may still be incomplete. */
const KEPT = 46 + LONGEST_NAME;
/** Files in one archive, counted twice; honest ones have fewer. */
const MOST = 100_000;

/** Does a file begin as zip archives do, or is it called so? Documents of office programs are such, too. Anything may stand before. */
export const mayBeZip = ({ head, names, types }: Pick<MimePart, "head" | "names" | "types">): boolean =>
  head.subarray(0, 4).equals(LOCAL) ||
  head.subarray(0, 4).toString("latin1") === "PK00" ||
  names.some((name) => /\.zip$/i.test(name)) ||
  types.some((type) => ZIP_TYPES.has(type));

export class ZipNames {
  readonly #found: (name: string) => void;
  #tail: Buffer = Buffer.alloc(0);
  #count = 0;

  constructor(found: (name: string) => void) {
    this.#found = found;
  }

  /** More names than are looked at. */
  get tooMany(): boolean {
    return this.#count > MOST;
  }

  write(bytes: Buffer): void {
    this.#read(Buffer.concat([this.#tail, bytes]), KEPT);
  }

  end(): void {
    this.#read(this.#tail, 0);
  }

  /** Headers that begin in the last `kept` bytes are read with what follows. */
  #read(bytes: Buffer, kept: number): void {
    const until = Math.max(0, bytes.length - kept);
    for (const { signature, lengthAt, nameAt } of KINDS) {
      for (let at = bytes.indexOf(signature); at !== -1 && at < until && !this.tooMany; at = bytes.indexOf(signature, at + 4)) {
        if (at + nameAt > bytes.length) break;
        this.#take(bytes, at + nameAt, bytes.readUInt16LE(at + lengthAt));
      }
    }
    this.#tail = Buffer.from(bytes.subarray(until));
  }

  #take(bytes: Buffer, start: number, length: number): void {
    if (length === 0 || length > LONGEST_NAME) return;
    this.#count++;
    this.#found(bytes.toString("utf8", start, start + length));
  }
}
