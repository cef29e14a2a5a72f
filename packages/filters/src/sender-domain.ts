// The domain of the sender: can it be answered at all? It needs a mail exchanger or an address (RFC 5321 section 5.1), and must
// not say that it takes no mail (the null MX of RFC 7505). Senders of our own domains do not come from strangers, but forwarders
// send them. The null sender has no domain, and is let through.

import { setting, stop, type FilterAnswer, type MailTransaction } from "@postern/contracts";
import type { DnsResolver } from "./dns.ts";
import { domainOf } from "./dns-name.ts";
import { check, judge, on, printable } from "./judge.ts";
import type { FilterRow } from "./row.ts";
import { isStranger } from "./stranger.ts";

const { choice, group } = setting;

const settings = group("The domain of the sender that a stranger names.", {
  on,
  unknown: check("A domain that no answer can reach: neither mail exchanger nor address.", { action: "refuse", score: 5 }),
  nullMx: check("A domain that says that it takes no mail (null MX, RFC 7505).", { action: "refuse", score: 5 }),
  ours: check("A domain of ours. Strangers who forward mail of our users send these too; SPF and DMARC tell them apart.", {
    action: "off",
    score: 3,
  }),
  down: choice("When the DNS cannot be asked: take the mail, or tell the client to come later.", ["accept", "defer"], {
    default: "defer",
  }),
});

type Reach = "yes" | "no" | "null" | "down";

/** RFC 5321 section 5.1: the address of the domain itself counts only where there is no MX record. */
async function reach(domain: string, dns: DnsResolver): Promise<Reach> {
  const mx = await dns.ask(domain, "MX");
  if (mx.state === "down") return "down";
  if (mx.state === "found") return mx.records.every(({ exchange }) => exchange === "" || exchange === ".") ? "null" : "yes";
  const addresses = await Promise.all([dns.ask(domain, "A"), dns.ask(domain, "AAAA")]);
  if (addresses.some(({ state }) => state === "found")) return "yes";
  return addresses.some(({ state }) => state === "down") ? "down" : "no";
}

/** "alice@[192.0.2.1]": nothing to ask the DNS for. */
const isLiteral = (address: string): boolean => address.endsWith("]");

export const senderDomain: FilterRow<typeof settings> = {
  settings,
  build({ on: isOn, unknown, nullMx, ours, down }, { dns, isOurs }) {
    if (!isOn) return undefined;

    async function foreign({ findings }: MailTransaction, domain: string | undefined, shown: string): Promise<FilterAnswer> {
      switch (domain === undefined ? "no" : await reach(domain, dns)) {
        case "yes":
          return undefined;
        case "no":
          return judge(unknown, findings, {
            symbol: "SENDER_DOMAIN_UNKNOWN",
            detail: "1.8",
            text: `The sender's domain, ${shown}, cannot be answered`,
          });
        case "null":
          return judge(nullMx, findings, {
            symbol: "SENDER_DOMAIN_NULL_MX",
            detail: "7.27",
            text: `The sender's domain, ${shown}, takes no mail`,
          });
        case "down":
          return down === "defer" ? stop(451, "4.1.8", `The DNS cannot tell about ${shown} now`) : undefined;
      }
    }

    return {
      name: "senderDomain",
      async sender(transaction) {
        const { address } = transaction.sender;
        if (address === "" || isLiteral(address) || !isStranger(transaction.visit)) return undefined;
        const domain = domainOf(address);
        const shown = printable(domain ?? address);
        if (domain === undefined || !isOurs(domain)) return foreign(transaction, domain, shown);
        const text = `${shown} is a domain of ours, and you are not`;
        return judge(ours, transaction.findings, { symbol: "SENDER_DOMAIN_OURS", detail: "7.1", text });
      },
    };
  },
};
