// Who is there: the greeting, EHLO and HELO (RFC 5321 section 4.1.1.1), STARTTLS (RFC 3207) and XCLIENT (Postfix's XCLIENT_README).
// Each begins anew: what was under way is given up.

import { Failure } from "@postern/contracts";
import { ehloText } from "../../ehlo-list.ts";
import { keepHello } from "../../hello.ts";
import { learnFromXclient } from "../../xclient.ts";
import type { Stopped } from "./ask.ts";
import type { Dialogue } from "./dialogue.ts";
import { offerTo } from "./house.ts";
import { MailError, noArguments, says } from "./words.ts";

/** A stranger waits for the greeting; who speaks meanwhile is seen by the filters. */
export async function greet(dialogue: Dialogue): Promise<void> {
  const { house, visit, wire } = dialogue;
  if (!visit.trusted) await dialogue.pause(house.parts.settings.greetingDelay);
  if (!wire.isOver) await greetNow(dialogue);
}

async function greetNow(dialogue: Dialogue): Promise<void> {
  if (!(await isWelcome(dialogue))) return;
  const { hostname, settings } = dialogue.house.parts;
  dialogue.wire.say(says(220, "", `${hostname} ESMTP ${settings.greeting}`));
}

/** False: the filters have refused the connection, and it was told so. */
async function isWelcome(dialogue: Dialogue): Promise<boolean> {
  const { house, visit, wire } = dialogue;
  visit.spokeEarly = wire.spokeEarly;
  const stopped = await house.filters.ask("connect", (filter) => filter.connect?.(visit));
  visit.connected();
  if (wire.isOver) return false;
  if (stopped !== undefined) dialogue.stopped({ ...stopped, hangUp: true });
  return stopped === undefined;
}

export function ehlo(dialogue: Dialogue, args: Buffer): void | Promise<void> {
  return hello(dialogue, args, true);
}

export function helo(dialogue: Dialogue, args: Buffer): void | Promise<void> {
  return hello(dialogue, args, false);
}

function hello(dialogue: Dialogue, args: Buffer, extended: boolean): void | Promise<void> {
  const { house, visit, wire } = dialogue;
  const session = wire.visitor;
  keepHello(session, args.toString("latin1"), extended);
  // A gateway in front has said what its client calls itself: this is the gateway's own name.
  const told = dialogue.told ?? { name: args.toString("latin1"), extended };
  keepHello(session, told.name, told.extended);
  dialogue.drop("a new hello");
  dialogue.offer = undefined;
  visit.greets(told.name, told.extended);
  const answer = (stopped: Stopped | undefined): void => {
    if (stopped !== undefined) return dialogue.stopped(stopped);
    const offer = offerTo(session, wire.doors.secure !== undefined && session.tls === undefined, house);
    dialogue.offer = extended ? offer : { ...offer, keywords: NONE };
    wire.sayLines(extended ? offer.reply : ehloText(house.parts.hostname, []));
  };
  const stopped = house.filters.ask("hello", (filter) => filter.hello?.(visit));
  return stopped instanceof Promise ? stopped.then(answer) : answer(stopped);
}

const NONE: ReadonlySet<string> = new Set();

/** What was said in clear may have been said by somebody else: all of it is forgotten. */
export async function startTls(dialogue: Dialogue, args: Buffer): Promise<void> {
  const { wire } = dialogue;
  const { secure } = wire.doors;
  noArguments("STARTTLS", args);
  if (wire.visitor.tls !== undefined) throw new Failure("not-now", "STARTTLS inside TLS");
  if (secure === undefined) throw new Failure("not-now", "STARTTLS where there is none");
  if (wire.pending > 0) throw new Failure("bytes-behind-starttls", `${wire.pending} bytes behind STARTTLS`);
  wire.say(says(220, "2.0.0", "Begin TLS"));
  await wire.startTls(secure);
  dialogue.forget("STARTTLS");
  if (!dialogue.forgetTold()) return;
  dialogue.renewVisit(undefined);
  await isWelcome(dialogue);
}

/** A gateway of ours tells where its client is, and what it is called. The session begins anew with the greeting. */
export async function xclient(dialogue: Dialogue, args: Buffer): Promise<void> {
  const session = dialogue.wire.visitor;
  if (!session.listener.trusts(session.peer.host)) throw new MailError(550, "5.7.1", "XCLIENT is for gateways of ours");
  if (dialogue.mail !== undefined) throw new Failure("not-now", "XCLIENT within a transaction");
  const { hello: told, name } = learnFromXclient(args.toString("latin1"), session);
  dialogue.told = told;
  dialogue.forget("XCLIENT");
  dialogue.renewVisit(name);
  await greetNow(dialogue);
}
