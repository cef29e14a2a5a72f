// A milter's answer to a step, as a verdict. Its words for the client are checked: only 4xx and 5xx, one code in all lines, an
// enhanced code of the same class, no control characters. Throws Error for what is no answer to a step.

import { stop, type FilterVerdict } from "@postern/contracts";
import { cleanText } from "@postern/lookup";
import type { Reply } from "./packets.ts";
import type { ReplyName } from "./protocol.ts";

/** What becomes of mail that a milter wants to throw away without a word. */
export type OnDiscard = "refuse" | "accept";

export type MilterVerdict =
  /** Goes on; `skip`: without the rest of the body. */
  | { readonly does: "continue" }
  | { readonly does: "skip" }
  /** It need not see more: of the message, or at the beginning of the visit. */
  | { readonly does: "accept" }
  | { readonly does: "discard" }
  | { readonly does: "stop"; readonly verdict: FilterVerdict };

const MAX_LINES = 20;
const LINE = /^([45]\d\d)(?:[ -](?:([45]\.\d{1,3}\.\d{1,3})(?: |$))?(.*))?$/s;

const REFUSED = stop(550, "5.7.1", "Command rejected");
const LATER = stop(451, "4.7.1", "Service unavailable, try again later");
const CLOSING = stop(421, "4.7.0", "Service unavailable, closing the connection", true);

/** "550 5.7.1 words", or several lines of it; "%%" stands for "%", as sendmail has it. */
function replyOf(data: Buffer): FilterVerdict {
  const said = data.toString("utf8").replace(/\0.*$/s, "").replaceAll("%%", "%");
  const lines = said
    .split(/\r?\n|\r/)
    .filter((line) => line !== "")
    .slice(0, MAX_LINES)
    .map((line) => LINE.exec(line));
  const [, code = "", status = ""] = lines[0] ?? [];
  if (lines.some((line) => line?.[1] !== code) || code === "") throw new Error("answered with a reply that is none");
  return {
    action: "stop",
    reply: {
      code: Number(code),
      status: status[0] === code[0] ? status : `${code[0] ?? ""}.7.1`,
      lines: lines.map((line) => cleanText(line?.[3] ?? "") || "Command rejected"),
    },
    ...(code === "421" && { hangUp: true }),
  };
}

const stopped = (verdict: FilterVerdict): MilterVerdict => ({ does: "stop", verdict });

const MEANINGS: Readonly<Partial<Record<ReplyName, (data: Buffer) => MilterVerdict>>> = {
  continue: () => ({ does: "continue" }),
  skip: () => ({ does: "skip" }),
  accept: () => ({ does: "accept" }),
  discard: () => ({ does: "discard" }),
  reject: () => stopped(REFUSED),
  defer: () => stopped(LATER),
  shutdown: () => stopped(CLOSING),
  replyCode: (data) => stopped(replyOf(data)),
};

/** What an answer means. undefined: the milter does not answer this step. */
export function verdictOf(reply: Reply | undefined): MilterVerdict {
  if (reply === undefined) return { does: "continue" };
  const meaning = MEANINGS[reply.name];
  if (meaning === undefined) throw new Error(`answered ${reply.name}, which is no answer here`);
  return meaning(reply.data);
}
