// Feeds one message to mailauth's DKIM verifier while it streams by, with back-pressure. Kept are one block of 64 kB here,
// and the header and one line there. Given up are messages that are too large and bodies with endless lines, since
// mailauth reads an unfinished line again with each block. Never throws; RFC 6376, RFC 8617.

import { PassThrough } from "node:stream";
import type { ContentScan, FilterAnswer } from "@postern/contracts";
import type { CheckableHeader } from "./header.ts";
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

export interface SignatureScanOptions {
  /** The header as it came, which the content begins with. */
  readonly headerLength: number;
  readonly checkable: CheckableHeader;
  readonly maxMessage: number;
  readonly verify: (message: PassThrough) => Promise<DKIMVerifyResult>;
  /** Called once, when the end was seen; not after abort. */
  readonly done: (signatures: Signatures) => void;
}

export class SignatureScan implements ContentScan {
  readonly holds = true;
  readonly #options: SignatureScanOptions;
  readonly #stream = new PassThrough({ highWaterMark: BLOCK });
  readonly #result: Promise<Signatures>;
  #notChecked: NotChecked | undefined;
  #headerLeft: number;
  #total = 0;
  /** Bytes of the line that has no end yet. */
  #line = 0;
  #block: Buffer | undefined;
  #used = 0;

  constructor(options: SignatureScanOptions) {
    this.#options = options;
    this.#headerLeft = options.headerLength;
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
    if (options.checkable.bytes.length > 0) this.#stream.write(options.checkable.bytes);
  }

  write(chunk: Buffer): void | Promise<void> {
    this.#total += chunk.length;
    if (this.#notChecked !== undefined) return undefined;
    if (this.#total > this.#options.maxMessage) return this.#giveUp({ why: "size" });
    const body = chunk.subarray(Math.min(this.#headerLeft, chunk.length));
    this.#headerLeft -= chunk.length - body.length;
    const end = body.lastIndexOf(LF);
    this.#line = end === -1 ? this.#line + body.length : body.length - end - 1;
    if (this.#line > LONGEST_LINE) return this.#giveUp({ why: "shape", text: "a line is too long" });
    return this.#take(body) ? undefined : this.#drained();
  }

  async end(): Promise<FilterAnswer> {
    this.#flush();
    this.#stream.end();
    this.#options.done(await this.#result);
    return undefined;
  }

  abort(): void {
    this.#stream.destroy(new Error("aborted"));
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
