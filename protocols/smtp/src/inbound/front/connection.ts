// The wire to one client: smtp-server's connection with what it lacks. Commands come one at a time; replies of one turn leave in
// one packet; TLS is the house's own; time-outs count only while the client owes us something. It knows no command: the
// dialogue does. It tells how it ended once, when the socket is closed and all work for the client is done.

import type { Socket } from "node:net";
import {
  Failure,
  toFailure,
  type Ending,
  type Hosted,
  type HostedEnd,
  type HostDoors,
  type MailReply,
  type Session,
} from "@postern/contracts";
import { SMTPConnection } from "smtp-server/lib/smtp-connection.js";
import type { SMTPServer } from "smtp-server";
import { refusal } from "../../replies.ts";
import { ClientStream, type ContentReader, type ContentSink } from "./client-stream.ts";
import { Patience } from "./patience.ts";
import { Replies } from "./replies-queue.ts";
import type { Talker, WireHouse } from "./talker.ts";
import { written } from "./words.ts";

const GONE: HostedEnd = { ending: "client-closed", reason: undefined };

export class ClientConnection extends SMTPConnection implements Hosted {
  readonly over: Promise<HostedEnd>;
  readonly visitor: Session;
  readonly doors: HostDoors;
  /** The client has sent FIN, or is gone. */
  hasLeft = false;
  readonly #house: WireHouse;
  readonly #settle: (end: HostedEnd) => void;
  #talker: Talker | undefined;
  #stream: ClientStream;
  readonly #replies: Replies;
  #end: HostedEnd | undefined;
  #goodbye: { readonly ending: Ending; readonly failure: Failure | undefined } | undefined;
  /** What is being done for the client. */
  #work: Promise<void> | undefined;
  #isContent = false;
  #isSecuring = false;
  #turnAt: number;
  #patience: Patience | undefined;
  #broken: Error | undefined;
  #isClosed = false;

