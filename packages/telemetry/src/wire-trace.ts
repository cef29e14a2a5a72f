// The wire trace: what was said before login, for users that an administrator named. Until the user is known, a session's
// lines wait in a small bounded ring; then they go to DIRECTORY/USER-SESSION.trace, or are dropped. Lines arrive with
// secrets masked; here they are made safe to look at. When nobody is named there is no trace at all, and no cost.
//
// A trace never breaks a session: what cannot be written is logged once, and that session's trace ends. Never throws.

import { closeSync, constants, mkdirSync, openSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { systemClock, type Clock, type Logger } from "@postern/contracts";
import { cleanText } from "./redact.ts";
import type { LogSettings } from "./settings.ts";

/** C: the client says, S: the gateway answers it, G: the gateway to the backend, B: the backend answers. */
export type Direction = "C" | "S" | "G" | "B";

export interface SessionTrace {
  line(direction: Direction, text: string): void;
  /** The user that this login is for: what was said so far is written down, or dropped. */
  know(user: string): void;
  close(): void;
}

export interface WireTrace {
  /** undefined when nobody is traced. */
  start(sessionId: string): SessionTrace | undefined;
}

/** Characters of one line, and of all lines that wait for the user to be known. */
const MAX_LINE = 2000;
const MAX_WAITING = 16_000;

/** A part of a file name: no separators, no leading dot, not too long. */
function fileNamePart(text: string): string {
  return text
    .replace(/[^A-Za-z0-9@._+-]/g, "_")
    .replace(/^\.+/, "_")
    .slice(0, 100);
}

/** A new file, never an existing one and never through a link, for the gateway's user alone. */
function createFile(directory: string, name: string): number {
  return openSync(join(directory, name), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
}

class FileTrace implements SessionTrace {
  readonly #id: string;
  readonly #parts: TraceParts;
  #ring: string[] = [];
  #waiting = 0;
  #file: { readonly user: string; readonly descriptor: number } | undefined;
  /** Lines go to the file: the login that is under way is its user's. */
  #isWriting = false;
  #isOver = false;
  #written = 0;

  constructor(id: string, parts: TraceParts) {
    this.#id = id;
    this.#parts = parts;
  }

  line(direction: Direction, text: string): void {
    if (this.#isOver) return;
    const line = `${new Date(this.#parts.clock.now()).toISOString()} ${direction}: ${cleanText(text, MAX_LINE)}\n`;
    if (this.#isWriting) return this.#guarded(() => this.#write(line));
    this.#ring.push(line);
    this.#waiting += line.length;
    while (this.#waiting > MAX_WAITING) this.#waiting -= this.#ring.shift()?.length ?? 0;
  }

  know(user: string): void {
    if (this.#isOver) return;
    const lines = this.#ring;
    this.#ring = [];
    this.#waiting = 0;
    this.#isWriting = this.#parts.users.has(user);
    if (!this.#isWriting) return;
    this.#guarded(() => {
      this.#openFor(user);
      this.#write(lines.join(""));
    });
  }

  close(): void {
    this.#isOver = true;
    this.#ring = [];
    if (this.#file !== undefined) closeSync(this.#file.descriptor);
    this.#file = undefined;
  }

  #openFor(user: string): void {
    if (this.#file?.user === user) return;
    if (this.#file !== undefined) closeSync(this.#file.descriptor);
    this.#file = undefined;
    const { directory, maxSessions } = this.#parts;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const there = readdirSync(directory).filter((name) => name.endsWith(".trace")).length;
    if (there >= maxSessions) throw new Error(`there are ${there} trace files already`);
    const name = `${fileNamePart(user)}-${fileNamePart(this.#id)}.trace`;
    this.#file = { user, descriptor: createFile(directory, name) };
    this.#written = 0;
  }

  #write(text: string): void {
    if (this.#file === undefined || text === "") return;
    const size = Buffer.byteLength(text);
    const isFull = this.#written + size > this.#parts.maxSize;
    writeSync(this.#file.descriptor, isFull ? "-- the trace is full\n" : text);
    this.#written += size;
    if (isFull) this.close();
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#parts.logger.warn("The wire trace of a session cannot be written", { session: this.#id, error: String(error) });
      this.close();
    }
  }
}

interface TraceParts {
  readonly users: ReadonlySet<string>;
  readonly directory: string;
  readonly maxSize: number;
  readonly maxSessions: number;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The wire trace by its settings; made anew when they change. */
export function createWireTrace(settings: LogSettings["trace"], logger: Logger, clock: Clock = systemClock): WireTrace {
  const { directory, maxSize, maxSessions } = settings;
  const users = new Set(settings.users.map((user) => user.normalize("NFC").toLowerCase()));
  if (users.size === 0) return { start: () => undefined };
  if (directory === undefined) {
    logger.warn("The wire trace has users but no directory: nothing is traced");
    return { start: () => undefined };
  }
  const parts: TraceParts = { users, directory, maxSize, maxSessions, logger, clock };
  return { start: (sessionId) => new FileTrace(sessionId, parts) };
}
