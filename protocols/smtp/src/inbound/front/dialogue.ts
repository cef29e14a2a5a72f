// What one client is told, whatever the command: errors and their budget, a filter's no, the end of a transaction, and what is
// forgotten when the client begins anew. The commands are a table that is handed in. Nothing here rejects: what a command throws
// is a reply, or the end of the connection.

import {
  Failure,
  toFailure,
  type Address,
  type HostedEnd,
  type MailAddress,
  type MailReply,
  type MaybePromise,
} from "@postern/contracts";
import { refuseForeign } from "@postern/core";
import { forgetHello, type Hello } from "../../hello.ts";
import { refusal } from "../../replies.ts";
import type { Stopped } from "./ask.ts";
import type { ClientConnection } from "./connection.ts";
import type { FrontHouse, Offer } from "./house.ts";
import { logRefusal, type Mail } from "./mail.ts";
import type { Talker } from "./talker.ts";
import { Visit, type Recipient } from "./visit.ts";
import { MailError } from "./words.ts";

/** Does a command; `args` is what follows the verb, without the spaces around it. Throws MailError, Failure. */
export type Row = (dialogue: Dialogue, args: Buffer) => MaybePromise<void>;

export interface Commands {
  readonly rows: ReadonlyMap<string, Row>;
  /** Those that bring no mail on its way. */
  readonly idle: ReadonlySet<string>;
  readonly greet: (dialogue: Dialogue) => Promise<void>;
}

/** What a refusal before a message is about. */
interface About {
  readonly id: string;
  readonly sender: MailAddress;
  readonly recipient?: Recipient;
}

const SPACE = 0x20;

/** A filter ends the connection. */
export function stoppedBy(filter: string): HostedEnd {
  const reason = `${filter} stopped the mail`;
  return { ending: "refused", reason, failure: new Failure("not-authorized", reason) };
}
/** So many commands may bring no mail on its way before they count as errors. */
const MAX_IDLE = 100;
/** Refusals of one client that the log names one by one. */
const MAX_LOGGED = 100;

export class Dialogue implements Talker {
  readonly wire: ClientConnection;
  readonly house: FrontHouse;
  visit: Visit;
  /** Since the last hello; undefined before any. */
  offer: Offer | undefined;
  /** What a gateway in front says that its client calls itself. */
  told: Hello | undefined;
  mail: Mail | undefined;
  /** Transactions begun. */
  count = 0;
  /** Commands since the last recipient that brought no mail on its way. */
  idle = 0;
  readonly #commands: Commands;
  /** Where the client is, before any gateway has told. */
  readonly #origin: Address;
  #wake: (() => void) | undefined;
  #refusals = 0;

  constructor(wire: ClientConnection, house: FrontHouse, commands: Commands) {
    this.wire = wire;
    this.house = house;
    this.#commands = commands;
    this.#origin = wire.visitor.client;
    this.visit = this.#newVisit();
  }

  begin(): Promise<void> {
    return this.#commands.greet(this);
  }

  /** Waits, but not longer than the client does. */
  async pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.house.clock.after(ms, resolve);
    this.#wake = resolve;
    await promise;
    timer.cancel();
  }

  command(line: Buffer): void | Promise<void> {
    if (this.wire.isOver) return;
    const space = line.indexOf(SPACE);
    const verb = line.toString("latin1", 0, space === -1 ? line.length : space).toUpperCase();
    const row = this.#commands.rows.get(verb);
    this.wire.doors.trace?.("C", shown(line, verb, row));
    try {
      if (row === undefined) return unknown(line);
      if (this.#commands.idle.has(verb) && ++this.idle > MAX_IDLE) this.#countError();
      if (this.wire.isOver) return;
      const done = row(this, space === -1 ? NOTHING : trimmed(line.subarray(space)));
      if (done instanceof Promise) return done.catch((error: unknown) => this.refuse(error));
    } catch (error) {
      this.refuse(error);
    }
  }

  /** Answers what was thrown, and counts it. */
  refuse(error: unknown): void {
    if (error instanceof MailError) return this.no(error.reply);
    const failure = toFailure(error);
    if (!failure.row.mayContinue) return this.wire.fail(failure);
    this.wire.sayLines(refusal(failure));
    this.#countError();
  }

  /** A no to a command; a final one counts as an error. */
  no(reply: MailReply): void {
    this.wire.say(reply);
    if (reply.code >= 500) this.#countError();
  }

  /** A filter stops the mail: its reply, and the end if it says so. */
  stopped({ reply, filter, hangUp }: Stopped, about?: About): void {
    this.logRefusal(reply, filter, about);
    if (hangUp) this.wire.hangUp(stoppedBy(filter), reply);
    else this.no(reply);
  }

  logRefusal(reply: MailReply, by: string, about: About | undefined): void {
    if (++this.#refusals <= MAX_LOGGED) logRefusal(this.house.logger, { visit: this.visit, reply, by, ...about });
  }

  /** The transaction is over, without a message. */
  drop(why: string): void {
    this.mail?.dropped(why);
    this.mail = undefined;
  }

  /** What was said and begun is forgotten. */
  forget(why: string): void {
    this.drop(why);
    this.offer = undefined;
    this.visit.greets(undefined, false);
    forgetHello(this.wire.visitor);
  }

  /** The client is somebody else than was thought: filters judge it anew. */
  renewVisit(hostName: string | undefined): void {
    this.#leave();
    this.visit = this.#newVisit();
    this.visit.hostName = hostName;
  }

  /** What a gateway has told is forgotten. False: none has told anything. */
  forgetTold(): boolean {
    const session = this.wire.visitor;
    const wasTold = session.client !== this.#origin || this.told !== undefined;
    this.told = undefined;
    session.client = this.#origin;
    session.hops = 0;
    return wasTold;
  }

  rests(): void {
    if (this.mail !== undefined && this.mail.content === undefined) this.mail.delivery.rest();
  }

  gone(): void {
    this.#wake?.();
    if (this.mail?.isEnding !== true) this.drop("the client left before the end of the message");
  }

  close(): void {
    this.drop("the client left");
    this.#leave();
  }

  #newVisit(): Visit {
    const session = this.wire.visitor;
    return new Visit(session, this.house.parts.trusts(session.client.host));
  }

  #leave(): void {
    const { visit } = this;
    this.house.filters.tell((filter) => filter.left?.(visit));
  }

  #countError(): void {
    const session = this.wire.visitor;
    const { maxErrors } = this.house.parts.settings;
    if (++session.errors > maxErrors) this.wire.fail(new Failure("too-many-errors", `More than ${maxErrors} errors`));
  }
}

const NOTHING = Buffer.alloc(0);

/** What the wire trace may show. An unknown word may be a response of a login that was refused. */
function shown(line: Buffer, verb: string, row: Row | undefined): string {
  if (row === undefined) return "***";
  return verb === "AUTH" ? "AUTH ***" : line.toString("latin1");
}

function unknown(line: Buffer): never {
  refuseForeign(line.toString("latin1"));
  throw new Failure("unknown-command", "Unknown command");
}

function trimmed(args: Buffer): Buffer {
  let from = 0;
  let to = args.length;
  while (from < to && args[from] === SPACE) from++;
  while (to > from && args[to - 1] === SPACE) to--;
  return args.subarray(from, to);
}
