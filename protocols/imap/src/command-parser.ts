// Reads one command of the client: tag, verb and arguments as astrings, with quoted strings and literals (RFC 9051 section
// 9, RFC 7888). A synchronising literal is asked for only when it is small enough; a non-synchronising one that is too
// big ends the connection, because its bytes are on the way and would be read as commands. Failure: syntax,
// literal-too-large, line-too-long, and what the connection throws.

import { Failure, type ClientDialogue } from "@postern/contracts";
import { refuseForeign } from "@postern/core";

export interface ImapCommand {
  /** "" when none could be read. */
  readonly tag: string;
  readonly verb: string;
  /** Atoms, quoted strings and literals, decoded to latin1 text; parentheses and NIL stand as atoms. */
  readonly args: readonly Argument[];
}

export interface Argument {
  readonly kind: "atom" | "string" | "open" | "close";
  readonly text: string;
}

/** A syntax error that still knows which tag to answer. */
export class ImapSyntax extends Failure {
  readonly tag: string;

  constructor(tag: string, reason: string, kind: "syntax" | "literal-too-large" = "syntax") {
    super(kind, reason);
    this.tag = tag;
  }
}

const MAX_ARGUMENTS = 80;
const MAX_LITERALS = 4;
/** RFC 7888: LITERAL- allows non-synchronising literals of this size. */
const LITERAL_MINUS = 4096;
const TAG = /^[^\s(){%*"\\+\u0000-\u001f\u007f-\u00ff]{1,128}$/;
const LITERAL_AT_END = /\{(\d{1,10})(\+?)\}$/;

/** The next command, with its literals. */
export async function readCommand(client: ClientDialogue, maxLiteral: number): Promise<ImapCommand> {
  const line = await client.readLine();
  refuseForeign(line);
  const head = /^(\S+) (\S+)(?: (.*))?$/s.exec(line);
  const tag = TAG.test(/^\S*/.exec(line)?.[0] ?? "") ? (/^\S*/.exec(line)?.[0] ?? "") : "";
  if (head === null || tag === "") throw new ImapSyntax(tag, "A command is a tag, a space and a name");
  const args: Argument[] = [];
  let rest = head[3] ?? "";
  for (let literals = 0; ; literals++) {
    const literal = tokenize(rest, args, tag);
    if (literal === undefined) return { tag, verb: (head[2] ?? "").toUpperCase(), args };
    if (literals === MAX_LITERALS) throw new Failure("line-too-long", "Too many literals before login");
    args.push({ kind: "string", text: await readLiteral(client, literal, tag, maxLiteral) });
    rest = await client.readLine();
  }
}

interface Literal {
  readonly size: number;
  readonly synchronising: boolean;
}

async function readLiteral(client: ClientDialogue, literal: Literal, tag: string, maxLiteral: number): Promise<string> {
  if (literal.size > (literal.synchronising ? maxLiteral : Math.min(maxLiteral, LITERAL_MINUS))) {
    const reason = `A literal of ${literal.size} bytes before login`;
    if (literal.synchronising) throw new ImapSyntax(tag, reason, "literal-too-large");
    throw new Failure("line-too-long", reason);
  }
  if (literal.synchronising) client.write("+ OK\r\n");
  const bytes = await client.readBytes(literal.size);
  if (bytes.includes(0)) throw new ImapSyntax(tag, "A literal with a NUL byte");
  return bytes.toString("latin1");
}

/** Splits one line into arguments; returns the literal that it ends with, if it does. */
function tokenize(line: string, args: Argument[], tag: string): Literal | undefined {
  let at = 0;
  while (at < line.length) {
    if (args.length >= MAX_ARGUMENTS) throw new ImapSyntax(tag, "Too many arguments");
    const char = line[at];
    if (char === " ") {
      at++;
    } else if (char === "(" || char === ")") {
      args.push({ kind: char === "(" ? "open" : "close", text: char });
      at++;
    } else if (char === '"') {
      const quoted = /"((?:[^"\\\r\n\0]|\\["\\])*)"/y;
      quoted.lastIndex = at;
      const match = quoted.exec(line);
      if (match === null) throw new ImapSyntax(tag, "A quoted string is not closed or has a wrong escape");
      args.push({ kind: "string", text: (match[1] ?? "").replaceAll(/\\(["\\])/g, "$1") });
      at = quoted.lastIndex;
    } else if (char === "{") {
      const match = LITERAL_AT_END.exec(line.slice(at));
      if (match === null || match.index !== 0) throw new ImapSyntax(tag, "A malformed literal");
      return { size: Number(match[1]), synchronising: match[2] === "" };
    } else {
      const atom = /[^ (){"\u0000-\u001f\u007f]+/y;
      atom.lastIndex = at;
      const match = atom.exec(line);
      if (match === null) throw new ImapSyntax(tag, "A control character");
      args.push({ kind: "atom", text: match[0] });
      at = atom.lastIndex;
    }
  }
  return undefined;
}

/** The arguments as plain strings: exactly `count` of them, none of them a parenthesis. */
export function strings(command: ImapCommand, minimum: number, maximum = minimum): readonly string[] {
  const { args, tag, verb } = command;
  if (args.length < minimum || args.length > maximum || args.some(({ kind }) => kind === "open" || kind === "close")) {
    throw new ImapSyntax(tag, `${verb} takes ${minimum === maximum ? minimum : `${minimum} to ${maximum}`} arguments`);
  }
  return args.map(({ text }) => text);
}
