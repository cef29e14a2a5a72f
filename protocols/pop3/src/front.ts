// The client's side before login: RFC 1939 AUTHORIZATION state, CAPA (2449), STLS (2595), AUTH (5034), UTF8 (6856).
// Returns at PASS or AUTH with the client's credentials. APOP is not offered: it needs passwords in clear on the server.
// Never speaks to a backend.

import { Failure, Secret, type Attempt, type ClientDialogue, type ProtocolContext, type Session } from "@postern/contracts";
import {
  authenticateBy,
  refuseForeign,
  requirePasswords,
  requireStartTls,
  runCommands,
  usableMechanisms,
  type Command,
  type Front,
  type Row,
} from "@postern/core";
import { OWN_COMMAND, utf8 } from "@postern/sasl";
import { capabilities } from "./capability.ts";
import { refusal } from "./replies.ts";
import { learnFromXclient } from "./xclient.ts";

interface Pop3Command extends Command {
  /** What follows the verb and one space, as it was sent. */
  readonly args: string;
}

interface Pop3Front extends Front {
  /** The name of USER, until PASS. */
  user: string | undefined;
}

const ROWS: ReadonlyMap<string, Row<Pop3Front, Pop3Command>> = new Map<string, Row<Pop3Front, Pop3Command>>([
  ["CAPA", capa],
  [
    "NOOP",
    ({ client }) => {
      client.write("+OK\r\n");
      return undefined;
    },
  ],
  ["UTF8", acceptUtf8],
  ["STLS", stls],
  ["USER", user],
  ["PASS", pass],
  ["AUTH", auth],
  ["XCLIENT", xclient],
  [
    "QUIT",
    ({ client }) => {
      client.write("+OK Bye\r\n");
      return "bye";
    },
  ],
  ...["STAT", "LIST", "RETR", "DELE", "RSET", "TOP", "UIDL"].map((verb) => [verb, later] as const),
]);

/** Greets the client once, and reads commands until there is an attempt to log in. */
export function converse(client: ClientDialogue, session: Session, context: ProtocolContext): Promise<Attempt | undefined> {
  if (session.attempts === 0) {
    const xclient = session.listener.trusts(session.peer.host) ? "[XCLIENT] " : "";
    client.write(`+OK ${xclient}${String(context.settings["greeting"])}\r\n`);
  }
  return runCommands<Pop3Front, Pop3Command>({
    front: { client, session, context, user: undefined },
    rows: ROWS,
    read: () => readCommand(client),
    refuse: (failure) => client.write(refusal(failure)),
  });
}

async function readCommand(client: ClientDialogue): Promise<Pop3Command> {
  const line = await client.readLine();
  const space = line.indexOf(" ");
  const verb = (space === -1 ? line : line.slice(0, space)).toUpperCase();
  const args = space === -1 ? "" : line.slice(space + 1);
  // A password may look like anything.
  if (!ROWS.has(verb)) refuseForeign(line);
  client.trace(shown(line, verb, args));
  if (!/^[A-Z0-9]{3,16}$/.test(verb)) throw new Failure("syntax", "A command is a word of letters");
  return { verb, args };
}

/** What the wire trace may show of a line. An unknown word may be a response that a client sent without being asked. */
function shown(line: string, verb: string, args: string): string {
  if (!ROWS.has(verb)) return "***";
  return verb === "USER" || verb === "XCLIENT" ? line : `${verb}${args === "" ? "" : " ***"}`;
}

function capa(front: Front): undefined {
  front.client.write(`+OK Capability list follows\r\n${capabilities(front).join("\r\n")}\r\n.\r\n`);
}

/** RFC 6856 section 2.1: the command takes no argument. */
function acceptUtf8({ client, session }: Front, { args }: Pop3Command): undefined {
  if (args !== "") throw new Failure("syntax", "UTF8 takes no argument");
  session.utf8 = true;
  client.write("+OK UTF-8 from now on\r\n");
}

async function stls(front: Pop3Front, { args }: Pop3Command): Promise<undefined> {
  if (args !== "") throw new Failure("syntax", "STLS takes no argument");
  requireStartTls(front, "STLS");
  front.client.write("+OK Begin TLS negotiation now\r\n");
  await front.client.startTls();
  // What was said in clear may have been said by somebody else (RFC 2595 section 4).
  front.user = undefined;
  front.session.utf8 = false;
  front.session.hops = 0;
}

function user(front: Pop3Front, { args }: Pop3Command): undefined {
  requirePasswords(front, "USER");
  if (args === "") throw new Failure("syntax", "USER without a name");
  front.user = utf8(Buffer.from(args, "latin1"), "USER");
  front.client.write("+OK\r\n");
}

/** The rest of the line is the password, spaces and all. */
function pass(front: Pop3Front, { args }: Pop3Command): Attempt {
  if (front.user === undefined) throw new Failure("not-now", "PASS before USER");
  if (args === "" || args.includes("\0")) throw new Failure("wrong-credentials", "PASS without a password");
  const secret = new Secret(Buffer.from(args, "latin1"));
  return { credentials: { kind: "password", mechanism: OWN_COMMAND, authcid: front.user, authzid: "", secret }, tag: "" };
}

async function auth(front: Pop3Front, { args }: Pop3Command): Promise<Attempt | undefined> {
  if (args === "") {
    // RFC 1734's list; old clients ask so.
    front.client.write(
      `+OK\r\n${usableMechanisms(front)
        .map(({ name }) => `${name}\r\n`)
        .join("")}.\r\n`,
    );
    return undefined;
  }
  const [name = "", initial, ...more] = args.split(" ");
  if (more.length > 0) throw new Failure("syntax", "AUTH takes a mechanism and an initial response");
  return { ...(await authenticateBy(front, name, initial, "+ ")), tag: "" };
}

function xclient({ client, session }: Front, { args }: Pop3Command): undefined {
  learnFromXclient(args, session);
  client.write("+OK\r\n");
}

function later(_: Front, { verb }: Pop3Command): never {
  throw new Failure("not-now", `${verb} before login`);
}
