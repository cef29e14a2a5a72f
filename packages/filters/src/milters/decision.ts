// What becomes of the mail when a milter has decided: its answer for the client, and a finding that names the milter.

import { found, stop, type FilterAnswer, type MailTransaction, type MailVisit } from "@postern/contracts";
import type { Milter } from "./milter.ts";
import type { MilterVerdict } from "./verdict.ts";

/** `mail`: undefined before there is any. undefined: the mail goes on, and the milter is not asked again. */
export function decide(
  verdict: MilterVerdict,
  { name, symbol, discard, logger }: Milter,
  visit: MailVisit,
  mail: MailTransaction | undefined,
): FilterAnswer {
  const note = (words: string): void => void (mail ?? visit).findings.push(found(symbol, 0, words));
  if (verdict.does === "stop") {
    if (verdict.verdict.action === "stop")
      note(`${name} answered ${verdict.verdict.reply.code} ${verdict.verdict.reply.lines[0] ?? ""}`);
    return verdict.verdict;
  }
  if (verdict.does !== "discard") return undefined;
  // Nothing is thrown away without a word.
  const fields = { session: visit.session.id, ...(mail && { transaction: mail.id }), outcome: discard };
  logger.warn(`${name} wants to discard mail, which is not done here`, fields);
  note(`${name} wants it discarded`);
  return discard === "refuse" ? stop(554, "5.7.1", "The message is refused") : undefined;
}
