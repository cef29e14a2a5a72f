// One transaction on one pooled connection: the client is introduced, then MAIL, RCPT, DATA, the content, the dot. It knows
// nothing of other connections. A backend that is lost, speaks nonsense, is too slow or says 421 throws Failure
// (backend-lost, -garbled, -silent), and the connection is of no more use: drop(). RFC 5321, RFC 2033 (LMTP), RFC 2920.

import {
  Failure,
  legText,
  type MailRecipient,
  type MailReply,
  type MailTransaction,
  type MaybePromise,
} from "@postern/contracts";
import type { PooledBackend } from "@postern/core";
import { isYes, readResponse, shown, toReply, type Response } from "../../responses.ts";
import { answerTo } from "./answers.ts";
import type { SmtpBackend } from "./backend.ts";
import { mailCommand, rcptCommand, unfitSender, type Taker } from "./envelope.ts";
import { introduce } from "./introduction.ts";

export interface Manners {
  /** Ours. */
  readonly hostname: string;
  readonly replyTimeout: number;
  readonly endTimeout: number;
}

/** Commands sent before their replies are read: the replies fit into what a connection reads ahead. */
const FLIGHT = 50;

/** What a backend says of the end: for each recipient (LMTP), or once for all. */
export interface Verdict {
  readonly answers: readonly MailReply[];
  /** The connection was lost before the last answer: what is missing may have been taken. */
  readonly isCutShort: boolean;
}

/** The answer to MAIL when it is a no, and nobody was asked for; otherwise an answer for each recipient. */
export type Opened = { readonly refusal: MailReply } | { readonly answers: readonly MailReply[] };

type Phase = "ready" | "envelope" | "content" | "over";

export class Conversation {
  readonly #loan: PooledBackend<SmtpBackend>;
  readonly #transaction: MailTransaction;
  readonly #manners: Manners;
  #phase: Phase = "ready";
  /** Replies that are still to come. */
  #owed = 0;
  /** To anything behind the introduction. */
  #hasAnswered = false;
  /** A recipient. */
  #hasRefused = false;

  constructor(loan: PooledBackend<SmtpBackend>, transaction: MailTransaction, manners: Manners) {
    this.#loan = loan;
    this.#transaction = transaction;
    this.#manners = manners;
  }

  /** It waited in the pool, and was of no more use by then: that says nothing of the backend. */
  get wasStale(): boolean {
    return this.#loan.reused && !this.#hasAnswered;
  }

  get isLmtp(): boolean {
    return this.#loan.state.lmtp;
  }

