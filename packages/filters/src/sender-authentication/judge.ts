// Decides about one message when its end was seen, or at once when it is not looked at: DMARC, which needs SPF and the
// signatures, then DKIM and ARC. Throws only what a broken mailauth throws.

import { checkArc, judgeArc, vouches } from "./arc.ts";
import { judgeDkim, signatureChecks, type SignatureCheck } from "./dkim.ts";
import { checkDmarc, type Author, type DmarcCheck, type Speaker } from "./dmarc.ts";
import { allAuthors } from "./from.ts";
import { judgeDmarc } from "./judge-dmarc.ts";
import type { Verifiers } from "./mailauth.ts";
import { OutcomeBuilder, type Outcome } from "./outcome.ts";
import type { BoundedDns } from "./resolver.ts";
import type { SenderAuthenticationSettings } from "./settings.ts";
import type { Signatures } from "./signature-scan.ts";
import type { SpfCheck } from "./spf.ts";

export interface MessageFacts {
  readonly spf: SpfCheck | undefined;
  readonly signatures: Signatures;
  /** Signatures that were left out. */
  readonly leftOut: number;
  /** The From fields, each with its CRLF; undefined: they cannot be read. */
  readonly from: Buffer | undefined;
}

export interface MessageQuestions {
  readonly keys: BoundedDns;
  readonly policy: BoundedDns;
}

const UNREADABLE: DmarcCheck = { result: "fail", policy: "reject", domain: "", comment: "From cannot be read" };

async function authorOf({ dkimVerify }: Verifiers, { signatures, from }: MessageFacts): Promise<Author | undefined> {
  if (from === undefined) return undefined;
  // mailauth reads From in its own way; where it has not seen the message, it reads that alone.
  const read = "checked" in signatures ? signatures.checked : await dkimVerify(Buffer.concat([from, EMPTY_LINE]));
  return { headerFrom: allAuthors(read.headerFrom, from), fromFields: read.fromFields };
}

const EMPTY_LINE = Buffer.from("\r\n");

function speakers(spf: SpfCheck | undefined, checks: readonly SignatureCheck[], result: "pass" | "temperror"): Speaker[] {
  const bySpf: Speaker[] = spf?.result === result ? [{ domain: spf.domain, by: "spf" }] : [];
  const byDkim = checks.filter((check) => check.result === result).map(({ domain }): Speaker => ({ domain, by: "dkim" }));
  return [...bySpf, ...byDkim];
}

export async function judgeMessage(
  verifiers: Verifiers,
  facts: MessageFacts,
  { keys, policy }: MessageQuestions,
  settings: SenderAuthenticationSettings,
): Promise<Outcome> {
  const out = new OutcomeBuilder();
  const { spf, signatures, leftOut } = facts;
  const checks = signatureChecks(signatures);
  const arc = await checkArc(verifiers, signatures, keys, settings.minKeyBits);
  if (settings.dmarc !== "off") {
    const author = await authorOf(verifiers, facts);
    const question = { passed: speakers(spf, checks, "pass"), unknown: speakers(spf, checks, "temperror") };
    const check = author === undefined ? UNREADABLE : await checkDmarc(verifiers, policy, { author, ...question });
    const circumstances = {
      vouchedBy: vouches(arc, check.domain, settings.trustedSealers),
      unproved: "notChecked" in signatures && signatures.notChecked.why !== "shape",
      spent: keys.spent || policy.spent || (spf?.spent ?? false),
    };
    judgeDmarc(out, check, circumstances, settings);
  }
  judgeDkim(out, signatures, checks, leftOut, settings);
  judgeArc(out, signatures, arc, settings);
  return out.outcome;
}
