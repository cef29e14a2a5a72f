// The commands of the IMAP server as a table (RFC 3501; RFC 2177 IDLE, RFC 2342 NAMESPACE, RFC 2971 ID, RFC 3691
// UNSELECT, RFC 4959 SASL-IR). A command returns the words of its OK and throws Refusal or Failure for NO and BAD.

import { Secret } from "@postern/contracts";
import { bareContext, MECHANISMS, runExchange } from "@postern/sasl";
import { planFetch } from "./fetch.ts";
import { Selection } from "./imap-session.ts";
import type { ImapSession } from "./imap-session.ts";
import { planSearch } from "./search.ts";
import { logIn } from "./store.ts";
import type { Mailbox, Message } from "./store.ts";
import { nstring, parseDate, Refusal, word } from "./syntax.ts";
import type { Value } from "./syntax.ts";

export interface Call {
  readonly session: ImapSession;
  readonly args: readonly Value[];
  /** UID in front of it. */
  readonly byUid: boolean;
}

export interface Command {
  readonly when: "any" | "before login" | "after login";
  readonly run: (call: Call) => string | Promise<string>;
  /** May follow UID. */
  readonly uid?: true;
}

const SYSTEM_FLAGS = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
export const CAPABILITY =
  "IMAP4rev1 LITERAL+ SASL-IR ID IDLE NAMESPACE UNSELECT AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 AUTH=OAUTHBEARER";

async function authenticate({ session, args }: Call): Promise<string> {
  const mechanism = MECHANISMS.get(word(args[0]).toUpperCase());
  if (mechanism === undefined || !CAPABILITY.includes(`AUTH=${mechanism.name}`)) throw new Refusal("NO", "Unknown mechanism");
  const ask = (challenge: string): Promise<string> => {
    session.wire.write(`+ ${challenge}\r\n`);
    return session.wire.line();
  };
  const initial = args[1] === undefined ? undefined : word(args[1]);
  session.user = logIn(
    session.accounts,
    await runExchange(mechanism.create(bareContext({ hostname: session.name })), initial, ask),
  );
  return `[CAPABILITY ${CAPABILITY}] Logged in`;
}

function login({ session, args }: Call): string {
  const [user, password] = [word(args[0]), word(args[1])].map((text) => Buffer.from(text, "latin1"));
  const secret = new Secret(password ?? Buffer.alloc(0));
  session.user = logIn(session.accounts, { kind: "password", mechanism: "LOGIN", authcid: String(user), authzid: "", secret });
  return `[CAPABILITY ${CAPABILITY}] Logged in`;
}

function select({ session, args }: Call, readOnly: boolean): string {
  session.selection = undefined;
  const mailbox = session.mailbox(word(args[0]));
  session.selection = new Selection(mailbox, readOnly);
  const unseen = mailbox.messages.findIndex((message) => !message.flags.has("\\Seen"));
  session.untagged(`FLAGS (${SYSTEM_FLAGS})`);
  session.untagged(`OK [PERMANENTFLAGS (${readOnly ? "" : `${SYSTEM_FLAGS} \\*`})] Flags`);
  session.untagged(`${mailbox.messages.length} EXISTS`);
  session.untagged("0 RECENT");
  if (unseen !== -1) session.untagged(`OK [UNSEEN ${unseen + 1}] First unseen`);
  session.untagged(`OK [UIDVALIDITY ${mailbox.uidValidity}] UIDs`);
  session.untagged(`OK [UIDNEXT ${mailbox.uidNext}] Next UID`);
  return `[${readOnly ? "READ-ONLY" : "READ-WRITE"}] Selected`;
}

