// What the DKIM signatures of a message come to (RFC 6376). A signature that leaves a part of the body unsigned (l=) does
// not count: anybody may write there. Replies by RFC 7372 and RFC 6376 section 6.3.

import type { DKIMResult } from "./mailauth.ts";
import type { OutcomeBuilder } from "./outcome.ts";
import type { SenderAuthenticationSettings } from "./settings.ts";
import type { NotChecked, Signatures } from "./signature-scan.ts";

export interface SignatureCheck {
  readonly result: string;
  readonly comment: string | undefined;
  readonly domain: string;
  readonly properties: Readonly<Record<string, string | undefined>>;
}

type Settings = Pick<SenderAuthenticationSettings, "dkim" | "dnsDown" | "scores">;

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

function checkOf({ status, signingDomain }: DKIMResult): SignatureCheck {
  const header: Record<string, unknown> = status.header ?? {};
  const unsigned = status.result === "pass" && (status.underSized ?? 0) > 0;
  return {
    result: unsigned ? "policy" : status.result,
    comment: unsigned ? "a part of the body is not signed" : status.comment,
    domain: signingDomain ?? "",
    properties: {
      "policy.dkim-rules": status.policy?.["dkim-rules"],
      "header.d": text(header["d"]),
      "header.i": text(header["i"]),
      "header.s": text(header["s"]),
      "header.a": text(header["a"]),
      "header.b": text(header["b"]),
    },
  };
}

/** One entry a signature; none for an unsigned message, or one that was not checked. */
export const signatureChecks = (signatures: Signatures): readonly SignatureCheck[] =>
  "checked" in signatures
    ? signatures.checked.results.filter(({ signingDomain }) => signingDomain !== undefined).map(checkOf)
    : [];

export const WHY_NOT: { readonly [W in NotChecked["why"]]: string } = {
  size: "not checked: the message is too large",
  shape: "not checked: the message is too complex",
  error: "not checked",
};

/** RFC 8601 section 2.7.1: "policy" is a signature that is not acceptable here, "temperror" one that may be checked later. */
export const notCheckedResult = ({ why }: NotChecked): string => (why === "error" ? "temperror" : "policy");

export function judgeDkim(
  out: OutcomeBuilder,
  signatures: Signatures,
  checks: readonly SignatureCheck[],
  leftOut: number,
  { dkim, dnsDown, scores }: Settings,
): void {
  if ("notChecked" in signatures) {
    const { notChecked } = signatures;
    out.result(dkim, { method: "dkim", result: notCheckedResult(notChecked), comment: WHY_NOT[notChecked.why], properties: {} });
    out.find(dkim, "DKIM_NOT_CHECKED", 0, WHY_NOT[notChecked.why]);
    if (notChecked.why === "error") out.deferIf(dkim, dnsDown, "4.7.5", "The signatures cannot be checked now");
    return;
  }
  for (const { result, comment, properties } of checks) out.result(dkim, { method: "dkim", result, comment, properties });
  if (leftOut > 0)
    out.result(dkim, { method: "dkim", result: "policy", comment: `${leftOut} more not looked at`, properties: {} });
  if (checks.length === 0 && leftOut === 0) out.result(dkim, { method: "dkim", result: "none", properties: {} });
  judgeChecks(out, checks, leftOut, { dkim, dnsDown, scores });
}

function judgeChecks(out: OutcomeBuilder, checks: readonly SignatureCheck[], leftOut: number, settings: Settings): void {
  const { dkim, dnsDown, scores } = settings;
  if (checks.length === 0 && leftOut === 0) return;
  const passed = checks.find(({ result }) => result === "pass");
  if (passed !== undefined)
    return out.find(dkim, "DKIM_PASS", scores.dkimPass, `signed by ${passed.properties["header.d"] ?? ""}`);
  if (checks.some(({ result }) => result === "temperror")) {
    out.find(dkim, "DKIM_DNS_DOWN", 0, "the DNS cannot tell the key of a signature");
    return out.deferIf(dkim, dnsDown, "4.7.5", "The signatures cannot be checked now: no key server answers");
  }
  out.find(dkim, "DKIM_FAIL", scores.dkimFail, "no signature holds");
  if (dkim !== "refuse") return;
  const unacceptable = checks.some(({ result }) => result === "policy") || checks.length === 0;
  if (unacceptable) out.refuse("5.7.21", "No acceptable DKIM signature");
  else out.refuse("5.7.20", "No DKIM signature holds");
}