  constructor(server: SMTPServer, socket: Socket, session: Session, doors: HostDoors, house: WireHouse) {
    super(server, socket, { id: session.id });
    this.visitor = session;
    this.doors = doors;
    this.#house = house;
    this.#turnAt = house.clock.now();
    this.#replies = new Replies(
      doors.trace,
      () => this._socket,
      () => this.#work !== undefined && !this.#isContent && this.#stream.behind > 0,
    );
    const { promise, resolve } = Promise.withResolvers<HostedEnd>();
    this.over = promise;
    this.#settle = resolve;
    this.#stream = this.#listenTo(this._createParser());
  }

  /** Begins to read, and to talk. */
  start(talker: Talker): void {
    this.#talker = talker;
    // It may have left while it was let in.
    if (this._socket.closed) return this.#closed();
    this.#attach(this._socket);
    this.#patience = new Patience(this.#house.clock, this.#house, {
      startedAt: this.visitor.startedAt,
      heardAt: () => this.#heardLast(),
      expired: (reason) => this.#expire(reason),
      rests: () => this.#talker?.rests(),
    });
    void this.#watch(talker.begin(), () => {
      this.#answered();
      this.#stream.open();
    });
  }

  /** Bytes have come before we had greeted. */
  get spokeEarly(): boolean {
    return this.#stream.spokeEarly;
  }

  /** Nobody is there to hear an answer. */
  get isGone(): boolean {
    return this.#isClosed;
  }

  get owes(): boolean {
    return this.#work !== undefined || this.#isContent;
  }

  get isOver(): boolean {
    return this.#end !== undefined || this._socket.destroyed;
  }

  /** Queues a reply. */
  say(reply: MailReply): void {
    this.sayLines(written(reply));
  }

  /** As say, for lines that are complete. */
  sayLines(text: string): void {
    this.#replies.add(text);
  }

  /** What follows is content until the reader says otherwise. */
  startContent(reader: ContentReader, sink: ContentSink): void {
    this.#isContent = true;
    this.#stream.startContent(reader, {
      write: (chunk) => this.#watch(sink.write(chunk)),
      end: () => {
        this.#isContent = false;
        return this.#watch(sink.end(), () => this.#answered());
      },
    });
  }

  /** TLS in place of what was plain. Failure: bytes-behind-starttls, tls-handshake …; the connection is of no use then. */
  async startTls(secure: (plain: Socket) => Promise<Socket>): Promise<void> {
    const plain = this._socket;
    this.#replies.flush();
    this.#detach(plain);
    this.#stream.isClosed = true;
    this.#stream = this.#listenTo(this._createParser());
    this.#stream.open();
    this.#isSecuring = true;
    this.#turnAt = this.#house.clock.now();
    // A FIN that was read in clear is not seen by TLS.
    const left = (): void => void plain.destroy();
    plain.once("end", left);
    if (this.hasLeft) left();
    try {
      this._socket = await secure(plain);
      plain.off("end", left);
      this.#attach(this._socket);
    } catch (error) {
      if (plain.closed) this.#closed();
      else plain.once("close", this.#closed).destroy();
      throw error;
    } finally {
      this.#isSecuring = false;
    }
  }

  /** Bytes that have come and were not looked at. */
  get pending(): number {
    return this.#stream.behind + this._socket.readableLength;
  }

  /** Ends it from our side: what is queued is sent first. The first end counts. */
  hangUp(end: HostedEnd, reply?: MailReply): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    if (reply !== undefined) this.say(reply);
    this.close();
    this.#talker?.gone();
  }

  /** Ends it with a failure, told in SMTP's words. */
  fail(failure: Failure): void {
    if (this.#end !== undefined) return;
    this.sayLines(refusal(failure));
    this.hangUp({ ending: "refused", reason: failure.message, failure });
  }

  end(ending: Ending, failure: Failure | undefined): void {
    this.#goodbye ??= { ending, failure };
    if (this.#work === undefined && !this.#isContent) this.#sayGoodbye();
  }

  cut(): void {
    this._socket.destroy();
  }

  override close(): void {
    this.#replies.flush();
    super.close();
  }

  /** Also called by the constructor of the package, before there is anything of ours. */
  override _createParser(): ClientStream {
    return new ClientStream(() => this.#house.clock.now());
  }

  #listenTo(stream: ClientStream): ClientStream {
    stream.oncommand = (line, next) => this.#line(line, next);
    stream.on("error", (error) => this.fail(new Failure("line-too-long", error.message)));
    stream.on("finish", () => this.#left());
    this._parser = stream;
    return stream;
  }

  #attach(socket: Socket): void {
    socket.on("close", this.#closed);
    socket.on("error", this.#onBroken);
    socket.on("end", this.#onEnd);
    socket.pipe(this.#stream);
  }

  /** A paused socket with no listener of ours. */
  #detach(socket: Socket): void {
    socket.unpipe(this.#stream);
    socket.pause();
    socket.off("close", this.#closed);
    socket.off("error", this.#onBroken);
    socket.off("end", this.#onEnd);
  }

  #line(line: Buffer, next: (() => void) | undefined): void {
    void this.#watch(this.#talker?.command(line), () => {
      this.#answered();
      if (next !== undefined) this._whenWritable(next);
    });
  }

  /** Work for the client: until it is done nothing more is read, and no time runs out. */
  #watch(work: void | Promise<void>, then?: () => void): void | Promise<void> {
    if (work === undefined) return then?.();
    const watched = this.#watched(work, then);
    this.#work = watched;
    return watched;
  }

  async #watched(work: Promise<void>, then: (() => void) | undefined): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.fail(toFailure(error));
    }
    this.#work = undefined;
    this.#turnAt = this.#house.clock.now();
    then?.();
    this.#replies.later();
    if (this.#isClosed && this.#work === undefined) this.#finish();
  }

  #answered(): void {
    if (this.#goodbye !== undefined && !this.#isContent) this.#sayGoodbye();
  }

  #sayGoodbye(): void {
    const { ending, failure } = this.#goodbye ?? {};
    if (ending === undefined || this.#end !== undefined) return;
    if (failure !== undefined) this.sayLines(refusal(failure));
    this.hangUp({ ending, reason: failure?.message });
  }

  /** The client sends no more, and all that it had sent is done. */
  #left(): void {
    this.hasLeft = true;
    this.hangUp(GONE);
  }

  readonly #onEnd = (): void => {
    this.hasLeft = true;
  };

  readonly #onBroken = (error: Error): void => {
    this.#broken = error;
  };

  readonly #closed = (): void => {
    this.#isClosed = true;
    this.hasLeft = true;
    this.#patience?.cancel();
    clearTimeout(this._closeTimer);
    this.#stream.isClosed = true;
    this._server.connections.delete(this);
    this.#talker?.gone();
    if (this.#work === undefined) this.#finish();
  };

  #finish(): void {
    this.#talker?.close();
    this.#talker = undefined;
    this.#end ??= this.#broken === undefined ? GONE : { ending: "client-error", reason: this.#broken.message };
    this.#settle(this.#end);
  }

  /** When its turn began, or it was last heard; undefined: it waits for us. */
  #heardLast(): number | undefined {
    return this.#work === undefined || this.#isSecuring ? Math.max(this.#turnAt, this.#stream.heardAt) : undefined;
  }

  #expire(reason: string): boolean {
    this.#goodbye ??= { ending: "idle", failure: new Failure("idle", reason) };
    if (this.#isSecuring) this.cut();
    else if (this.#work !== undefined) return false;
    else this.#sayGoodbye();
    return true;
  }
}
