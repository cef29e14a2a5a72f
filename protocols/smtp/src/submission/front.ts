// The client's side before login: RFC 5321 and 6409 up to AUTH (4954), STARTTLS (3207), XCLIENT. Returns at AUTH with the
// client's credentials, or at the MAIL of an application that the listener lets in; no message is taken before. Never speaks to
// a backend.

import { Failure, type Address, type Attempt, type ClientDialogue, type ProtocolContext, type Session } from "@postern/contracts";
import {
  admissionOf,
  authenticateBy,
  plaintextAllowed,
  refuseForeign,
  requireStartTls,
  runCommands,
  type Command,
  type Front,
  type Row,
} from "@postern/core";
import { attemptByMail } from "./applications.ts";
import { ehloReply } from "./ehlo.ts";
import { forgetHello, helloOf, keepHello } from "../hello.ts";
import { refusal } from "../replies.ts";
import { learnFromXclient } from "../xclient.ts";

interface SmtpCommand extends Command {
  /** As it came, without its end. */
  readonly line: string;
  /** What follows the verb, without the spaces around it. */
  readonly args: string;
}

type SmtpRow = Row<Front, SmtpCommand>;

/** Commands that a backend answers, once the client has logged in. */
const LATER = ["RCPT", "DATA", "BURL", "EXPN", "ETRN", "TURN"];

const ROWS: ReadonlyMap<string, SmtpRow> = new Map<string, SmtpRow>([
  ["EHLO", ehlo],
  ["HELO", helo],
  ["STARTTLS", startTls],
  ["AUTH", auth],
  ["XCLIENT", xclient],
  ["NOOP", says("250 2.0.0 OK")],
  ["RSET", says("250 2.0.0 OK")],
  ["VRFY", says("252 2.0.0 Cannot tell before login; send the message and see")],
  ["HELP", says("214 2.0.0 EHLO, STARTTLS, AUTH, NOOP, RSET, QUIT; everything else after login")],
  ["QUIT", quit],
  ["MAIL", mail],
  ["BDAT", bdat],
  ...LATER.map((verb) => [verb, later] as const),
]);

/** Greets the client once, and reads commands until there is an attempt to log in. */
export function converse(client: ClientDialogue, session: Session, context: ProtocolContext): Promise<Attempt | undefined> {
  const front = { client, session, context };
  if (session.attempts === 0) greet(front);
  return runCommands<Front, SmtpCommand>({
    front,
    rows: ROWS,
    read: () => readCommand(client),
    refuse: (failure, command) =>
      client.write(refusal(failure, mustLogIn(front, failure, command) ? logInFirst(front) : undefined)),
  });
}

function greet({ client, context }: Front): void {
  client.write(`220 ${context.hostname} ESMTP ${String(context.settings["greeting"])}\r\n`);
}

async function readCommand(client: ClientDialogue): Promise<SmtpCommand> {
  const line = await client.readLine();
  const space = line.indexOf(" ");
  const verb = (space === -1 ? line : line.slice(0, space)).toUpperCase();
  const args = space === -1 ? "" : line.slice(space).trim();
  if (!ROWS.has(verb)) refuseForeign(line);
  client.trace(shown(line, verb, args));
  return { line, verb, args };
}

/** What the wire trace may show of a line. An unknown word may be a response that a client sent without being asked. */
function shown(line: string, verb: string, args: string): string {
  if (!ROWS.has(verb)) return "***";
  return verb === "EHLO" || verb === "HELO" || verb === "XCLIENT" ? line : `${verb}${args === "" ? "" : " ***"}`;
}

function says(reply: string): SmtpRow {
  return ({ client }) => {
    client.write(`${reply}\r\n`);
    return undefined;
  };
}

function ehlo(front: Front, { args }: SmtpCommand): undefined {
  keepHello(front.session, args, true);
  front.client.write(ehloReply(front));
}

function helo({ client, session, context }: Front, { args }: SmtpCommand): undefined {
  keepHello(session, args, false);
  client.write(`250 ${context.hostname}\r\n`);
}

async function startTls(front: Front, { args }: SmtpCommand): Promise<undefined> {
  if (args !== "") throw new Failure("syntax", "STARTTLS takes no argument");
  requireStartTls(front, "STARTTLS");
  front.client.write("220 2.0.0 Begin TLS\r\n");
  await front.client.startTls();
  // What was said in clear may have been said by somebody else (RFC 3207 section 4.2).
  const { session } = front;
  forgetHello(session);
  session.hops = 0;
  session.client = TOLD_IN_CLEAR.get(session) ?? session.client;
}

/** Where the connection comes from, of sessions whose gateway has said in clear that the client is elsewhere. */
const TOLD_IN_CLEAR = new WeakMap<Session, Address>();

async function auth(front: Front, { args }: SmtpCommand): Promise<Attempt> {
  if (helloOf(front.session) === undefined) throw new Failure("not-now", "AUTH before EHLO");
  const [name = "", initial, ...more] = args.split(" ");
  if (name === "" || more.length > 0) throw new Failure("syntax", "AUTH takes a mechanism and an initial response");
  return { ...(await authenticateBy(front, name, initial, "334 ")), tag: "" };
}

/** The session begins anew: greeting, EHLO. */
function xclient(front: Front, { args }: SmtpCommand): undefined {
  const { client, session } = front;
  const before = session.client;
  learnFromXclient(args, session);
  if (!client.secure && session.client !== before && !TOLD_IN_CLEAR.has(session)) TOLD_IN_CLEAR.set(session, before);
  forgetHello(session);
  greet(front);
}

function quit({ client }: Front): "bye" {
  client.write("221 2.0.0 Bye\r\n");
  return "bye";
}

/** RFC 3030 section 2: the bytes of the chunk follow at once, and must not be read as commands. */
async function bdat({ client, context }: Front, { args }: SmtpCommand): Promise<never> {
  const size = /^(\d{1,15})(?: LAST)?$/i.exec(args)?.[1];
  if (size === undefined) throw new Failure("syntax", "BDAT takes a size");
  if (Number(size) > context.maxLiteral) throw new Failure("line-too-long", `BDAT with ${size} bytes before login`);
  await client.readBytes(Number(size));
  throw new Failure("not-now", "BDAT before login");
}

function mail({ session }: Front, { line, verb }: SmtpCommand): Attempt {
  const attempt = attemptByMail(session, line);
  if (attempt === undefined) throw new Failure("not-now", `${verb} before login`);
  return attempt;
}

/** What an application has sent together with a MAIL that failed is no error of its own. */
function later({ client, session }: Front, { verb }: SmtpCommand): undefined {
  if (admissionOf(session) === undefined) throw new Failure("not-now", `${verb} before login`);
  client.write("503 5.5.1 MAIL first\r\n");
}

const mustLogIn = ({ session }: Front, { kind }: Failure, command: SmtpCommand | undefined): boolean =>
  kind === "not-now" && [...LATER, "MAIL", "BDAT"].includes(command?.verb ?? "") && admissionOf(session) === undefined;

/** RFC 4954 section 6, RFC 3207 section 4. */
const logInFirst = (front: Front): string =>
  front.context.canStartTls && !plaintextAllowed(front) ? "530 5.7.0 Use STARTTLS and log in first" : "530 5.7.0 Log in first";
