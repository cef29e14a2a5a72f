// What all filters found, added up: above a threshold the mail is refused, put off or tagged. Asked for each recipient, with the
// header, and when scanners have seen the content; tags are then written anew, which counts where the message was held until then.
// Tags of strangers are taken out: they are ours to write.

import {
  scoreOf,
  setting,
  stop,
  type Contradiction,
  type FilterAnswer,
  type HeaderEdit,
  type MailHeader,
  type MailTransaction,
} from "@postern/contracts";
import { on, threshold } from "./judge.ts";
import type { FilterRow } from "./row.ts";
import { isStranger } from "./stranger.ts";

const settings = setting.group("What is done with the sum of all that filters found of a message from a stranger.", {
  on,
  refuseAt: threshold("The sum at which a message is refused.", 15),
  deferAt: threshold("The sum at which the client is told to come later.", 0),
  tagAt: threshold(
    "The sum at which X-Spam-Flag: YES is put into the header, which then has an X-Postern-Score too. What is found in the content counts for this when the message is held until its end, as it is by rspamd's marks, by attachments and clamav that tag, and to check signatures.",
    6,
  ),
});

const FLAG = "X-Spam-Flag";
const SCORE = "X-Postern-Score";

const isReached = (sum: number, at: number): boolean => at > 0 && sum >= at;

/** Symbols shown; a message can have some dozens. */
const MAX_SHOWN = 30;

/** "7.5 (EARLY_TALKER=5, DNSLIST_ZEN=2.5)". */
function report({ findings, visit }: MailTransaction, sum: number): string {
  const counted = [...visit.findings, ...findings].filter(({ score }) => score !== 0).slice(0, MAX_SHOWN);
  const symbols = counted.map(({ symbol, score }) => `${symbol.replace(/[^\w.-]/g, "_")}=${score}`);
  return symbols.length === 0 ? rounded(sum) : `${rounded(sum)} (${symbols.join(", ")})`;
}

const rounded = (sum: number): string => String(Math.round(sum * 100) / 100);

function contradictions({ refuseAt, deferAt, tagAt }: { refuseAt: number; deferAt: number; tagAt: number }): Contradiction[] {
  return Object.entries({ deferAt, tagAt })
    .filter(([, at]) => refuseAt > 0 && at >= refuseAt)
    .map(([key, at]) => ({ key, problem: `must be below refuseAt (${refuseAt}), or 0 for never, not ${at}` }));
}

export const score: FilterRow<typeof settings> = {
  settings,
  contradictions,
  build({ on: isOn, refuseAt, deferAt, tagAt }) {
    if (!isOn) return undefined;

    /** Tags that stand among the edits of a message. */
    const written = new WeakSet<HeaderEdit>();

    function weigh(transaction: MailTransaction): FilterAnswer {
      if (!isStranger(transaction.visit)) return undefined;
      const sum = scoreOf(transaction);
      if (isReached(sum, refuseAt)) return stop(550, "5.7.1", "This message looks like spam");
      return isReached(sum, deferAt) ? stop(451, "4.7.1", "This message is put off, come again later") : undefined;
    }

    function removeForged({ edits }: MailTransaction, header: MailHeader): void {
      for (const name of [FLAG, SCORE]) if (header.count(name) > 0) edits.push({ do: "remove", name });
    }

    function tag(transaction: MailTransaction): void {
      const { edits } = transaction;
      const others = edits.filter((edit) => !written.has(edit));
      const sum = scoreOf(transaction);
      const tags: HeaderEdit[] = isReached(sum, tagAt)
        ? [
            { do: "prepend", name: SCORE, value: report(transaction, sum) },
            { do: "prepend", name: FLAG, value: "YES" },
          ]
        : [];
      for (const one of tags) written.add(one);
      edits.splice(0, Infinity, ...others, ...tags);
    }

    function judge(transaction: MailTransaction): FilterAnswer {
      const answer = weigh(transaction);
      if (answer === undefined && isStranger(transaction.visit)) tag(transaction);
      return answer;
    }

    return {
      name: "score",
      recipient: weigh,
      header(transaction, header) {
        if (isStranger(transaction.visit)) removeForged(transaction, header);
        return judge(transaction);
      },
      content: judge,
    };
  },
};
