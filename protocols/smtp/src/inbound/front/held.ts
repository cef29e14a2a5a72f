// A message that is kept until its filters have seen the end: the first bytes in memory, the rest in a file that has no name any
// more, so that it is gone with the process. Nobody else can open it (mode 0600, made anew). Throws what the file system says.

import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { open, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
/** Read back in pieces of this size. */
const PIECE = 256 * 1024;
/** Kept in blocks of this size: bytes that come one at a time take no more room than others. */
const BLOCK = 16 * 1024;

export class Held {
  readonly #maxMemory: number;
  readonly #folder: string;
  #blocks: Buffer[] = [];
  #bytes = 0;
  #file: FileHandle | undefined;
  #inFile = 0;
  #isOver = false;

  constructor(maxMemory: number, folder: string) {
    this.#maxMemory = maxMemory;
    this.#folder = folder;
  }

  /** The next bytes. A promise: wait before giving more. */
  write(chunk: Buffer): void | Promise<void> {
    if (this.#isOver) return;
    if (this.#file === undefined && this.#bytes + chunk.length <= this.#maxMemory) {
      this.#keep(chunk);
      return;
    }
    return this.#spill(chunk);
  }

  /** Gives all of it, in order, waiting where `to` waits. */
  async replay(to: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    const blocks = this.#blocks;
    this.#blocks = [];
    for (const [at, block] of blocks.entries()) await to(block.subarray(0, this.#bytes - at * BLOCK));
    for (let at = 0; at < this.#inFile;) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE, this.#inFile - at));
      const { bytesRead } = (await this.#file?.read(piece, 0, piece.length, at)) ?? { bytesRead: 0 };
      if (bytesRead === 0) throw new Error("A message that was kept is cut off");
      at += bytesRead;
      await to(piece.subarray(0, bytesRead));
    }
  }

  /** Nothing of it is wanted any more. */
  async discard(): Promise<void> {
    this.#isOver = true;
    this.#blocks = [];
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  #keep(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const used = this.#bytes % BLOCK;
      if (used === 0) this.#blocks.push(Buffer.allocUnsafe(BLOCK));
      const copied = chunk.copy(this.#blocks.at(-1) as Buffer, used, at);
      at += copied;
      this.#bytes += copied;
    }
  }

  async #spill(chunk: Buffer): Promise<void> {
    this.#file ??= await this.#create();
    let at = 0;
    while (at < chunk.length && !this.#isOver) {
      const { bytesWritten } = await this.#file.write(chunk, at, chunk.length - at, this.#inFile);
      at += bytesWritten;
      this.#inFile += bytesWritten;
    }
  }

  async #create(): Promise<FileHandle> {
    const path = join(this.#folder, `postern-${randomUUID()}`);
    const file = await open(path, NEW, 0o600);
    try {
      await unlink(path);
    } catch (error) {
      await file.close();
      throw error;
    }
    if (this.#isOver) {
      await file.close();
      throw new Error("The message is not wanted any more");
    }
    return file;
  }
}
