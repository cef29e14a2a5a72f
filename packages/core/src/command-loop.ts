// The dialogue before login as a table of commands and one loop: unknown commands, foreign protocols, the error budget and
// the debug log are done here, once for all protocols. A row returns an attempt (credentials are there), "bye", or nothing.

import { Failure, toFailure, type Attempt, type ProtocolContext, type Session } from "@postern/contracts";
import type { Front } from "./offer.ts";

export interface Command {
  /** Upper case. */
  readonly verb: string;
}

export type Outcome = Attempt | "bye" | undefined;

/** A row of a command table. `F` is what the protocol's rows work with. */
export type Row<F, C extends Command> = (front: F, command: C) => Outcome | Promise<Outcome>;

export interface CommandLoop<F extends Front, C extends Command> {
  readonly front: F;
  readonly rows: ReadonlyMap<string, Row<F, C>>;
  /** Reads and parses the next command; a Failure that may continue is answered like any other. */
  read(): Promise<C>;
  /** Words a failure for the client; `command` is undefined when none could be parsed. */
  refuse(failure: Failure, command: C | undefined): void;
}

/** Runs until there is an attempt; undefined when the client said goodbye. Throws the Failure that ends the dialogue. */
export async function runCommands<F extends Front, C extends Command>(loop: CommandLoop<F, C>): Promise<Attempt | undefined> {
  for (;;) {
    let command: C | undefined;
    try {
      command = await loop.read();
      const row = loop.rows.get(command.verb);
      // The word is not told to the log: it may be a part of an exchange that was refused, and so a secret.
      if (row === undefined) throw new Failure("unknown-command", `Unknown command of ${command.verb.length} characters`);
      const outcome = await row(loop.front, command);
      if (outcome === "bye") return undefined;
      if (outcome !== undefined) return outcome;
    } catch (error) {
      const failure = toFailure(error);
      if (!failure.row.mayContinue) throw failure;
      countError(failure, loop.front.session, loop.front.context);
      loop.refuse(failure, command);
    }
  }
}

/** Counts an error against the session's budget. Failure: too-many-errors. */
export function countError(failure: Failure, session: Session, context: ProtocolContext): void {
  if (failure.row.counts && ++session.errors > context.maxErrors) {
    throw new Failure("too-many-errors", `More than ${context.maxErrors} errors before login; the last: ${failure.message}`);
  }
}

/** A verb, a path or an address, and a version: "VERB /x NAME/1". A user name such as CORP/1 behind a command is none. */
const FOREIGN_REQUEST = /^[A-Z]+ (?:[/*]\S*|\S+[:.]\S*) [A-Z]{2,8}\/\d/;

/**
 * Refuses lines that belong to another protocol (a browser's request, a TLS ClientHello on a plain port, a PROXY header
 * from somebody who is not trusted): the connection is closed and nothing that follows is read.
 */
export function refuseForeign(line: string): void {
  if (FOREIGN_REQUEST.test(line)) throw new Failure("wrong-protocol", "The first line is a request of another protocol");
  if (line.startsWith("\x16\x03")) throw new Failure("wrong-protocol", "A TLS handshake on a port without TLS");
  // Version 2 of the header has a line that is one NUL.
  if (/^PROXY (TCP|UNKNOWN)/.test(line) || line === "\0")
    throw new Failure("proxy-header", "A PROXY header from a peer that is not trusted");
}
