// How much a stranger may bring in a while: connections, messages and recipients, counted in the shared state by address
// and by the domain of the sender. Above a limit the client is told to come later. What cannot be counted is let through.

import { addressKey, networkMatcher, networks, setting, stop, type FilterAnswer, type MailVisit } from "@postern/contracts";
import { domainOf } from "./dns-name.ts";
import { on } from "./judge.ts";
import type { FilterRow } from "./row.ts";
import { hostOf, isStranger } from "./stranger.ts";

const { duration, group, integer } = setting;

const limit = (doc: string, fallback: number) => integer(doc, { default: fallback, min: 0, max: 10_000_000 });

const settings = group("How much a stranger may bring in a while. 0 means no limit. More is told to come later.", {
  on,
  window: duration("How long is counted; then the count begins anew.", { default: 60_000, min: 1000, max: 86_400_000 }),
  address: group("From one address; an IPv6 /64 counts as one.", {
    connections: limit("Connections.", 60),
    messages: limit("Messages that are begun.", 200),
    recipients: limit("Recipients.", 1000),
  }),
  senderDomain: group(
    "From senders of one domain, wherever they come from. Anybody can use anybody's domain: a low limit lets strangers hold up its mail.",
    { messages: limit("Messages that are begun.", 0), recipients: limit("Recipients.", 0) },
  ),
  exempt: networks("Networks whose clients are not counted."),
});

const busy = (what: string): FilterAnswer => stop(450, "4.7.1", `Too many ${what}, come again later`);

export const rates: FilterRow<typeof settings> = {
  settings,
  build({ on: isOn, window, address, senderDomain, exempt }, { state }) {
    if (!isOn) return undefined;
    const isExempt = networkMatcher(exempt);
    const isCounted = (visit: MailVisit): boolean => isStranger(visit) && !isExempt(hostOf(visit));

    /** One more; are there more than the limit? */
    async function isAbove(most: number, what: string, whose: string): Promise<boolean> {
      return most > 0 && (await state.hit(`rate:${what}:${whose}`, window)) > most;
    }

    const byAddress = (visit: MailVisit, what: keyof typeof address): Promise<boolean> =>
      isAbove(address[what], what, addressKey(hostOf(visit)));

    async function byDomain(sender: string, what: keyof typeof senderDomain): Promise<boolean> {
      const domain = domainOf(sender);
      return domain !== undefined && (await isAbove(senderDomain[what], what, `@${domain}`));
    }

    return {
      name: "rates",
      async connect(visit) {
        if (!isCounted(visit) || !(await byAddress(visit, "connections"))) return undefined;
        return stop(421, "4.7.0", "Too many connections from your address, come again later", true);
      },
      async sender({ visit, sender }) {
        if (!isCounted(visit)) return undefined;
        if (await byAddress(visit, "messages")) return busy("messages from your address");
        return (await byDomain(sender.address, "messages")) ? busy("messages from this domain") : undefined;
      },
      async recipient({ visit, sender }) {
        if (!isCounted(visit)) return undefined;
        if (await byAddress(visit, "recipients")) return busy("recipients from your address");
        return (await byDomain(sender.address, "recipients")) ? busy("recipients from this domain") : undefined;
      },
    };
  },
};
