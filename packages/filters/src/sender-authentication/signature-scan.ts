// Feeds one message to mailauth's DKIM verifier while it streams by, with back-pressure: the header as it came (fields that the
// gateway strips may be signed), bounded, and then the body. Kept are the header and one block of 64 kB here, and the header and
// one line there. Given up are messages that are too large and bodies with endless lines, since mailauth reads an unfinished
// line again with each block. Never throws; RFC 6376, RFC 8617.

import { PassThrough } from "node:stream";
import type { ContentScan, FilterAnswer } from "@postern/contracts";
import { HeaderCollector } from "@postern/message";
import { checkableHeader, HEADER_BOUNDS, type CheckableHeader } from "./header.ts";
import type { DKIMVerifyResult } from "./mailauth.ts";

/** Why a message's signatures were not checked. */
export type NotChecked =
  /** Larger than the settings allow: honest messages can be. */
  | { readonly why: "size" }
  /** Written so that checking would be costly: its signatures count as not there. */
  | { readonly why: "shape"; readonly text: string }
  /** It went wrong here. */
  | { readonly why: "error"; readonly error: unknown };

export type Signatures =
  | { readonly checked: Pick<DKIMVerifyResult, "results" | "headerFrom" | "fromFields" | "arc"> }
  /** Nothing to check. */
  | { readonly unsigned: true }
  | { readonly notChecked: NotChecked };

const BLOCK = 64 * 1024;
const LONGEST_LINE = 256 * 1024;
const LF = 0x0a;
const EMPTY = Buffer.alloc(0);

export interface SignatureScanOptions {
  readonly maxMessage: number;
  readonly maxSignatures: number;
  readonly verify: (message: PassThrough) => Promise<DKIMVerifyResult>;
  /** Called once, when the end was seen; not after abort. The header: undefined when it has no end, or is too large. */
  readonly done: (signatures: Signatures, header: CheckableHeader | undefined) => void;
}

export class SignatureScan implements ContentScan {
  readonly holds = true;
  readonly #options: SignatureScanOptions;
  readonly #stream = new PassThrough({ highWaterMark: BLOCK });
  readonly #result: Promise<Signatures>;
  readonly #collector = new HeaderCollector(HEADER_BOUNDS.bytes);
  #header: CheckableHeader | undefined;
  #notChecked: NotChecked | undefined;
  #total = 0;
  /** Bytes of the line that has no end yet. */
  #line = 0;
  #block: Buffer | undefined;
  #used = 0;

  constructor(options: SignatureScanOptions) {
    this.#options = options;
    // Both ends of the stream tell of errors; the verifier's promise is where they are handled.
    this.#stream.on("error", () => undefined);
    this.#result = options.verify(this.#stream).then(
      (checked) => ({ checked }),
      (error: unknown) => {
        // Whoever waits for room is let go.
        this.#stream.destroy();
        return { notChecked: this.#notChecked ?? { why: "error", error } };
      },
    );
  }

  write(chunk: Buffer): void | Promise<void> {
    this.#total += chunk.length;
    if (this.#notChecked !== undefined) return undefined;
    if (this.#total > this.#options.maxMessage) return this.#giveUp({ why: "size" });
    if (this.#header !== undefined) return this.#body(chunk);
    // Copied: the collector keeps what it is given, and the piece may be used again.
    const split = this.#collector.push(Buffer.from(chunk));
    if (split === "too-large") return this.#giveUp({ why: "shape", text: "the header is too large" });
    return split === undefined ? undefined : this.#begin(split.header, split.rest);
  }

  async end(): Promise<FilterAnswer> {
    if (this.#header === undefined && this.#notChecked === undefined) await this.#begin(this.#collector.end().header, EMPTY);
    this.#flush();
    this.#stream.end();
    this.#options.done(await this.#result, this.#header);
    return undefined;
  }

  abort(): void {
    this.#stream.destroy(new Error("aborted"));
  }

  #begin(header: Buffer, rest: Buffer): void | Promise<void> {
    this.#header = checkableHeader(header, this.#options.maxSignatures);
    const { bytes, notChecked } = this.#header;
    if (notChecked !== undefined) return this.#giveUp({ why: "shape", text: notChecked });
    if (bytes.length > 0) this.#stream.write(bytes);
    return this.#body(rest);
  }

  #body(bytes: Buffer): void | Promise<void> {
    const end = bytes.lastIndexOf(LF);
    this.#line = end === -1 ? this.#line + bytes.length : bytes.length - end - 1;
    if (this.#line > LONGEST_LINE) return this.#giveUp({ why: "shape", text: "a line is too long" });
    return this.#take(bytes) ? undefined : this.#drained();
  }

  #giveUp(reason: NotChecked): void {
    this.#notChecked = reason;
    this.#block = undefined;
    this.#stream.destroy(new Error("not checked"));
  }

  // Small pieces are gathered: an unfinished line is read again with each piece. Copied, since the piece may be used again.
  #take(bytes: Buffer): boolean {
    let more = true;
    for (let at = 0; at < bytes.length;) {
      this.#block ??= Buffer.allocUnsafe(BLOCK);
      const copied = bytes.copy(this.#block, this.#used, at);
      at += copied;
      this.#used += copied;
      if (this.#used === BLOCK) more = this.#flush();
    }
    return more;
  }

  #flush(): boolean {
    const block = this.#block?.subarray(0, this.#used);
    this.#block = undefined;
    this.#used = 0;
    return block === undefined || this.#stream.destroyed || this.#stream.write(block);
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        this.#stream.off("drain", go).off("close", go);
        resolve();
      };
      this.#stream.on("drain", go).on("close", go);
    });
  }
}
