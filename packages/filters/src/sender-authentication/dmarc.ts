// DMARC (RFC 9989, before it RFC 7489): does SPF or DKIM speak for the domain that the reader sees in From, and what does that
// domain ask for where neither does? A message with several author domains is judged by the one that asks for most: else a
// second From would be a way round. pct, which RFC 9989 has dropped, is still honoured: who is not in it gets the next
// weaker policy (RFC 7489 section 6.6.4).

import { randomInt } from "node:crypto";
import type { DMARCResult, Verifiers } from "./mailauth.ts";
import type { BoundedDns } from "./resolver.ts";

/** What speaks for a domain. */
export interface Speaker {
  readonly domain: string;
  readonly by: "spf" | "dkim";
}

export interface Author {
  /** Addresses in From, and how many From fields there are. */
  readonly headerFrom: readonly string[];
  readonly fromFields: number;
}

export type DmarcPolicy = "none" | "quarantine" | "reject";

export interface DmarcCheck {
  readonly result: "none" | "pass" | "fail" | "temperror" | "permerror";
  /** What the domain asks for where the result is fail, or might be. */
  readonly policy: DmarcPolicy;
  /** The author's domain; "" has none. */
  readonly domain: string;
  readonly comment: string | undefined;
}

export interface DmarcQuestion {
  readonly author: Author;
  readonly passed: readonly Speaker[];
  /** Would speak, but the DNS could not tell. */
  readonly unknown: readonly Speaker[];
}

const MOST_AUTHORS = 5;
const WEAKER: { readonly [P in DmarcPolicy]: DmarcPolicy } = { none: "none", quarantine: "none", reject: "quarantine" };
const STRENGTH = ["none", "quarantine", "reject"] as const;

type Ask = (author: Author, speakers: readonly Speaker[]) => ReturnType<Verifiers["evaluateDmarc"]>;

const asker =
  ({ evaluateDmarc }: Pick<Verifiers, "evaluateDmarc">, dns: BoundedDns): Ask =>
  ({ headerFrom, fromFields }, speakers) =>
    evaluateDmarc({
      headerFrom: [...headerFrom],
      fromFields,
      spfDomains: speakers.filter(({ by }) => by === "spf").map(({ domain }) => domain),
      dkimDomains: speakers.filter(({ by }) => by === "dkim").map(({ domain }) => ({ domain })),
      resolver: dns.askExistence,
      strict: true,
    });

/** undefined: it could not be looked up, and may be anything. */
const policyOf = (asked: string | undefined): DmarcPolicy =>
  asked === undefined ? "reject" : (STRENGTH.find((policy) => policy === asked) ?? "none");

/** The policy for this message: pct=30 asks for it in 30 of 100. */
function sampled(policy: DmarcPolicy, record: string | undefined): DmarcPolicy {
  const pct = /(?:^|;)\s*pct\s*=\s*(\d{1,3})\s*(?:;|$)/i.exec(record ?? "")?.[1];
  return pct !== undefined && randomInt(100) >= Number(pct) ? WEAKER[policy] : policy;
}

async function checkOf(response: DMARCResult, author: Author, { passed, unknown }: DmarcQuestion, ask: Ask): Promise<DmarcCheck> {
  const { status, policy, rr } = response;
  const domain = status.header?.["from"] ?? "";
  const base = { domain, policy: policyOf(policy), comment: undefined };
  if (status.result === "pass" || status.result === "none") return { ...base, result: status.result };
  if (status.result !== "fail") return { ...base, result: "temperror" };
  if (unknown.length > 0) {
    // Whatever the DNS could not tell may have been a yes, if it speaks for this domain at all.
    const { response: best } = await ask(author, [...passed, ...unknown]);
    if (best !== false && best.status.result !== "fail") return { ...base, result: "temperror" };
  }
  return { ...base, result: "fail", policy: sampled(base.policy, rr) };
}

const severity = ({ result, policy }: DmarcCheck): number =>
  result === "fail" ? 2 + STRENGTH.indexOf(policy) * 2 : result === "temperror" ? 3 : result === "pass" ? 1 : 0;

export async function checkDmarc(
  verifiers: Pick<Verifiers, "evaluateDmarc">,
  dns: BoundedDns,
  question: DmarcQuestion,
): Promise<DmarcCheck> {
  const ask = asker(verifiers, dns);
  const { author } = question;
  const { response, reason, authorDomains = [] } = await ask(author, question.passed);
  if (response !== false) return checkOf(response, author, question, ask);
  const why = oneReason(reason);
  if (authorDomains.length === 0) return { result: "permerror", policy: "quarantine", domain: "", comment: why };
  if (authorDomains.length > MOST_AUTHORS) return { result: "fail", policy: "reject", domain: "", comment: why };
  const checks: DmarcCheck[] = [];
  for (const domain of authorDomains) {
    const one = { headerFrom: [`author@${domain}`], fromFields: 1 };
    const { response: said } = await ask(one, question.passed);
    if (said !== false) checks.push({ ...(await checkOf(said, one, question, ask)), comment: why });
  }
  const worst = checks.toSorted((a, b) => severity(b) - severity(a))[0];
  return worst ?? { result: "permerror", policy: "quarantine", domain: "", comment: why };
}

const oneReason = (reason: string | undefined): string => (reason ?? "no-author-domain").replaceAll("-", " ");
