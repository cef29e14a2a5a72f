// What a client sends, in order: commands, and content behind DATA and BDAT. Lines are found, bounded and handed on one at a
// time by smtp-server's parser; it is fed line by line, so that what stands behind a command is known, and is never looked at
// before the command is done. Content goes to a reader and a sink of ours: no stream for each message, no copy.
// Errors: "error" when a line is too long.

import { SMTPStream } from "smtp-server/lib/smtp-stream.js";

/** A chunk as content: what it holds of it, and what follows its end; undefined: there is more to come. */
export interface Piece {
  readonly content: Buffer;
  readonly rest: Buffer | undefined;
}

/** Knows where content ends. */
export interface ContentReader {
  read(chunk: Buffer): Piece;
}

/** Takes content. A promise: wait before giving more. Nothing here rejects. */
export interface ContentSink {
  write(chunk: Buffer): void | Promise<void>;
  end(): void | Promise<void>;
}

interface Taking {
  readonly reader: ContentReader;
  readonly sink: ContentSink;
}

type Next = (error?: Error | null) => void;

/** So many commands of one packet are done before others get a turn. */
const TURN = 100;
const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

/** RFC 5321 section 4.5.3.1.4 and the extensions: no command of ours is longer. */
const MAX_LINE = 4096;
/** How a TLS handshake begins; it has no line end to wait for. */
const HANDSHAKE = 0x16;

export class ClientStream extends SMTPStream {
  /** Bytes have come before the gate was opened. */
  spokeEarly = false;
  /** When the last bytes came. */
  heardAt = 0;
  readonly #now: () => number;
  #held: (() => void) | undefined;
  #isOpen = false;
  /** Of writableLength: the chunk that is being worked on. */
  #inHand = 0;
  #behind = 0;
  #content: Taking | undefined;

  constructor(now: () => number) {
    super({ maxCommandLength: MAX_LINE });
    this.#now = now;
  }

  /** Bytes that have come behind the command that is being done. */
  get behind(): number {
    return this.#behind + this.writableLength - this.#inHand;
  }

  /** From now on commands are read; until then what comes is kept back. */
  open(): void {
    this.#isOpen = true;
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  /** What follows is content until `reader` says otherwise. */
  startContent(reader: ContentReader, sink: ContentSink): void {
    this.#content = { reader, sink };
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding | "buffer", next: Next): void {
    // The parser asks itself for what is left of a line: nothing.
    if (chunk.length === 0) return next();
    this.#inHand = chunk.length;
    this.heardAt = this.#now();
    if (this.#isOpen) return this.#take(chunk, next);
    this.spokeEarly = true;
    this.#held = () => this.#take(chunk, next);
  }

  /** A line without an end is no command. */
  override _flushData(): void {}

  #take(chunk: Buffer, next: Next): void {
    let left = chunk;
    for (let turns = 0; turns < TURN; turns++) {
      if (left.length === 0 || this.isClosed) return next();
      if (this.#content !== undefined) return this.#takeContent(this.#content, left, next);
      const end = left.indexOf(LF) + 1;
      if (end === 0 && left[0] === HANDSHAKE) return this.oncommand(left, next);
      const rest = end === 0 ? NOTHING : left.subarray(end);
      if (!this.#takeLine(rest.length === 0 ? left : left.subarray(0, end), rest, next)) return;
      left = rest;
    }
    setImmediate(() => this.#take(left, next));
  }

  /** True: done already. Otherwise the rest is taken when it is. */
  #takeLine(line: Buffer, rest: Buffer, next: Next): boolean {
    this.#behind = rest.length;
    const turn = { isDone: false, isLater: false };
    super._write(line, "buffer", (error) => {
      if (error) next(error);
      else if (turn.isLater) this.#take(rest, next);
      else turn.isDone = true;
    });
    turn.isLater = !turn.isDone;
    return turn.isDone;
  }

  #takeContent({ reader, sink }: Taking, chunk: Buffer, next: Next): void {
    const { content, rest } = reader.read(chunk);
    const written = content.length === 0 ? undefined : sink.write(content);
    if (written !== undefined) void written.then(() => this.#afterContent(rest, sink, next));
    else this.#afterContent(rest, sink, next);
  }

  #afterContent(rest: Buffer | undefined, sink: ContentSink, next: Next): void {
    if (rest === undefined || this.isClosed) return next();
    this.#content = undefined;
    const ended = sink.end();
    const goOn = (): void => {
      if (rest.length === 0) next();
      // Not at once: a packet may hold very many small pieces.
      else setImmediate(() => this.#take(rest, next));
    };
    if (ended === undefined) goOn();
    else void ended.then(goOn);
  }
}
