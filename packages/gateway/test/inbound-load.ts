// A client for load: many connections, several messages on each, and what was said to each message. Every message is tried once,
// under a word of its own, which is its sender, too.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { message, someWord } from "./submitters.ts";

export interface Fate {
  readonly to: readonly string[];
  /** The last reply; "" when the connection was lost before it. */
  readonly reply: string;
}

export interface Load {
  readonly port: number;
  readonly connections: number;
  readonly perConnection: number;
  /** The recipients of the nth message. */
  readonly to: (at: number) => readonly string[];
  readonly body: string;
  /** No message begins any more once this many were taken, or three times as many were tried. */
  readonly wanted: number;
}

export class Loader {
  /** By word. */
  readonly fates = new Map<string, Fate>();
  taken = 0;
  readonly #load: Load;
  readonly #name = someWord();
  #tried = 0;

  constructor(load: Load) {
    this.#load = load;
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.#load.connections }, () => this.#keepOn()));
  }

  get #isOver(): boolean {
    return this.taken >= this.#load.wanted || this.#tried >= 3 * this.#load.wanted;
  }

  async #keepOn(): Promise<void> {
    while (!this.#isOver) {
      const wire = await Wire.open(this.#load.port);
      await wire.ask("EHLO load.example.net\r\n");
      for (let round = 0; round < this.#load.perConnection && !this.#isOver && !wire.isOver; round++) await this.#one(wire);
      await wire.ask("QUIT\r\n");
      wire.close();
    }
  }

  async #one(wire: Wire): Promise<void> {
    const at = this.#tried++;
    const word = `${this.#name}n${at}x`;
    const to = this.#load.to(at);
    const reply = await bringOne(wire, word, to, this.#load.body);
    this.fates.set(word, { to, reply });
    if (reply.startsWith("250 ")) this.taken++;
    // A sender that is told to come later does not come at once.
    else await wait(50);
  }
}

/** What is said to a message; "" when the connection is lost before that. */
async function bringOne(wire: Wire, word: string, to: readonly string[], body: string): Promise<string> {
  const recipients = to.map((one) => `RCPT TO:<${one}>\r\n`).join("");
  const replies = [await wire.ask(`MAIL FROM:<${word}@load.example.net>\r\n${recipients}`)];
  for (const _ of to) replies.push(await wire.reply());
  const refused = replies.find((reply) => !reply.startsWith("250 "));
  if (refused !== undefined) {
    await wire.ask("RSET\r\n");
    return refused;
  }
  const ready = await wire.ask("DATA\r\n");
  return ready.startsWith("354") ? wire.ask(`${message(word, `${word}@load.example.net`, body)}.\r\n`) : ready;
}

/** One connection; replies are read one by one, without a look at the clock. */
class Wire {
  readonly #socket: Socket;
  #text = "";
  #wake: (() => void) | undefined;
  isOver = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const wake = (): void => this.#wake?.();
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#text += text;
      wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isOver = true;
      wake();
    });
  }

  static async open(port: number): Promise<Wire> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    const wire = new Wire(socket);
    await wire.reply();
    return wire;
  }

  ask(text: string): Promise<string> {
    if (!this.isOver) this.#socket.write(text, "latin1");
    return this.reply();
  }

  /** The last line of the next reply; "" when there is none any more. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(\d{3}(?: .*)?)\r\n/m.exec(this.#text);
      if (match !== null) {
        this.#text = this.#text.slice(match.index + match[0].length);
        return match[1] ?? "";
      }
      if (this.isOver) return "";
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
