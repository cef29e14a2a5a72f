// The password file on disk: read once at start, and again when it was changed, at its next use. A file that was changed
// less than a second ago may not be whole yet: it waits. A file that cannot be used is logged, and the table that was read
// before stays. Never watches: a look at most once a second works for files that are renamed over, too, and on network
// file systems. Throws an Error "path: …" only at start.

import { closeSync, fstatSync, openSync, readFileSync, statSync, type BigIntStats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { isUtf8 } from "node:buffer";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock, Logger } from "@postern/contracts";
import { TableBuilder, type Table } from "./table.ts";

const LOOK_MS = 1000;
/** Longer files are refused: a table takes about four times as much memory. */
const LONGEST = 256 * 1024 * 1024;
/** Lines that are read without giving way to others. */
const LINES_A_TURN = 1000;
const READABLE_BY_OTHERS = 0o004n;

export interface PasswordFileContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly defaultDomain: string | undefined;
}

export class PasswordFile {
  /** What the file could prove at start. */
  readonly proves: Table["proves"];
  readonly #path: string;
  readonly #context: PasswordFileContext;
  #table: Table;
  /** What the file looked like when it was last read, or tried. */
  #seen: string;
  /** What it looked like at the last look, when that was too fresh to be read. */
  #fresh = "";
  #lookedAt: number;
  #looking: Promise<void> | undefined;

  constructor(path: string, context: PasswordFileContext) {
    this.#path = path;
    this.#context = context;
    this.#lookedAt = context.clock.now();
    try {
      const { stats, text } = readNow(path);
      this.#seen = looks(stats);
      const builder = new TableBuilder(path, context.defaultDomain);
      for (const line of text.split("\n")) builder.add(line);
      this.#table = this.#accept(builder, stats);
      this.proves = this.#table.proves;
    } catch (error) {
      throw new Error(`path: ${reasonOf(error, path)}`, { cause: error });
    }
  }

  /** The table as it was read last. */
  get latest(): Table {
    return this.#table;
  }

  /** The table of the file as it is now, but for the last second. Never rejects. */
  async current(): Promise<Table> {
    const now = this.#context.clock.now();
    if (this.#looking === undefined && Math.abs(now - this.#lookedAt) >= LOOK_MS) {
      this.#lookedAt = now;
      this.#looking = this.#look(now).finally(() => {
        this.#looking = undefined;
      });
    }
    await this.#looking;
    return this.#table;
  }

  async #look(now: number): Promise<void> {
    let seen: string | undefined;
    try {
      const stats = await stat(this.#path, { bigint: true });
      seen = looks(stats);
      if (seen === this.#seen || this.#isTooFresh(seen, stats, now)) return;
      const text = await readLater(this.#path, seen);
      // It was changed meanwhile: the next look sees another file.
      if (text === undefined) return;
      this.#seen = seen;
      const builder = new TableBuilder(this.#path, this.#context.defaultDomain);
      for (const [index, line] of text.split("\n").entries()) {
        if (index % LINES_A_TURN === LINES_A_TURN - 1) await nextTurn();
        builder.add(line);
      }
      this.#replace(this.#accept(builder, stats));
    } catch (error) {
      const reason = reasonOf(error, this.#path);
      const looked = seen ?? reason;
      if (seen === undefined && looked === this.#seen) return;
      this.#seen = looked;
      this.#context.logger.error("password file not read again, what was read before stays", { reason });
    }
  }

  /** Changed within the last second, and not seen like this before. */
  #isTooFresh(seen: string, { mtimeMs }: BigIntStats, now: number): boolean {
    const settled = this.#fresh === seen || Math.abs(now - Number(mtimeMs)) >= LOOK_MS;
    this.#fresh = seen;
    return !settled;
  }

  #accept(builder: TableBuilder, { mode }: BigIntStats): Table {
    const { logger } = this.#context;
    const result = builder.finish();
    if ("problem" in result) throw new Error(result.problem);
    logger.info("password file read", { file: this.#path, users: result.table.users.size });
    if ((mode & READABLE_BY_OTHERS) !== 0n)
      logger.warn("every user of this machine can read the password file: chmod o= takes that away", { file: this.#path });
    return result.table;
  }

  /** What mechanisms are offered is settled at start. */
  #replace(table: Table): void {
    const added = table.proves.filter((proof) => !this.proves.includes(proof));
    this.#table = table;
    if (added.length > 0)
      this.#context.logger.warn("the password file has new columns: they count after a reload of the configuration", {
        file: this.#path,
        columns: added,
      });
  }
}

const looks = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string => [dev, ino, size, mtimeNs, ctimeNs].join(" ");

function readNow(path: string): { stats: BigIntStats; text: string } {
  // Before it is opened: a pipe would wait for somebody who writes.
  checkKind(path, statSync(path, { bigint: true }));
  const handle = openSync(path, "r");
  try {
    const stats = fstatSync(handle, { bigint: true });
    return { stats, text: textOf(path, readFileSync(handle)) };
  } finally {
    closeSync(handle);
  }
}

/** undefined when the file no longer looks as it did. */
async function readLater(path: string, seen: string): Promise<string | undefined> {
  const handle = await open(path, "r");
  try {
    checkKind(path, await handle.stat({ bigint: true }));
    const bytes = await handle.readFile();
    return looks(await handle.stat({ bigint: true })) === seen ? textOf(path, bytes) : undefined;
  } finally {
    await handle.close();
  }
}

function checkKind(path: string, stats: BigIntStats): void {
  if (!stats.isFile()) throw new Error(`${path} is not a file`);
  if (stats.size > LONGEST) throw new Error(`${path} is larger than ${LONGEST / 1024 / 1024} MB`);
}

function textOf(path: string, bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new Error(`${path} is not UTF-8 text`);
  return bytes.toString("utf8").replace(/^\ufeff/, "");
}

function reasonOf(error: unknown, path: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return `there is no file ${path}`;
  if (code === "EACCES") return `${path} may not be read`;
  return message;
}
