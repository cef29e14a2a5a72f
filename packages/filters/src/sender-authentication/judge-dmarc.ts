// What is done where DMARC fails: what the author's domain asks for, as far as the settings follow it.

import type { DmarcCheck } from "./dmarc.ts";
import type { OutcomeBuilder } from "./outcome.ts";
import type { SenderAuthenticationSettings } from "./settings.ts";

type Settings = Pick<SenderAuthenticationSettings, "dmarc" | "dnsDown" | "scores">;

export interface DmarcCircumstances {
  /** A trusted sealer who says that DMARC passed before the message was forwarded. */
  readonly vouchedBy: string | undefined;
  /** The signatures were not looked at because of the message's size: a failure is not proved. */
  readonly unproved: boolean;
  /** The message has used up its questions to the DNS. */
  readonly spent: boolean;
}

export function judgeDmarc(
  out: OutcomeBuilder,
  check: DmarcCheck,
  { vouchedBy, unproved, spent }: DmarcCircumstances,
  { dmarc, dnsDown, scores }: Settings,
): void {
  const { result, domain, comment } = check;
  const vouched = vouchedBy === undefined ? undefined : `but passed at ${vouchedBy}, by ARC`;
  const shown = [comment, vouched, unproved && result === "fail" ? "signatures not checked" : undefined];
  out.result(dmarc, {
    method: "dmarc",
    result,
    comment: shown.filter((part) => part !== undefined).join(", "),
    properties: { "policy.dmarc": result === "fail" ? check.policy : undefined, "header.from": domain },
  });
  const find = (symbol: string, score: number, text: string) => out.find(dmarc, symbol, score, `DMARC of ${domain}: ${text}`);
  if (result === "none") return;
  if (result === "pass") return find("DMARC_PASS", scores.dmarcPass, "pass");
  if (result === "permerror") return find("DMARC_NO_AUTHOR", scores.dmarcQuarantine, "From names no domain");
  if (result === "temperror") {
    find("DMARC_DNS_DOWN", 0, "the DNS cannot tell");
    if (check.policy === "none") return;
    // Questions without end are what a forger would bring about: such a message may come again, but not in.
    const must = spent && dmarc === "follow" ? "defer" : dnsDown;
    return out.deferIf(dmarc, must, "4.7.5", `The DMARC policy of ${domain} cannot be applied now`);
  }
  if (vouchedBy !== undefined) return find("DMARC_VOUCHED", 0, `fails, ${vouched ?? ""}`);
  judgeFailure(out, unproved && check.policy === "reject" ? { ...check, policy: "quarantine" } : check, find, { dmarc, scores });
}

function judgeFailure(
  out: OutcomeBuilder,
  { policy, domain }: DmarcCheck,
  find: (symbol: string, score: number, text: string) => void,
  { dmarc, scores }: Pick<Settings, "dmarc" | "scores">,
): void {
  if (policy === "none") return find("DMARC_FAIL_NONE", scores.dmarcNone, "fails, and the domain asks for nothing");
  if (policy === "quarantine")
    return find("DMARC_FAIL_QUARANTINE", scores.dmarcQuarantine, "fails, and the domain asks for quarantine");
  find("DMARC_FAIL_REJECT", scores.dmarcReject, "fails, and the domain asks for rejection");
  const whose = domain === "" ? "the domains in From" : domain;
  if (dmarc === "follow") out.refuse("5.7.1", `The message does not come from ${whose}, whose DMARC policy asks to reject it`);
}
