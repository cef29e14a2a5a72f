// ClamAV: messages are shown to clamd by INSTREAM; where it finds something, the mail is refused, tagged, or scored. Never
// changes the body, never throws. Whatever clamd cannot look at is what `onFailure` and `onLarge` say.

import { found, setting, stop, type FilterAnswer, type MailTransaction } from "@postern/contracts";
import { cleanText } from "@postern/lookup";
import { openClamavStream, type Signature } from "./clamav-stream.ts";
import type { FilterRow } from "./row.ts";
import { scannerAddress } from "./scanner-address.ts";
import { ScannerFeed } from "./scanner-feed.ts";
import { removeStrangers } from "./stranger.ts";
import { Places, scannerSettings, ServersInOrder, Unscanned } from "./scanner.ts";

const { choice, group, integer, list } = setting;

const settings = group("Viruses, as ClamAV's clamd finds them. Switched on by an address.", {
  address: list(
    "Where clamd listens: unix:/path or host:port; several are tried in order.",
    scannerAddress("Where clamd listens."),
    { single: true },
  ),
  ...scannerSettings,
  action: choice(
    "What becomes of a message in which it finds something: refuse, tag (header field X-Virus, with the name), or score (count points only).",
    ["refuse", "tag", "score"],
    { default: "refuse" },
  ),
  score: integer("What it counts.", { default: 20, min: 0, max: 1000 }),
});

const FIELD = "X-Virus";

type Action = "refuse" | "tag" | "score";

/** Names of signatures are words; others may have written them. */
const nameOf = (signature: string): string => cleanText(signature).replace(/[^!-~]+/g, "_");

function judge(mail: MailTransaction, signature: Signature, action: Action, score: number): FilterAnswer {
  if (signature === undefined) return undefined;
  const name = nameOf(signature);
  if (action === "tag") mail.edits.push({ do: "prepend", name: FIELD, value: name });
  mail.findings.push(found("CLAMAV_VIRUS", score, name));
  return action === "refuse" ? stop(554, "5.7.1", `The message contains malware: ${name}`) : undefined;
}

export const clamav: FilterRow<typeof settings> = {
  settings,
  build({ address, timeout, atOnce, maxSize, onFailure, onLarge, action, score }, { clock, logger }) {
    if (address.length === 0) return undefined;
    const unscanned = new Unscanned({ name: "clamav", symbol: "CLAMAV", onFailure, onLarge, logger });
    const places = new Places(atOnce, clock);
    const servers = new ServersInOrder(address, clock);
    return {
      name: "clamav",
      ...(action === "tag" && { header: removeStrangers(FIELD) }),
      scan: (mail) =>
        new ScannerFeed({
          holds: action === "tag",
          maxSize,
          places,
          waitMs: timeout,
          servers,
          async open(server) {
            const stream = await openClamavStream(server, clock, timeout);
            return { ...stream, end: async () => judge(mail, await stream.end(), action, score) };
          },
          tooLarge: (reason) => unscanned.tooLarge(mail, reason),
          failed: (reason) => unscanned.failed(mail, reason),
        }),
    };
  },
};
