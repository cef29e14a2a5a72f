// A connection to a milter: dialled, agreed upon, then a question and an answer at a time. What a milter wants beyond what was
// offered is a failure where it matters: at the end of the message. Throws Error in words for the log.

import { durationText, type Clock } from "@postern/contracts";
import type { ScannerAddress } from "../scanner-address.ts";
import { ScannerSocket } from "../scanner-socket.ts";
import { PacketReader, number, packet, readReply, type Reply } from "./packets.ts";
import {
  ACTIONS,
  LEADING_BLANKS,
  LEFT_OUT,
  MACRO_STAGES,
  MACROS,
  OFFERED_ACTIONS,
  OFFERED_STEPS,
  OLDEST_VERSION,
  UNANSWERED,
  VERSION,
  type Command,
} from "./protocol.ts";

export type MilterAction = Exclude<keyof typeof ACTIONS, "chooseMacros">;

export interface MilterTimes {
  readonly connect: number;
  readonly command: number;
  readonly content: number;
}

/** Steps in which it looks at the message. */
const CONTENT = new Set<Command>(["field", "endOfHeader", "body"]);

interface Agreed {
  readonly actions: number;
  readonly steps: number;
  readonly macros: Readonly<Partial<Record<Command, readonly string[]>>>;
}

/** A milter that says again and again that it is at work has so many times its time, in all. */
const PATIENCE = 10;

function agreedFrom({ name, data }: Reply): Agreed {
  if (name !== "negotiate") throw new Error(`answered ${name} to the offer`);
  const reader = new PacketReader(data);
  const version = reader.number();
  if (version < OLDEST_VERSION || version > VERSION) throw new Error(`speaks version ${version} of the protocol`);
  const actions = reader.number() & OFFERED_ACTIONS;
  const steps = reader.number() & OFFERED_STEPS;
  const chosen: Partial<Record<Command, readonly string[]>> = {};
  while (!reader.isOver) {
    const stage = MACRO_STAGES[reader.number()];
    const names = reader
      .text()
      .split(/[ ,]+/)
      .filter((macro) => macro !== "");
    if (stage !== undefined) chosen[stage] = names;
  }
  return { actions, steps, macros: { ...MACROS, ...chosen } };
}

export class MilterLink {
  readonly #socket: ScannerSocket;
  readonly #times: MilterTimes;
  readonly #clock: Clock;
  readonly #agreed: Agreed;

  private constructor(socket: ScannerSocket, times: MilterTimes, clock: Clock, agreed: Agreed) {
    this.#socket = socket;
    this.#times = times;
    this.#clock = clock;
    this.#agreed = agreed;
  }

  static async open(address: ScannerAddress, times: MilterTimes, clock: Clock): Promise<MilterLink> {
    const socket = await ScannerSocket.open(address, clock, times.connect);
    try {
      const offer = packet("negotiate", number(VERSION), number(OFFERED_ACTIONS), number(OFFERED_STEPS));
      await socket.write([offer], times.command);
      const agreed = agreedFrom(await readReply((count) => socket.read(count, times.command)));
      return new MilterLink(socket, times, clock, agreed);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** It hung up, or said something that nobody asked for. */
  get stale(): boolean {
    return this.#socket.stale;
  }

  /** It may change the message. */
  get mayChange(): boolean {
    return (this.#agreed.actions & ~ACTIONS.chooseMacros) !== 0;
  }

  get keepsBlanks(): boolean {
    return (this.#agreed.steps & LEADING_BLANKS) !== 0;
  }

  macrosOf(command: Command): readonly string[] {
    return this.#agreed.macros[command] ?? [];
  }

  /** Does it want to see this step? */
  wants(command: Command): boolean {
    return (this.#agreed.steps & (LEFT_OUT[command] ?? 0)) === 0;
  }

  /** Was it agreed that it may do this? */
  may(action: MilterAction): boolean {
    return (this.#agreed.actions & ACTIONS[action]) !== 0;
  }

  /** Tells it of a step. Its reply; undefined: it does not answer this one. */
  async ask(command: Command, packets: readonly Buffer[]): Promise<Reply | undefined> {
    await this.tell(packets);
    const timeMs = CONTENT.has(command) ? this.#times.content : this.#times.command;
    return (this.#agreed.steps & (UNANSWERED[command] ?? 0)) === 0 ? this.reply(timeMs) : undefined;
  }

  /** Sends packets; replies are not read. */
  async tell(packets: readonly Buffer[]): Promise<void> {
    await this.#socket.write(packets, this.#times.content);
  }

  /** The next reply. While it says that it is at work, it has more time. */
  async reply(timeMs: number = this.#times.content): Promise<Reply> {
    const end = this.#clock.now() + PATIENCE * timeMs;
    while (this.#clock.now() <= end) {
      const reply = await readReply((count) => this.#socket.read(count, timeMs));
      if (reply.name !== "progress") return reply;
    }
    throw new Error(`did not answer within ${durationText(PATIENCE * timeMs)}, and says that it is at work`);
  }

  /** The message is over before its end; it does not answer this. */
  abort(): void {
    this.#socket.send(packet("abort"));
  }

  /** Its last words; nothing is awaited. */
  quit(): void {
    this.#socket.end(packet("quit"));
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
