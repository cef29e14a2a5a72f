// The POP3 server (RFC 1939, RFC 2449 CAPA, RFC 5034 AUTH): a command table and its loop.

import { Failure, Secret } from "@postern/contracts";
import { bareContext, MECHANISMS, runExchange } from "@postern/sasl";
import { split } from "./message.ts";
import { logIn } from "./store.ts";
import type { Account, Accounts, Mailbox, Message } from "./store.ts";
import type { Wire } from "./wire.ts";

class Session {
  readonly wire: Wire;
  readonly name: string;
  readonly accounts: Accounts;
  user = "";
  inbox: Mailbox | undefined;
  /** As they were at login; message numbers are places in it. */
  messages: readonly Message[] = [];
  readonly deleted: Set<Message> = new Set();
  over = false;

  constructor(wire: Wire, name: string, accounts: Accounts) {
    this.wire = wire;
    this.name = name;
    this.accounts = accounts;
  }

  enter(account: Account): string {
    this.inbox = account.find("INBOX");
    this.messages = this.inbox?.messages ?? [];
    return "Logged in.";
  }

  get kept(): { number: number; message: Message }[] {
    return this.messages
      .map((message, index) => ({ number: index + 1, message }))
      .filter(({ message }) => !this.deleted.has(message));
  }

  message(text: string | undefined): { number: number; message: Message } {
    const found = this.kept.find(({ number }) => String(number) === text);
    if (found === undefined) throw new Refusal("There is no such message");
    return found;
  }
}

/** -ERR and these words. */
class Refusal extends Error {}

/** The words after +OK; further lines are sent as a multi-line answer. */
type Answer = string | { readonly first: string; readonly lines: readonly string[] };

interface Command {
  readonly when: "any" | "before login" | "after login";
  readonly run: (session: Session, args: readonly string[]) => Answer | Promise<Answer>;
}

const OFFERED = ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"];

async function auth(session: Session, [name = "", initial]: readonly string[]): Promise<Answer> {
  const mechanism = OFFERED.includes(name.toUpperCase()) ? MECHANISMS.get(name.toUpperCase()) : undefined;
  if (mechanism === undefined) throw new Refusal("Unknown mechanism");
  const ask = (challenge: string): Promise<string> => {
    session.wire.write(`+ ${challenge}\r\n`);
    return session.wire.line();
  };
  return session.enter(
    logIn(session.accounts, await runExchange(mechanism.create(bareContext({ hostname: session.name })), initial, ask)),
  );
}

function pass(session: Session, args: readonly string[]): Answer {
  if (session.user === "") throw new Refusal("USER first");
  const secret = new Secret(Buffer.from(args.join(" "), "latin1"));
  const authcid = Buffer.from(session.user, "latin1").toString("utf8");
  return session.enter(logIn(session.accounts, { kind: "password", mechanism: "USER", authcid, authzid: "", secret }));
}

/** One line about one message when it is named, else a line for each. */
function listing(about: (entry: { number: number; message: Message }) => string): Command["run"] {
  return (session, [number]) =>
    number === undefined
      ? { first: `${session.kept.length} messages`, lines: session.kept.map(about) }
      : about(session.message(number));
}

function top(session: Session, [number, count]: readonly string[]): Answer {
  if (!/^\d+$/.test(count ?? "")) throw new Refusal("TOP takes a message and a number of lines");
  const { header, body } = split(session.message(number).message.raw);
  return { first: "top of message follows", lines: [...lines(header), ...lines(body).slice(0, Number(count))] };
}

const lines = (text: string): string[] => text.replace(/\r\n$/, "").split("\r\n");
const size = (messages: readonly { message: Message }[]): number =>
  messages.reduce((sum, { message }) => sum + message.raw.length, 0);

const COMMANDS: Readonly<Record<string, Command>> = {
  CAPA: {
    when: "any",
    run: () => ({
      first: "Capabilities follow",
      lines: ["TOP", "UIDL", "RESP-CODES", "PIPELINING", "USER", `SASL ${OFFERED.join(" ")}`],
    }),
  },
  QUIT: {
    when: "any",
    run(session) {
      session.over = true;
      session.inbox?.remove(session.deleted);
      return "Logging out";
    },
  },
  USER: {
    when: "before login",
    run(session, args) {
      session.user = args.join(" ");
      return "Password, please";
    },
  },
  PASS: { when: "before login", run: pass },
  AUTH: { when: "before login", run: auth },
  STAT: { when: "after login", run: ({ kept }) => `${kept.length} ${size(kept)}` },
  LIST: { when: "after login", run: listing(({ number, message }) => `${number} ${message.raw.length}`) },
  UIDL: { when: "after login", run: listing(({ number, message }) => `${number} ${message.uid}`) },
  RETR: {
    when: "after login",
    run: (session, [number]) => ({
      first: "message follows",
      lines: lines(session.message(number).message.raw.toString("latin1")),
    }),
  },
  TOP: { when: "after login", run: top },
  DELE: {
    when: "after login",
    run(session, [number]) {
      session.deleted.add(session.message(number).message);
      return "Marked to be deleted";
    },
  },
  RSET: {
    when: "after login",
    run(session) {
      session.deleted.clear();
      return "Done";
    },
  },
  NOOP: { when: "after login", run: () => "Done" },
};

function rendered(answer: Answer): string {
  if (typeof answer === "string") return `+OK ${answer}\r\n`;
  const stuffed = answer.lines.map((line) => `${line.startsWith(".") ? "." : ""}${line}\r\n`);
  return `+OK ${answer.first}\r\n${stuffed.join("")}.\r\n`;
}

async function answer(session: Session, line: string): Promise<string> {
  const [word = "", ...args] = line.split(" ");
  const command = COMMANDS[word.toUpperCase()];
  const phase = session.inbox === undefined ? "before login" : "after login";
  try {
    if (command === undefined) throw new Refusal("Unknown command");
    if (command.when !== "any" && command.when !== phase) throw new Refusal("Not now");
    return rendered(await command.run(session, args));
  } catch (error) {
    if (error instanceof Refusal) return `-ERR ${error.message}\r\n`;
    if (!(error instanceof Failure)) throw error;
    return `-ERR ${error.kind === "wrong-credentials" ? "[AUTH] " : ""}${error.row.public}\r\n`;
  }
}

/** Serves one client until it quits or goes. Throws Gone. */
export async function servePop3(wire: Wire, name: string, accounts: Accounts): Promise<void> {
  const session = new Session(wire, name, accounts);
  wire.write(`+OK ${name} is ready\r\n`);
  while (!session.over) wire.write(await answer(session, await wire.line()));
}