function list({ session, args }: Call, answer: "LIST" | "LSUB"): string {
  const pattern = word(args[0]) + word(args[1]);
  if (word(args[1]) === "") {
    session.untagged(`${answer} (\\Noselect) "/" ""`);
    return "Done";
  }
  const wild: Readonly<Record<string, string>> = { "*": ".*", "%": "[^/]*" };
  const source = pattern.replace(
    /[^A-Za-z0-9]/g,
    (char) => wild[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const test = new RegExp(`^${source}$`, "i");
  for (const name of session.account.mailboxes.keys())
    if (test.test(name)) session.untagged(`${answer} (\\HasNoChildren) "/" ${nstring(name)}`);
  return "Done";
}

const STATUS: Readonly<Record<string, (mailbox: Mailbox) => number>> = {
  MESSAGES: (mailbox) => mailbox.messages.length,
  RECENT: () => 0,
  UIDNEXT: (mailbox) => mailbox.uidNext,
  UIDVALIDITY: (mailbox) => mailbox.uidValidity,
  UNSEEN: (mailbox) => mailbox.messages.filter((message) => !message.flags.has("\\Seen")).length,
};

function status({ session, args }: Call): string {
  const mailbox = session.mailbox(word(args[0]));
  const items = (Array.isArray(args[1]) ? args[1] : []).map((item) => String(item).toUpperCase());
  const facts = items.map((item) => {
    const count = STATUS[item];
    if (count === undefined) throw new Refusal("BAD", "Unknown STATUS item");
    return `${item} ${count(mailbox)}`;
  });
  session.untagged(`STATUS ${nstring(mailbox.name)} (${facts.join(" ")})`);
  return "Done";
}

function create({ session, args }: Call): string {
  const name = word(args[0]).replace(/\/$/, "");
  if (name === "" || session.account.find(name) !== undefined) throw new Refusal("NO", "[ALREADYEXISTS] It exists already");
  session.account.create(name);
  return "Created";
}

function remove({ session, args }: Call): string {
  const mailbox = session.mailbox(word(args[0]));
  if (mailbox.name === "INBOX") throw new Refusal("NO", "INBOX stays");
  session.account.mailboxes.delete(mailbox.name);
  return "Deleted";
}

function append({ session, args }: Call): string {
  const mailbox = session.mailbox(word(args[0]), "TRYCREATE");
  const rest = args.slice(1);
  const flags = Array.isArray(rest[0]) ? (rest.shift() as readonly Value[]).map(String) : [];
  const date = rest.length > 1 ? parseDate(word(rest.shift())) : new Date();
  mailbox.add(Buffer.from(word(rest[0]), "latin1"), flags, date);
  return "Appended";
}

function fetch({ session, args, byUid }: Call): string {
  const { selected } = session;
  const wanted = args.length > 2 ? args.slice(1) : (args[1] ?? []);
  const plan = planFetch(wanted, byUid);
  for (const { sequence, message } of selected.pick(word(args[0]), byUid)) {
    const marks = plan.marksSeen && !selected.readOnly && !message.flags.has("\\Seen");
    if (marks) message.flags.add("\\Seen");
    session.untagged(`${sequence} FETCH (${plan.render(message)}${marks ? ` FLAGS (${[...message.flags].join(" ")})` : ""})`);
    if (marks) selected.told(message);
    if (marks) selected.mailbox.changed();
  }
  return "Fetched";
}

const CHANGES: Readonly<Record<string, (old: ReadonlySet<string>, given: readonly string[]) => Iterable<string>>> = {
  FLAGS: (_old, given) => given,
  "+FLAGS": (old, given) => [...old, ...given],
  "-FLAGS": (old, given) => [...old].filter((flag) => !given.includes(flag)),
};

function store({ session, args, byUid }: Call): string {
  const selected = session.writable;
  const action = word(args[1]).toUpperCase();
  const change = CHANGES[action.replace(/\.SILENT$/, "")];
  if (change === undefined) throw new Refusal("BAD", "Use FLAGS, +FLAGS or -FLAGS");
  const given = (Array.isArray(args[2]) ? args[2] : args.slice(2)).map(String);
  for (const { sequence, message } of selected.pick(word(args[0]), byUid)) {
    const flags = new Set(change(message.flags, given));
    message.flags.clear();
    for (const flag of flags) message.flags.add(flag);
    selected.told(message);
    const uid = byUid ? `UID ${message.uid} ` : "";
    if (!action.endsWith(".SILENT")) session.untagged(`${sequence} FETCH (${uid}FLAGS (${[...flags].join(" ")}))`);
  }
  selected.mailbox.changed();
  return "Stored";
}

function search({ session, args, byUid }: Call): string {
  const all = session.selected.all();
  const scope = { lastSequence: all.at(-1)?.sequence ?? 0, lastUid: all.at(-1)?.message.uid ?? 0 };
  const test = planSearch(args, scope);
  const found = all.filter(test).map(({ sequence, message }) => (byUid ? message.uid : sequence));
  session.untagged(["SEARCH", ...found].join(" "));
  return "Searched";
}

function copy({ session, args, byUid }: Call): string {
  const target = session.mailbox(word(args[1]), "TRYCREATE");
  for (const { message } of session.selected.pick(word(args[0]), byUid)) target.add(message.raw, message.flags, message.date);
  return "Copied";
}

const deleted = (selection: Selection): Set<Message> =>
  new Set(selection.mailbox.messages.filter((message) => message.flags.has("\\Deleted")));

function close({ session }: Call): string {
  const { selected } = session;
  if (!selected.readOnly) selected.mailbox.remove(deleted(selected));
  session.selection = undefined;
  return "Closed";
}

async function idle({ session }: Call): Promise<string> {
  const { selection, wire } = session;
  const tell = (): void => wire.write(selection?.news(true) ?? "");
  selection?.mailbox.watchers.add(tell);
  try {
    wire.write("+ idling\r\n");
    if ((await wire.line()).toUpperCase() !== "DONE") throw new Refusal("BAD", "DONE was expected");
    return "Idle is over";
  } finally {
    selection?.mailbox.watchers.delete(tell);
  }
}

const say =
  (untagged: string, words: string) =>
  ({ session }: Call): string => {
    session.untagged(untagged);
    return words;
  };

export const COMMANDS: Readonly<Record<string, Command>> = {
  CAPABILITY: { when: "any", run: say(`CAPABILITY ${CAPABILITY}`, "Done") },
  NOOP: { when: "any", run: () => "Done" },
  ID: {
    when: "any",
    run: ({ session }) => say(`ID ("name" ${nstring(session.name)})`, "Done")({ session, args: [], byUid: false }),
  },
  LOGOUT: {
    when: "any",
    run({ session }) {
      session.over = true;
      session.untagged("BYE Goodbye");
      return "Logged out";
    },
  },
  LOGIN: { when: "before login", run: login },
  AUTHENTICATE: { when: "before login", run: authenticate },
  SELECT: { when: "after login", run: (call) => select(call, false) },
  EXAMINE: { when: "after login", run: (call) => select(call, true) },
  LIST: { when: "after login", run: (call) => list(call, "LIST") },
  LSUB: { when: "after login", run: (call) => list(call, "LSUB") },
  // Every mailbox counts as subscribed.
  SUBSCRIBE: { when: "after login", run: () => "Subscribed" },
  UNSUBSCRIBE: { when: "after login", run: () => "Done" },
  STATUS: { when: "after login", run: status },
  NAMESPACE: { when: "after login", run: say('NAMESPACE (("" "/")) NIL NIL', "Done") },
  CREATE: { when: "after login", run: create },
  DELETE: { when: "after login", run: remove },
  APPEND: { when: "after login", run: append },
  IDLE: { when: "after login", run: idle },
  CHECK: { when: "after login", run: () => "Done" },
  FETCH: { when: "after login", run: fetch, uid: true },
  STORE: { when: "after login", run: store, uid: true },
  SEARCH: { when: "after login", run: search, uid: true },
  COPY: { when: "after login", run: copy, uid: true },
  CLOSE: { when: "after login", run: close },
  UNSELECT: {
    when: "after login",
    run({ session }) {
      session.selection = undefined;
      return "Unselected";
    },
  },
  EXPUNGE: {
    when: "after login",
    run({ session }) {
      session.writable.mailbox.remove(deleted(session.writable));
      return "Expunged";
    },
  },
};
