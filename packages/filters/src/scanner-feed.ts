// One message's way into a scanner. The first bytes are kept until the message is whole or grows, so that a slow sender takes
// no place at the scanner, and a small message is asked about again elsewhere when a server fails. Memory is bounded; what the
// scanner does not take yet, the sender waits for. Never throws.

import { sizeText, type ContentScan, type FilterAnswer } from "@postern/contracts";
import { Final, reasonOf, TooLarge, type Places, type ServersInOrder } from "./scanner.ts";

/** Bytes of a message that are kept before the scanner is asked: most messages are smaller. */
const KEPT = 256 * 1024;

/** A scanner at work on one message. All of it may throw Error. */
export interface ScannerRun {
  write(chunk: Buffer): void | Promise<void>;
  end(): Promise<FilterAnswer>;
  /** May be called at any time, and more than once; what is awaited then fails. */
  abort(): void;
}

export interface FeedOptions<S extends { readonly label: string }> {
  readonly holds: boolean;
  readonly maxSize: number;
  readonly places: Places;
  /** How long to wait for a place. */
  readonly waitMs: number;
  readonly servers: ServersInOrder<S>;
  /** Connects; `length`: that of the whole message, when it is known. */
  readonly open: (server: S, length: number | undefined) => Promise<ScannerRun>;
  readonly tooLarge: (reason: string) => FilterAnswer;
  readonly failed: (reason: string) => FilterAnswer;
}

export class ScannerFeed<S extends { readonly label: string }> implements ContentScan {
  readonly holds: boolean;
  readonly #options: FeedOptions<S>;
  #kept: Buffer[] = [];
  #size = 0;
  #run: ScannerRun | undefined;
  #givePlace: () => void = () => {};
  #over: { readonly answer: FilterAnswer } | undefined;

  constructor(options: FeedOptions<S>) {
    this.#options = options;
    this.holds = options.holds;
  }

  write(chunk: Buffer): void | Promise<void> {
    if (this.#over !== undefined) return undefined;
    this.#size += chunk.length;
    if (this.#size > this.#options.maxSize)
      return this.#fail(new TooLarge(`it is larger than ${sizeText(this.#options.maxSize)}`));
    if (this.#run !== undefined) return this.#pass(this.#run, chunk);
    this.#kept.push(chunk);
    return this.#size > KEPT ? this.#open() : undefined;
  }

  async end(): Promise<FilterAnswer> {
    if (this.#over !== undefined) return this.#over.answer;
    try {
      this.#finish(await (this.#run === undefined ? this.#askWhole() : this.#run.end()));
    } catch (error) {
      this.#fail(error);
    }
    return this.#answer();
  }

  abort(): void {
    this.#finish(undefined);
  }

  // A method, since what was true of #over before an await need not be true after it.
  #answer(): FilterAnswer {
    return this.#over?.answer;
  }

  #pass(run: ScannerRun, chunk: Buffer): void | Promise<void> {
    try {
      return run.write(chunk)?.catch((error: unknown) => this.#fail(error));
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** The message grows: from here on it is passed on as it comes. */
  async #open(): Promise<void> {
    try {
      await this.#takePlace();
      const run = await this.#options.servers.first((server) => this.#start(server, undefined));
      for (const chunk of this.#kept) await run.write(chunk);
      this.#kept = [];
    } catch (error) {
      this.#fail(error);
    }
  }

  async #askWhole(): Promise<FilterAnswer> {
    await this.#takePlace();
    return this.#options.servers.first(async (server) => {
      const run = await this.#start(server, this.#size);
      try {
        for (const chunk of this.#kept) await run.write(chunk);
        return await run.end();
      } catch (error) {
        this.#checkWanted();
        throw error;
      }
    });
  }

  async #start(server: S, length: number | undefined): Promise<ScannerRun> {
    this.#run?.abort();
    this.#checkWanted();
    this.#run = await this.#options.open(server, length);
    this.#checkWanted();
    return this.#run;
  }

  #checkWanted(): void {
    if (this.#over === undefined) return;
    this.#run?.abort();
    throw new Final("nobody wants a verdict any more");
  }

  async #takePlace(): Promise<void> {
    const give = await this.#options.places.take(this.#options.waitMs);
    if (this.#over === undefined) this.#givePlace = give;
    else give();
  }

  /** Nobody wants a verdict any more: what fails then is nobody's concern. */
  #fail(error: unknown): void {
    if (this.#over !== undefined) return;
    const { tooLarge, failed } = this.#options;
    this.#finish(error instanceof TooLarge ? tooLarge(error.message) : failed(reasonOf(error)));
  }

  #finish(answer: FilterAnswer): void {
    if (this.#over !== undefined) return;
    this.#over = { answer };
    this.#kept = [];
    this.#run?.abort();
    this.#givePlace();
  }
}
