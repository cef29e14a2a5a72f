// The name that a stranger says hello with. A name that is ours, an address without brackets or somebody else's address is
// how programs lie that are no mail servers; a name that does not resolve is common among honest ones, and RFC 5321
// section 4.1.4 forbids to refuse for it alone, which is why it counts a score. A name has one fault at most. Who says hello very
// often, to have many names asked for, is hung up on.

import { isIP } from "node:net";
import { setting, stop, type MailVisit } from "@postern/contracts";
import type { DnsResolver } from "./dns.ts";
import { hostName } from "./dns-name.ts";
import { check, judge, on, printable, takeBack, type Fault } from "./judge.ts";
import type { FilterRow, FilterServices } from "./row.ts";
import { hostOf, isStranger, sameAddress } from "./stranger.ts";

const { boolean, group } = setting;

const settings = group("The name that a stranger says hello with.", {
  on,
  required: boolean("A client that brings mail must have said hello.", { default: true }),
  ourName: check("Our own hostname, or one of our domains.", { action: "refuse", score: 10 }),
  bareAddress: check("An IP address without brackets.", { action: "refuse", score: 5 }),
  foreignAddress: check("An address in brackets that is not the client's.", { action: "refuse", score: 5 }),
  syntax: check("What cannot be a name.", { action: "refuse", score: 5 }),
  noDot: check("A name without a dot, such as localhost.", { action: "score", score: 3 }),
  unresolvable: check("A name without address or mail exchanger in the DNS.", { action: "score", score: 2 }),
});

const FAULTS = {
  ourName: { symbol: "HELLO_OUR_NAME", is: "is not yours" },
  bareAddress: { symbol: "HELLO_BARE_ADDRESS", is: "is an IP address without brackets" },
  foreignAddress: { symbol: "HELLO_FOREIGN_ADDRESS", is: "is not your address" },
  syntax: { symbol: "HELLO_SYNTAX", is: "is not a host name" },
  noDot: { symbol: "HELLO_NO_DOT", is: "is not a full host name" },
  unresolvable: { symbol: "HELLO_UNRESOLVABLE", is: "is not in the DNS" },
} as const;
type FaultName = keyof typeof FAULTS;

const SYMBOLS: ReadonlySet<string> = new Set(Object.values(FAULTS).map(({ symbol }) => symbol));

/** Twice is ordinary: before and after STARTTLS. */
const MOST_HELLOS = 10;

/** RFC 5321 section 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
const LITERAL = /^\[(?:ipv6:)?([0-9a-f:.]+)\]$/i;

async function isInDns(name: string, dns: DnsResolver): Promise<boolean> {
  const answers = await Promise.all([dns.ask(name, "A"), dns.ask(name, "AAAA"), dns.ask(name, "MX")]);
  return answers.some(({ state }) => state !== "none");
}

/** What is wrong with a name whatever the DNS says. */
function plainFault(hello: string, visit: MailVisit, { hostname, isOurs }: FilterServices): FaultName | undefined {
  if (isIP(hello.replace(/\.$/, "")) !== 0) return "bareAddress";
  if (hello.startsWith("[")) {
    const literal = LITERAL.exec(hello)?.[1] ?? "";
    return isIP(literal) !== 0 && sameAddress(literal, hostOf(visit)) ? undefined : "foreignAddress";
  }
  const name = hostName(hello);
  if (name === undefined) return "syntax";
  if (name === hostname.toLowerCase() || isOurs(name)) return "ourName";
  return name.includes(".") ? undefined : "noDot";
}

const faultOf = (fault: FaultName, hello: string): Fault => ({
  symbol: FAULTS[fault].symbol,
  detail: "7.1",
  text: `Your name, ${printable(hello)}, ${FAULTS[fault].is}`,
});

export const hello: FilterRow<typeof settings> = {
  settings,
  build({ on: isOn, required, ...checks }, services) {
    if (!isOn) return undefined;

    const hellos = new WeakMap<MailVisit, number>();

    async function find(said: string, visit: MailVisit): Promise<FaultName | undefined> {
      const fault = plainFault(said, visit, services);
      const name = hostName(said);
      if (fault !== undefined || name === undefined || checks.unresolvable.action === "off") return fault;
      return (await isInDns(name, services.dns)) ? undefined : "unresolvable";
    }

    return {
      name: "hello",
      async hello(visit) {
        const said = visit.hello;
        if (said === undefined || !isStranger(visit)) return undefined;
        const count = (hellos.get(visit) ?? 0) + 1;
        hellos.set(visit, count);
        if (count > MOST_HELLOS) return stop(421, "4.7.0", "You have said hello too often", true);
        takeBack(visit.findings, SYMBOLS);
        const fault = await find(said, visit);
        return fault === undefined ? undefined : judge(checks[fault], visit.findings, faultOf(fault, said));
      },
      sender({ visit }) {
        return required && visit.hello === undefined && isStranger(visit) ? stop(503, "5.5.1", "Say hello first") : undefined;
      },
    };
  },
};
