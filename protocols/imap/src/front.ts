// The client's side before login: RFC 9051 (IMAP4rev2) and 3501 (IMAP4rev1), not-authenticated state. Greets, answers
// CAPABILITY, ID, NOOP, LOGOUT and STARTTLS, and returns at LOGIN or AUTHENTICATE with the client's credentials.
// Never speaks to a backend.

import { Failure, Secret, type Attempt, type ClientDialogue, type ProtocolContext, type Session } from "@postern/contracts";
import { authenticateBy, requirePasswords, requireStartTls, runCommands, type Front, type Row } from "@postern/core";
import { OWN_COMMAND, utf8 } from "@postern/sasl";
import { capabilities } from "./capability.ts";
import { ImapSyntax, readCommand, strings, type ImapCommand } from "./command-parser.ts";
import { learnFromId, parseId } from "./id.ts";
import { refusal } from "./replies.ts";

const ROWS: Readonly<Record<string, Row<Front, ImapCommand>>> = {
  CAPABILITY: (front, { tag }) => {
    front.client.write(`* CAPABILITY ${capabilities(front)}\r\n${tag} OK Capability completed\r\n`);
    return undefined;
  },
  NOOP: ({ client }, { tag }) => {
    client.write(`${tag} OK Nothing to do\r\n`);
    return undefined;
  },
  LOGOUT: ({ client }, { tag }) => {
    client.write(`* BYE Logging out\r\n${tag} OK Logout completed\r\n`);
    return "bye";
  },
  ID: ({ client, session }, command) => {
    learnFromId(parseId(command), session);
    client.write(`* ID ("name" "Postern")\r\n${command.tag} OK ID completed\r\n`);
    return undefined;
  },
  STARTTLS: startTls,
  LOGIN: login,
  AUTHENTICATE: authenticate,
};

/** Commands of the authenticated state: known, but not now. */
const LATER = new Set(
  `ENABLE SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB NAMESPACE STATUS APPEND IDLE CLOSE UNSELECT EXPUNGE
   SEARCH FETCH STORE COPY MOVE UID CHECK COMPRESS GETQUOTA GETQUOTAROOT SETQUOTA GETACL SETACL GETMETADATA SETMETADATA SORT
   THREAD NOTIFY UNAUTHENTICATE`.split(/\s+/),
);

const later: Row<Front, ImapCommand> = (_, { verb }) => {
  throw new Failure("not-now", `${verb} before login`);
};

const TABLE = new Map<string, Row<Front, ImapCommand>>([
  ...[...LATER].map((verb) => [verb, later] as const),
  ...Object.entries(ROWS),
]);

/** Greets the client once, and reads commands until there is an attempt to log in. */
export function converse(client: ClientDialogue, session: Session, context: ProtocolContext): Promise<Attempt | undefined> {
  const front: Front = { client, session, context };
  if (session.attempts === 0)
    client.write(`* OK [CAPABILITY ${capabilities(front)}] ${String(context.settings["greeting"])}\r\n`);
  return runCommands<Front, ImapCommand>({
    front,
    rows: TABLE,
    async read() {
      const command = await readCommand(client, context.maxLiteral);
      client.trace(`${command.tag} ${command.verb}${shownArguments(command)}`);
      return command;
    },
    refuse: (failure, command) =>
      client.write(refusal(failure, command?.tag ?? (failure instanceof ImapSyntax ? failure.tag : ""))),
  });
}

/** What the wire trace may show of a command: names, never secrets. */
function shownArguments({ verb, args }: ImapCommand): string {
  if (verb === "LOGIN") return ` ${JSON.stringify(args[0]?.text ?? "")} ***`;
  if (verb === "AUTHENTICATE") return ` ${args[0]?.text ?? ""}${args.length > 1 ? " ***" : ""}`;
  return verb === "ID" ? ` ${args.map(({ text }) => text).join(" ")}` : "";
}

async function startTls(front: Front, { tag }: ImapCommand): Promise<undefined> {
  requireStartTls(front, "STARTTLS");
  front.client.write(`${tag} OK Begin TLS negotiation now\r\n`);
  await front.client.startTls();
  // What was said in clear may have been said by somebody else (RFC 9051 section 6.2.1).
  front.session.software = undefined;
  front.session.hops = 0;
}

function login(front: Front, command: ImapCommand): Attempt {
  const [user = "", password = ""] = strings(command, 2);
  requirePasswords(front, "LOGIN");
  if (user === "" || password === "") throw new Failure("wrong-credentials", "LOGIN with an empty user name or password");
  const secret = new Secret(Buffer.from(password, "latin1"));
  const authcid = utf8(Buffer.from(user, "latin1"), "LOGIN");
  return { credentials: { kind: "password", mechanism: OWN_COMMAND, authcid, authzid: "", secret }, tag: command.tag };
}

async function authenticate(front: Front, command: ImapCommand): Promise<Attempt> {
  const [name = "", initial] = strings(command, 1, 2);
  return { ...(await authenticateBy(front, name, initial, "+ ")), tag: command.tag };
}
