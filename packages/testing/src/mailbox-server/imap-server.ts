// The IMAP server's loop: greeting, command, answer. See imap-commands.ts for what it can do.

import { Failure } from "@postern/contracts";
import { CAPABILITY, COMMANDS } from "./imap-commands.ts";
import type { Call } from "./imap-commands.ts";
import { ImapSession } from "./imap-session.ts";
import type { Accounts } from "./store.ts";
import { parseValues, readCommand, Refusal } from "./syntax.ts";
import type { Wire } from "./wire.ts";

const COMMAND = /^([^\s()+{}"\\%*]+) (?:(UID) )?([A-Z]+)(?: (.*))?$/is;
// RFC 3501 section 7.4.1: no removals are told while a client may be counting.
const COUNTING = new Set(["FETCH", "STORE", "SEARCH"]);

async function run(session: ImapSession, name: string, byUid: boolean, args: Call["args"]): Promise<string> {
  const command = COMMANDS[name];
  if (command === undefined || (byUid && command.uid !== true)) throw new Refusal("BAD", "Unknown command");
  if (command.when === "after login" && session.user === undefined) throw new Refusal("BAD", "Log in first");
  if (command.when === "before login" && session.user !== undefined) throw new Refusal("BAD", "You are logged in already");
  return command.run({ session, args, byUid });
}

function refusalLine(error: unknown): string {
  if (error instanceof Refusal) return `${error.status} ${error.message}`;
  if (!(error instanceof Failure)) throw error;
  return error.kind === "wrong-credentials" ? "NO [AUTHENTICATIONFAILED] Authentication failed" : `BAD ${error.row.public}`;
}

async function answer(session: ImapSession, text: string): Promise<void> {
  const match = COMMAND.exec(text);
  if (match === null) return session.wire.write("* BAD A command is a tag, a word and arguments\r\n");
  const [, tag, uid, word = "", rest = ""] = match;
  const name = word.toUpperCase();
  let line: string;
  try {
    line = `OK ${await run(session, name, uid !== undefined, parseValues(rest))}`;
  } catch (error) {
    line = refusalLine(error);
  }
  const news = session.selection?.news(uid !== undefined || !COUNTING.has(name)) ?? "";
  session.wire.write(`${news}${tag} ${line}\r\n`);
}

/** Serves one client until it logs out or goes. Throws Gone. */
export async function serveImap(wire: Wire, name: string, accounts: Accounts): Promise<void> {
  const session = new ImapSession(wire, name, accounts);
  session.untagged(`OK [CAPABILITY ${CAPABILITY}] ${name} is ready`);
  while (!session.over) await answer(session, await readCommand(wire));
}