  /** Tells who the client is, who sends, and to whom. */
  async open(recipients: readonly MailRecipient[]): Promise<Opened> {
    const { sender } = this.#transaction;
    const introduced = await introduce(this.#transaction, this.#loan, this.#manners.hostname, (command) => this.#ask(command));
    const refusal = introduced.refusal ?? unfitSender(sender, this.#taker);
    if (refusal !== undefined) return { refusal };
    const commands = recipients.map((one) => rcptCommand(one, this.#taker));
    const first = [...introduced.before, mailCommand(sender, this.#taker)];
    const ahead = this.#pipelines ? commands.slice(0, FLIGHT - first.length) : [];
    this.#phase = "envelope";
    const replies = await this.#exchange([...first, ...ahead]);
    const mail = answerIn(replies[first.length - 1]);
    if (mail.code >= 300) return { refusal: mail };
    const later = await this.#exchange(commands.slice(ahead.length));
    return { answers: [...replies.slice(first.length), ...later].map((response) => this.#heard(answerIn(response))) };
  }

  async recipient(recipient: MailRecipient): Promise<MailReply> {
    return this.#heard(answerIn(await this.#ask(rcptCommand(recipient, this.#taker))));
  }

  /** Asks it to take content; undefined: it does. */
  async data(): Promise<MailReply | undefined> {
    const response = await this.#ask("DATA\r\n");
    if (response.code !== "354") return refusalIn(response);
    this.#phase = "content";
    return undefined;
  }

  /** Sends content as it is on the wire; a promise: until there is room for more. A reply: the backend has refused in the middle. */
  send(wire: Buffer): MaybePromise<MailReply | undefined> {
    const { dialogue } = this.#loan;
    this.#check("content");
    if (dialogue.pending > 0) return this.#refusedHalfway();
    if (wire.length > 0) dialogue.writeSecret(wire, `<${wire.length} bytes>`);
    const room = dialogue.drained();
    return room && this.#whenThereIs(room);
  }

  async #whenThereIs(room: Promise<void>): Promise<undefined> {
    this.#until(this.#manners.replyTimeout, "take more of the message");
    await room;
    this.#loan.deadline(0, "");
  }

  async #refusedHalfway(): Promise<MailReply> {
    this.#until(this.#manners.replyTimeout, "finish its answer");
    return refusalIn(await this.#read());
  }

  /** Ends the message; `lastLine` is what it lacks before the dot. Never throws: who has the dot may have the message. */
  async finish(lastLine: string, recipients: number): Promise<Verdict> {
    const expected = this.isLmtp ? recipients : 1;
    const answers: MailReply[] = [];
    try {
      this.#loan.dialogue.write(`${lastLine}.\r\n`);
      while (answers.length < expected) {
        this.#until(this.#manners.endTimeout, "answer the end of the message");
        answers.push(answerIn(await this.#read()));
      }
    } catch (error) {
      this.drop();
      if (!(error instanceof Goodbye)) return { answers, isCutShort: true };
      // It has not taken what it did not answer.
      while (answers.length < expected) answers.push(answerTo(error));
      return { answers, isCutShort: false };
    }
    this.#giveBack();
    return { answers, isCutShort: false };
  }

  /** No message: the backend forgets the envelope, and the connection goes back; one that has content is cut before the dot. */
  leave(): void {
    if (this.#phase === "ready" && this.#owed === 0) this.#giveBack();
    else if (this.#phase === "envelope" && this.#owed === 0) void this.#reset();
    else this.drop();
  }

  /** Hangs up; whoever waits for a reply gets a Failure. */
  drop(): void {
    this.#phase = "over";
    this.#loan.drop();
  }

  get #taker(): Taker {
    return { extensions: this.#loan.state.extensions, secure: this.#loan.dialogue.secure };
  }

  get #pipelines(): boolean {
    return this.#loan.state.extensions.has("PIPELINING");
  }

  #heard(answer: MailReply): MailReply {
    this.#hasRefused ||= answer.code >= 400;
    return answer;
  }

  async #reset(): Promise<void> {
    this.#phase = "over";
    try {
      this.#loan.dialogue.write("RSET\r\n");
      this.#until(this.#manners.replyTimeout, "answer");
      // Backends count a client's refusals, over all whom it serves, until there is a message: the next one begins anew.
      if (isYes(await this.#read())) return this.#hasRefused ? this.#loan.leave() : this.#giveBack();
    } catch {
      // It is dropped like one that says no: nobody waits for it.
    }
    this.drop();
  }

  #giveBack(): void {
    const { introduced, extensions } = this.#loan.state;
    this.#phase = "over";
    // What knows of one client, and cannot be told of another, is nobody else's.
    if (introduced !== undefined && !extensions.has("XCLIENT")) this.#loan.leave();
    else this.#loan.giveBack();
  }

  async #ask(command: string): Promise<Response> {
    const [response] = await this.#exchange([command]);
    if (response === undefined) throw new Failure("internal", "A command without a reply");
    return response;
  }

  async #exchange(commands: readonly string[]): Promise<Response[]> {
    const replies: Response[] = [];
    const flight = this.#pipelines ? FLIGHT : 1;
    for (let from = 0; from < commands.length; from += flight) {
      this.#check("ready", "envelope");
      const some = commands.slice(from, from + flight);
      this.#loan.dialogue.write(some.join(""));
      this.#owed += some.length;
      this.#until(this.#manners.replyTimeout, "answer");
      while (this.#owed > 0) {
        replies.push(await this.#read());
        this.#owed--;
      }
    }
    this.#loan.deadline(0, "");
    return replies;
  }

  async #read(): Promise<Response> {
    const response = await readResponse(this.#loan.dialogue);
    if (response.code === "421") throw new Goodbye("backend-lost", `The backend says ${shown(response)}`);
    if (this.#phase !== "ready") this.#hasAnswered = true;
    return response;
  }

  /** Who has left in the middle of something does not go on with it: the connection may be somebody else's. */
  #check(...phases: readonly Phase[]): void {
    if (!phases.includes(this.#phase)) throw new Failure("backend-lost", `The transaction is ${this.#phase}`);
  }

  #until(ms: number, what: string): void {
    this.#loan.deadline(ms, `${legText(this.#loan.leg)} did not ${what} within ${ms} ms`);
  }
}

/** 421: it hangs up, and says so. */
class Goodbye extends Failure {}

function answerIn(response: Response | undefined): MailReply {
  if (response === undefined || response.code.startsWith("3")) throw garbled(response);
  return toReply(response);
}

function refusalIn(response: Response): MailReply {
  if (!/^[45]/.test(response.code)) throw garbled(response);
  return toReply(response);
}

const garbled = (response: Response | undefined): Failure =>
  new Failure("backend-garbled", `The backend answers with ${response === undefined ? "nothing" : shown(response)}`);
