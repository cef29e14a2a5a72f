// The client's name in the DNS: its PTR records, and whether such a name leads back to the address. Asked for while the client
// is greeted, judged when it brings mail, so that nobody waits for it. Tells the visit the confirmed name. RFC 8499
// (forward-confirmed reverse DNS), RFC 7372 section 3.3. A DNS that is down never refuses.

import { isIP } from "node:net";
import { setting, stop, type FilterAnswer, type MailVisit } from "@postern/contracts";
import type { DnsResolver } from "./dns.ts";
import { hostName } from "./dns-name.ts";
import { check, judge, on } from "./judge.ts";
import type { FilterRow } from "./row.ts";
import { hostOf, isStranger, reverseName, sameAddress } from "./stranger.ts";

const { choice, group } = setting;

const settings = group("The client's name in the DNS. It is also found for our own relays, who are not judged.", {
  on,
  none: check("The address has no name.", { action: "score", score: 4 }),
  unconfirmed: check("It has one, but the name does not lead back to it.", { action: "score", score: 2 }),
  down: choice("When the DNS cannot be asked: take the mail, or tell the client to come later.", ["accept", "defer"], {
    default: "accept",
  }),
});

type Outcome =
  | { readonly state: "confirmed"; readonly name: string }
  | { readonly state: "unconfirmed"; readonly name: string }
  | { readonly state: "none" | "down" };

/** Names of one address that are looked at; some have hundreds. */
const MAX_NAMES = 5;

async function leadsTo(name: string, host: string, dns: DnsResolver): Promise<"yes" | "no" | "down"> {
  const answer = await dns.ask(name, isIP(host) === 6 ? "AAAA" : "A");
  if (answer.state === "down") return "down";
  return answer.state === "found" && answer.records.some((address) => sameAddress(address, host)) ? "yes" : "no";
}

async function lookUp(host: string, dns: DnsResolver): Promise<Outcome> {
  const answer = await dns.ask(reverseName(host), "PTR");
  if (answer.state !== "found") return answer;
  const names = answer.records.slice(0, MAX_NAMES).flatMap((record) => hostName(record) ?? []);
  const [first] = names;
  if (first === undefined) return { state: "none" };
  const leads = await Promise.all(names.map((name) => leadsTo(name, host, dns)));
  const name = names[leads.indexOf("yes")];
  if (name !== undefined) return { state: "confirmed", name };
  return leads.includes("down") ? { state: "down" } : { state: "unconfirmed", name: first };
}

export const reverseDns: FilterRow<typeof settings> = {
  settings,
  build({ on: isOn, none, unconfirmed, down }, { dns }) {
    if (!isOn) return undefined;
    const outcomes = new WeakMap<MailVisit, Promise<Outcome>>();

    async function find(visit: MailVisit): Promise<Outcome> {
      const outcome = await lookUp(hostOf(visit), dns);
      if (outcome.state !== "down") visit.hostName = outcome.state === "confirmed" ? outcome.name : "";
      return outcome;
    }

    function asked(visit: MailVisit): Promise<Outcome> {
      const outcome = outcomes.get(visit) ?? find(visit);
      outcomes.set(visit, outcome);
      return outcome;
    }

    function answer(outcome: Outcome, { findings }: MailVisit, host: string): FilterAnswer {
      switch (outcome.state) {
        case "confirmed":
          return undefined;
        case "none":
          return judge(none, findings, { symbol: "RDNS_NONE", detail: "7.25", text: `${host} has no name in the DNS` });
        case "unconfirmed":
          return judge(unconfirmed, findings, {
            symbol: "RDNS_UNCONFIRMED",
            detail: "7.25",
            text: `${host} is ${outcome.name} in the DNS, which does not lead back to it`,
          });
        case "down":
          return down === "defer" ? stop(451, "4.4.3", `The DNS cannot tell the name of ${host} now`) : undefined;
      }
    }

    return {
      name: "reverseDns",
      connect(visit) {
        if (hostOf(visit) !== "") void asked(visit);
        return undefined;
      },
      async sender({ visit }) {
        if (hostOf(visit) === "") return undefined;
        const outcome = await asked(visit);
        return isStranger(visit) ? answer(outcome, visit, hostOf(visit)) : undefined;
      },
    };
  },
};
