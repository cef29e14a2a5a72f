// DATA (RFC 5321 section 4.1.1.4), BDAT (RFC 3030) and RSET. Bytes behind a BDAT that cannot be are read all the same, and thrown
// away: they must never be taken for commands. Where it is not known how many there are, the connection ends.

import { Failure, type MailReply } from "@postern/contracts";
import { Content } from "./content.ts";
import type { ContentSink } from "./client-stream.ts";
import { stoppedBy, type Dialogue } from "./dialogue.ts";
import { CountReader, DotReader } from "./dots.ts";
import type { Mail } from "./mail.ts";
import { isYes, noArguments, says } from "./words.ts";

export function data(dialogue: Dialogue, args: Buffer): void {
  const { mail, wire } = dialogue;
  noArguments("DATA", args);
  const problem = notReady(mail) ?? (mail?.content && says(503, "5.5.1", "The message has begun with BDAT"));
  if (problem !== undefined || mail === undefined) return dialogue.no(problem ?? NO_MAIL);
  begin(dialogue, mail);
  wire.say(says(354, "", "End with CRLF, dot, CRLF"));
  wire.startContent(new DotReader(), { write: (chunk) => pass(dialogue, mail, chunk), end: () => finish(dialogue, mail) });
}

/** Chunks one after the other; the last one says so. */
export function bdat(dialogue: Dialogue, args: Buffer): void | Promise<void> {
  const { mail, wire } = dialogue;
  const match = /^(\d{1,15})( +LAST)?$/i.exec(args.toString("latin1"));
  if (match === null) return hangUp(dialogue, says(501, "5.5.4", "BDAT takes a size, and LAST"));
  const size = Number(match[1]);
  const isLast = match[2] !== undefined;
  const problem = notReady(mail);
  if (problem !== undefined && size > maxDrained(dialogue)) return hangUp(dialogue, problem);
  const sink =
    problem !== undefined || mail === undefined
      ? thrownAway(dialogue, problem ?? NO_MAIL)
      : chunkOf(dialogue, mail, size, isLast);
  if (size === 0) return sink.end();
  wire.startContent(new CountReader(size), sink);
}

export function rset(dialogue: Dialogue, args: Buffer): void {
  noArguments("RSET", args);
  dialogue.drop("RSET");
  dialogue.wire.say(says(250, "2.0.0", "OK"));
}

const NO_MAIL = says(503, "5.5.1", "Say MAIL first");

function notReady(mail: Mail | undefined): MailReply | undefined {
  if (mail === undefined) return NO_MAIL;
  return mail.transaction.recipients.length === 0 ? says(503, "5.5.1", "There is no recipient") : undefined;
}

function begin({ house, offer }: Dialogue, mail: Mail): Content {
  const { settings } = house.parts;
  return (mail.content ??= new Content(mail.transaction, mail.delivery, house, offer?.maxMessage ?? settings.maxMessage));
}

/** Twice the largest message: who sends more of what was refused does not want an answer. */
const maxDrained = ({ offer, house }: Dialogue): number => 2 * (offer?.maxMessage ?? house.parts.settings.maxMessage);

function pass(dialogue: Dialogue, { content }: Mail, chunk: Buffer): void | Promise<void> {
  if (content === undefined) return;
  if (content.refusal !== undefined && content.size + chunk.length > maxDrained(dialogue))
    return hangUp(dialogue, content.refusal);
  return content.write(chunk);
}

function chunkOf(dialogue: Dialogue, mail: Mail, size: number, isLast: boolean): ContentSink {
  const content = begin(dialogue, mail);
  return {
    write: (chunk) => pass(dialogue, mail, chunk),
    end() {
      if (isLast || content.refusal !== undefined) return finish(dialogue, mail);
      dialogue.wire.say(says(250, "2.0.0", `${size} bytes`));
    },
  };
}

/** Bytes that nobody asked for. */
function thrownAway(dialogue: Dialogue, reply: MailReply): ContentSink {
  return { write: () => {}, end: () => dialogue.no(reply) };
}

/** The message is whole: the answer is the backends', or that of whoever refused it. */
async function finish(dialogue: Dialogue, mail: Mail): Promise<void> {
  const { content } = mail;
  if (content === undefined || dialogue.mail !== mail) return;
  mail.isEnding = true;
  const reply = await content.finish(() => dialogue.wire.isGone);
  dialogue.mail = undefined;
  mail.answered(reply, dialogue.wire.hasLeft);
  const hangUp = content.refusedBy?.hangUp === true;
  if (hangUp) dialogue.wire.hangUp(stoppedBy(content.refusedBy?.filter ?? ""), reply);
  else if (isYes(reply)) dialogue.wire.say(reply);
  else dialogue.no(reply);
}

function hangUp(dialogue: Dialogue, reply: MailReply): void {
  dialogue.drop(reply.lines.join(" "));
  dialogue.wire.hangUp(
    { ending: "refused", reason: reply.lines.join(" "), failure: new Failure("syntax", reply.lines.join(" ")) },
    reply,
  );
}
