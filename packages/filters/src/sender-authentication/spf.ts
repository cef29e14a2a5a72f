// SPF (RFC 7208): may this client send for the domain of the sender, or of its hello where the sender is empty? Decided at
// the sender, before there is a message. Replies by RFC 7372.

import type { MailTransaction } from "@postern/contracts";
import type { SPFResult, Verifiers } from "./mailauth.ts";
import type { Outcome } from "./outcome.ts";
import { OutcomeBuilder } from "./outcome.ts";
import type { BoundedDns } from "./resolver.ts";
import { oneLine } from "./results.ts";
import type { SenderAuthenticationSettings } from "./settings.ts";

export interface SpfCheck {
  readonly outcome: Outcome;
  readonly result: string;
  /** The domain that was asked about. */
  readonly domain: string;
  /** The value of a Received-SPF field, on one line. */
  readonly received: string;
  /** The questions to the DNS were used up. */
  readonly spent: boolean;
}

type Settings = Pick<SenderAuthenticationSettings, "spf" | "dnsDown" | "dnsTime" | "scores">;

/** undefined: an empty sender, and a client that has not said who it is. */
export async function checkSpf(
  { spf }: Pick<Verifiers, "spf">,
  { sender, visit }: Pick<MailTransaction, "sender" | "visit">,
  dns: BoundedDns,
  settings: Settings,
  hostname: string,
): Promise<SpfCheck | undefined> {
  const helo = oneLine(visit.hello ?? "");
  if (sender.address === "" && helo === "") return undefined;
  const said = await spf({
    sender: sender.address,
    ip: visit.session.client.host,
    helo,
    mta: hostname,
    resolver: dns.ask,
    strict: true,
    maxElapsedTime: settings.dnsTime,
  });
  const { result } = said.status;
  return { outcome: outcomeOf(said, settings), result, domain: said.domain, received: receivedValue(said), spent: dns.spent };
}

const receivedValue = ({ header }: SPFResult): string => oneLine(header.replace(/^Received-SPF:/i, ""));

interface SpfFinding {
  readonly symbol: string;
  readonly score?: keyof Settings["scores"];
  readonly text: string;
}

const NOTHING_SAID: SpfFinding = { symbol: "SPF_NONE", score: "spfNone", text: "nothing is said about this client" };

const FINDINGS: Readonly<Record<string, SpfFinding>> = {
  pass: { symbol: "SPF_PASS", score: "spfPass", text: "this client may send" },
  fail: { symbol: "SPF_FAIL", score: "spfFail", text: "this client may not send" },
  softfail: { symbol: "SPF_SOFTFAIL", score: "spfSoftfail", text: "this client should not send" },
  permerror: { symbol: "SPF_ERROR", score: "spfError", text: "the record is broken" },
  temperror: { symbol: "SPF_DNS_DOWN", text: "the DNS cannot tell" },
};

function outcomeOf({ status, domain }: SPFResult, { spf, dnsDown, scores }: Settings): Outcome {
  const out = new OutcomeBuilder();
  const { result, smtp } = status;
  const shown = oneLine(domain).slice(0, 253);
  out.result(spf, { method: "spf", result, properties: { "smtp.mailfrom": smtp?.mailfrom, "smtp.helo": smtp?.helo } });
  const { symbol, score, text } = FINDINGS[result] ?? NOTHING_SAID;
  out.find(spf, symbol, score === undefined ? 0 : scores[score], `SPF of ${shown}: ${text}`);
  if (result === "fail" && spf === "refuse")
    out.refuse("5.7.23", `The SPF record of ${shown} does not allow your address to send`);
  if (result === "temperror") out.deferIf(spf, dnsDown, "4.7.24", `The SPF record of ${shown} cannot be looked up now`);
  return out.outcome;
}
