// Milters: mail filters that speak the protocol of sendmail and Postfix, such as OpenDKIM, OpenDMARC, rspamd's proxy, or
// SpamAssassin's. They are told of each stage as it comes, may refuse there, and may change the header at the end. Never
// changes the body, takes no recipients away, throws no mail away.

import type { FilterAnswer, MailTransaction, MailVisit } from "@postern/contracts";
import type { FilterRow, FilterServices } from "../row.ts";
import { Places, Unscanned } from "../scanner.ts";
import { MilterConversation } from "./conversation.ts";
import type { Milter } from "./milter.ts";
import { MilterScan } from "./scan.ts";
import { severalScans } from "./several.ts";
import { milterContradictions, milterSettings, nameOf, type MilterValues } from "./settings.ts";

function milterFrom(values: MilterValues, { clock, logger, hostname }: FilterServices): Milter {
  const { address, timeouts, onFailure, discard, atOnce } = values;
  const name = nameOf(values);
  const symbol = `MILTER_${name.toUpperCase().replace(/[^A-Z0-9]+/g, "_")}`;
  const unscanned = new Unscanned({ name: `milter ${name}`, symbol, onFailure, logger });
  const places = new Places(atOnce, clock);
  return { name, symbol, address, times: timeouts, discard, hostname, places, unscanned, clock, logger };
}

/** One after the other, until one objects. */
async function inOrder(
  conversations: readonly MilterConversation[],
  ask: (conversation: MilterConversation) => Promise<FilterAnswer>,
): Promise<FilterAnswer> {
  for (const conversation of conversations) {
    const answer = await ask(conversation);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

export const milters: FilterRow<typeof milterSettings> = {
  settings: milterSettings,
  contradictions: milterContradictions,
  build({ servers }, services) {
    if (servers.length === 0) return undefined;
    const all = servers.map((values) => milterFrom(values, services));
    const visits = new Map<MailVisit, readonly MilterConversation[]>();

    const withVisit = (visit: MailVisit): readonly MilterConversation[] => {
      const known = visits.get(visit) ?? all.map((milter) => new MilterConversation(milter, visit));
      visits.set(visit, known);
      return known;
    };
    const withMail = ({ visit }: MailTransaction): readonly MilterConversation[] => withVisit(visit);
    const leave = (visit: MailVisit): void => {
      for (const conversation of visits.get(visit) ?? []) conversation.left();
      visits.delete(visit);
    };

    return {
      name: "milters",
      connect: (visit) => inOrder(withVisit(visit), (conversation) => conversation.meet()),
      hello: (visit) => inOrder(withVisit(visit), (conversation) => conversation.meet()),
      sender: (mail) => inOrder(withMail(mail), (conversation) => conversation.sender(mail)),
      recipient: (mail, recipient) => inOrder(withMail(mail), (conversation) => conversation.recipient(mail, recipient)),
      header: (mail, header) => inOrder(withMail(mail), (conversation) => conversation.header(mail, mail.came ?? header)),
      scan(mail) {
        const scans = withMail(mail).flatMap((conversation) => {
          const { sees, holds } = conversation.interest(mail);
          return sees ? [new MilterScan(conversation, mail, holds)] : [];
        });
        return scans.length > 1 ? severalScans(scans) : scans[0];
      },
      finished(mail) {
        for (const conversation of visits.get(mail.visit) ?? []) conversation.finished(mail);
      },
      left: leave,
      close() {
        for (const visit of visits.keys()) leave(visit);
      },
    };
  },
};
