// ARC (RFC 8617): what the servers that forwarded a message say about it, and whom of them we believe.

import type { ARCChainEntry, ARCData, Verifiers } from "./mailauth.ts";
import type { OutcomeBuilder } from "./outcome.ts";
import type { BoundedDns } from "./resolver.ts";
import type { SenderAuthenticationSettings } from "./settings.ts";
import type { Signatures } from "./signature-scan.ts";
import { notCheckedResult, WHY_NOT } from "./dkim.ts";

/** One server that has sealed the message. */
export interface ArcHop {
  /** The d= of its seal. */
  readonly sealer: string;
  /** The domain in From for which DMARC passed when the message reached it. */
  readonly passedFor: string | undefined;
}

export interface ArcCheck {
  /** As RFC 8617 has it: none, pass, fail; "temperror" where the DNS could not tell. */
  readonly result: string;
  readonly comment: string | undefined;
  /** Oldest first. */
  readonly hops: readonly ArcHop[];
}

type Settings = Pick<SenderAuthenticationSettings, "arc" | "dnsDown" | "scores">;

const EMPTY: ArcCheck = { result: "none", comment: undefined, hops: [] };

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null;

function passedFor(entry: ARCChainEntry): string | undefined {
  const dmarc: unknown = entry["arc-authentication-results"]?.parsed?.["dmarc"];
  if (!isRecord(dmarc) || String(dmarc["value"]).toLowerCase() !== "pass" || !isRecord(dmarc["header"])) return undefined;
  const { from } = dmarc["header"];
  return typeof from === "string" ? from.toLowerCase() : undefined;
}

const hopOf = (entry: ARCChainEntry): ArcHop => ({
  sealer: String(entry["arc-seal"]?.parsed?.["d"]?.value ?? "").toLowerCase(),
  passedFor: passedFor(entry),
});

export async function checkArc(
  { arc }: Pick<Verifiers, "arc">,
  signatures: Signatures,
  dns: BoundedDns,
  minKeyBits: number,
): Promise<ArcCheck> {
  if (!("checked" in signatures)) return EMPTY;
  const { arc: data } = signatures.checked;
  if (data === undefined || (data.chain === false && data.error === undefined)) return EMPTY;
  const chain = data.chain === false ? [] : data.chain;
  // Read first: arc() takes the parsed results apart.
  const hops = chain.map(hopOf);
  const { status } = await arc(data as ARCData, { resolver: dns.ask, minBitLength: minKeyBits, strict: true });
  if (status.result !== "fail") return { result: status.result, comment: undefined, hops };
  // A key that the DNS cannot tell now is a broken chain to mailauth.
  return { result: dns.wasDown ? "temperror" : "fail", comment: status.comment, hops };
}

/**
 * The sealer who says that DMARC passed for `author`, when the chain is whole and everybody who sealed after it is trusted
 * too: an untrusted one in between could have made the rest up. undefined: nobody.
 */
export function vouches({ result, hops }: ArcCheck, author: string, trusted: readonly string[]): string | undefined {
  if (result !== "pass") return undefined;
  for (const hop of hops.toReversed()) {
    if (!trusted.includes(hop.sealer)) return undefined;
    if (hop.passedFor === author) return hop.sealer;
  }
  return undefined;
}

export function judgeArc(
  out: OutcomeBuilder,
  signatures: Signatures,
  { result, comment, hops }: ArcCheck,
  { arc, dnsDown, scores }: Settings,
): void {
  if ("notChecked" in signatures) {
    const { notChecked } = signatures;
    return out.result(arc, {
      method: "arc",
      result: notCheckedResult(notChecked),
      comment: WHY_NOT[notChecked.why],
      properties: {},
    });
  }
  if (result === "none") return;
  const newest = hops.at(-1);
  const shown = [newest && `i=${hops.length} ${newest.sealer}`, comment].filter((part) => part !== undefined).join(", ");
  out.result(arc, { method: "arc", result, comment: shown, properties: {} });
  if (result === "temperror") return out.deferIf(arc, dnsDown, "4.7.5", "The ARC seals cannot be checked now");
  if (result !== "fail") return;
  out.find(arc, "ARC_FAIL", scores.arcFail, "the ARC chain is broken");
  if (arc === "refuse") out.refuse("5.7.29", "The ARC chain of the message is broken");
}
