// Settings of the DNS lists.

import { networks, setting, type Contradiction, type ValueOf } from "@postern/contracts";
import { on, points, threshold } from "../judge.ts";

const { choice, duration, group, list, text } = setting;

const listGroup = group("One list", {
  zone: text("The zone that is asked.", {
    like: "a domain such as zen.example.org",
    pattern: /^(?=.{1,200}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})+$/i,
  }),
  name: text("What it is called among findings, behind DNSLIST_ or DNSALLOW_; without it, the zone.", {
    like: "capitals, digits and _",
    pattern: /^[A-Z0-9_]{1,60}$/,
    optional: true,
  }),
  kind: choice(
    "What it lists: those to block, whose score is added, or those to allow, whose score is taken off.",
    ["block", "allow"],
    {
      default: "block",
    },
  ),
  score: points("What being listed counts.", 5),
  answers: networks(
    "The answers that count, such as 127.0.0.2 or 127.0.0.0/28; without them all of 127.0.0.0/8 but 127.255.255.0/24, by which lists say that they do not serve who asks.",
  ),
  of: choice(
    "What is looked up: the client's address, the name it says hello with, or the domain of the sender.",
    ["client", "hello", "senderDomain"],
    {
      default: "client",
    },
  ),
});

export const dnsListSettings = group("Block and allow lists in the DNS (RFC 5782), asked for strangers.", {
  on,
  lists: list("The lists. They are asked at the same time.", listGroup),
  refuseAt: threshold("The sum of the lists' scores at which mail is refused.", 5),
  deferAt: threshold("The sum at which the client is told to come later.", 0),
  timeout: duration("How long the lists have to answer; who has not answered by then counts nothing.", {
    default: 3000,
    min: 100,
    max: 60_000,
  }),
});

export type DnsListSettings = ValueOf<typeof dnsListSettings>;
export type DnsListEntry = ValueOf<typeof listGroup>;

/** "DNSLIST_ZEN_EXAMPLE_ORG". */
export const symbolOf = ({ name, zone, kind }: DnsListEntry): string =>
  `${kind === "block" ? "DNSLIST" : "DNSALLOW"}_${name ?? zone.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;

export function dnsListContradictions({ on: isOn, lists, refuseAt, deferAt }: DnsListSettings): Contradiction[] {
  const found: Contradiction[] = [];
  if (isOn && lists.length === 0) found.push({ key: "lists", problem: "must name a list, or on must be false" });
  // Items that are broken are undefined, and were told already.
  const whole: readonly (DnsListEntry | undefined)[] = lists;
  for (const [at, entry] of whole.entries()) {
    const wrong = (entry?.answers ?? []).find((network) => network !== undefined && !network.address.startsWith("127."));
    if (wrong !== undefined)
      found.push({ key: `lists[${at}].answers`, problem: `must be in 127.0.0.0/8, as all answers are, not ${wrong.address}` });
  }
  const symbols = whole.flatMap((entry) => (entry?.zone === undefined ? [] : symbolOf(entry)));
  const twice = symbols.find((symbol, n) => symbols.indexOf(symbol) !== n);
  if (twice !== undefined) found.push({ key: "lists", problem: `two of them are ${twice} among findings: give one a name` });
  if (refuseAt > 0 && deferAt >= refuseAt)
    found.push({ key: "deferAt", problem: `must be below refuseAt (${refuseAt}), or 0 for never, not ${deferAt}` });
  return found;
}
