// The DNS as mailauth asks it: a function that gives records, or throws an error with a code. Behind it is the resolver of
// the filters. Bounded for each check of a message, in questions and
// in time: a stranger's records decide how much is asked.

import type { Clock } from "@postern/contracts";
import type { DnsAnswer, DnsAnswers, DnsResolver, DnsType } from "../dns.ts";

/** What mailauth takes for its `resolver`. MX records are objects, which its types do not say. */
export type MailauthResolver = (name: string, type: string) => Promise<string[][] | string[]>;

export interface QuestionBudget {
  readonly questions: number;
  readonly timeMs: number;
}

/** One check's way to the DNS. */
export interface BoundedDns {
  readonly ask: MailauthResolver;
  /** As `ask`, but a name without A records is told apart from a name that does not exist, for DMARC's np. */
  readonly askExistence: MailauthResolver;
  /** A question was not answered. */
  readonly wasDown: boolean;
  /** The bounds were reached, which whoever wrote the message can bring about. */
  readonly spent: boolean;
}

export class DnsError extends Error {
  readonly code: "ENOTFOUND" | "ENODATA" | "ETIMEOUT" | "ESERVFAIL" | "EBADNAME";

  constructor(code: DnsError["code"], text: string) {
    super(text);
    this.name = "DnsError";
    this.code = code;
  }
}

const ASKED = ["A", "AAAA", "TXT", "PTR", "MX"] as const satisfies readonly DnsType[];

// Any byte but space and control characters may be in a label (RFC 2181 section 11); a name comes from a message or from a
// stranger's record, and what the DNS cannot hold is not asked.
function isName(name: string): boolean {
  return name.length <= 253 && /^[\x21-\x7e]+$/.test(name) && name.split(".").every(({ length }) => length > 0 && length <= 63);
}

// mailauth reads TXT as parts of a record, and takes MX records as objects.
const shaped = (type: DnsType, { records }: { readonly records: DnsAnswers[DnsType] }): string[][] | string[] =>
  type === "TXT" ? (records as readonly string[]).map((record) => [record]) : ([...records] as string[]);

export function boundedDns(dns: DnsResolver, clock: Clock, { questions, timeMs }: QuestionBudget): BoundedDns {
  let left = questions;
  let until: number | undefined;
  let wasDown = false;
  let spent = false;

  const over = (text: string): never => {
    spent = true;
    wasDown = true;
    throw new DnsError("ETIMEOUT", text);
  };

  const down = (reason: string): never => {
    wasDown = true;
    throw new DnsError("ESERVFAIL", `DNS: ${reason.slice(0, 200)}`);
  };

  const answer = async (name: string, type: DnsType): Promise<Exclude<DnsAnswer<DnsType>, { state: "down" }>> => {
    until ??= clock.now() + timeMs;
    if (left === 0) return over("too many questions for one check");
    if (clock.now() > until) return over("the questions for one check take too long");
    left -= 1;
    const said = await dns.ask(name, type);
    return said.state === "down" ? down(said.reason) : said;
  };

  const ask: MailauthResolver = async (raw, rawType) => {
    const name = raw.replace(/\.$/, "");
    if (!isName(name)) throw new DnsError("EBADNAME", "not a name");
    const type = ASKED.find((known) => known === rawType);
    if (type === undefined) throw new DnsError("ENODATA", `${rawType} is not asked`);
    const said = await answer(name, type);
    return said.state === "found" ? shaped(type, said) : missing("ENOTFOUND");
  };

  return {
    ask,
    // "None" is said of names that do not exist and of names without such a record. RFC 9091 section 2.7 calls a domain
    // non-existent that has neither A, AAAA nor MX records.
    async askExistence(name, type) {
      if (type !== "A") return ask(name, type);
      for (const kind of ["A", "AAAA", "MX"] as const) {
        const said = await answer(name, kind);
        if (said.state === "found") return kind === "A" ? shaped(kind, said) : missing("ENODATA");
      }
      return missing("ENOTFOUND");
    },
    get wasDown() {
      return wasDown;
    },
    get spent() {
      return spent;
    },
  };
}

function missing(code: "ENODATA" | "ENOTFOUND"): never {
  throw new DnsError(code, "no such record");
}
