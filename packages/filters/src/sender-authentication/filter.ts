// The filter itself: which step is taken at which stage, and what is kept of a transaction between them.

import {
  networkMatcher,
  type ContentScan,
  type FilterAnswer,
  type MailFilter,
  type MailHeader,
  type MailTransaction,
} from "@postern/contracts";
import { authenticationResults, removeForgedResults } from "@postern/message";
import type { FilterServices } from "../row.ts";
import { isStranger } from "../stranger.ts";
import { checkableHeader, type CheckableHeader } from "./header.ts";
import { judgeMessage } from "./judge.ts";
import { loadVerifiers, type Verifiers } from "./mailauth.ts";
import type { Outcome } from "./outcome.ts";
import { boundedDns, type BoundedDns } from "./resolver.ts";
import type { SenderAuthenticationSettings } from "./settings.ts";
import { SignatureScan, type Signatures } from "./signature-scan.ts";
import { checkSpf, type SpfCheck } from "./spf.ts";

/** What is known of one message of a stranger. */
interface Case {
  readonly spf: SpfCheck | undefined;
  /** Its keys are asked for here. */
  readonly keys: BoundedDns;
  checkable: CheckableHeader | undefined;
  /** Why they are not looked at, or what the scan has told at the end of the message. */
  signatures: Signatures | undefined;
  /** The results are written. */
  told: boolean;
}

const NOTHING: Outcome = { results: [], findings: [], verdict: undefined };
/** What can be said without the body. */
function atOnce({ notChecked, isSigned }: CheckableHeader): Signatures | undefined {
  if (notChecked !== undefined) return { notChecked: { why: "shape", text: notChecked } };
  return isSigned ? undefined : { unsigned: true };
}

export class SenderAuthentication implements MailFilter {
  readonly name = "senderAuthentication";
  readonly #settings: SenderAuthenticationSettings;
  readonly #services: FilterServices;
  readonly #verifiers: Promise<Verifiers>;
  readonly #isExempt: (host: string) => boolean;
  readonly #cases = new WeakMap<MailTransaction, Case>();
  readonly #asksSpf: boolean;
  readonly #looksInside: boolean;

  constructor(settings: SenderAuthenticationSettings, services: FilterServices) {
    this.#settings = settings;
    this.#services = services;
    this.#isExempt = networkMatcher(settings.exempt);
    this.#asksSpf = settings.spf !== "off" || settings.dmarc !== "off";
    this.#looksInside = settings.dkim !== "off" || settings.dmarc !== "off" || settings.arc !== "off";
    this.#verifiers = loadVerifiers();
    // Whoever asks for them is told too; this keeps the process alive until then.
    this.#verifiers.catch((error: unknown) => services.logger.error("mailauth cannot be loaded", { error }));
  }

  async sender(transaction: MailTransaction): Promise<FilterAnswer> {
    const { visit } = transaction;
    if (!isStranger(visit) || this.#isExempt(visit.session.client.host)) return undefined;
    const spf = this.#asksSpf ? await this.#checkSpf(transaction) : undefined;
    this.#cases.set(transaction, { spf, keys: this.#dns(), checkable: undefined, signatures: undefined, told: false });
    return spf === undefined ? undefined : this.#tell(transaction, spf.outcome);
  }

  async header(transaction: MailTransaction, header: MailHeader): Promise<FilterAnswer> {
    if (!isStranger(transaction.visit)) return undefined;
    transaction.edits.push(...removeForgedResults(transaction.came ?? header, this.#authservId));
    const known = this.#cases.get(transaction);
    return known === undefined || this.#waits(transaction, known) ? undefined : this.#conclude(transaction, known);
  }

  holds(transaction: MailTransaction): boolean {
    const known = this.#cases.get(transaction);
    return known !== undefined && this.#waits(transaction, known);
  }

  scan(transaction: MailTransaction): ContentScan | undefined {
    const known = this.#cases.get(transaction);
    if (known === undefined || !this.#waits(transaction, known)) return undefined;
    const { maxMessage, maxSignatures, minKeyBits } = this.#settings;
    return new SignatureScan({
      maxMessage,
      maxSignatures,
      verify: async (message) => {
        const { dkimVerify } = await this.#verifiers;
        const curTime = new Date(this.#services.clock.now());
        return dkimVerify(message, { resolver: known.keys.ask, minBitLength: minKeyBits, curTime, strict: true });
      },
      done: (signatures, header) => {
        known.signatures = signatures;
        known.checkable = header ?? known.checkable;
      },
    });
  }

  async content(transaction: MailTransaction): Promise<FilterAnswer> {
    const known = this.#cases.get(transaction);
    return known === undefined || known.told ? undefined : this.#conclude(transaction, known);
  }

  finished(transaction: MailTransaction): void {
    this.#cases.delete(transaction);
  }

  get #authservId(): string {
    return this.#settings.authservId ?? this.#services.hostname;
  }

  /** Has to see the content; asked when there is a header. */
  #waits({ came }: MailTransaction, known: Case): boolean {
    if (!this.#looksInside || came === undefined || known.told) return false;
    known.checkable ??= checkableHeader(came.bytes, this.#settings.maxSignatures);
    known.signatures ??= atOnce(known.checkable);
    return known.signatures === undefined;
  }

  async #checkSpf(transaction: MailTransaction): Promise<SpfCheck | undefined> {
    return checkSpf(await this.#verifiers, transaction, this.#dns(), this.#settings, this.#services.hostname);
  }

  async #conclude(transaction: MailTransaction, known: Case): Promise<FilterAnswer> {
    known.told = true;
    const { spf, checkable, signatures } = known;
    const outcome =
      this.#looksInside && checkable !== undefined && signatures !== undefined
        ? await this.#judge(transaction, known, checkable, signatures)
        : NOTHING;
    const verdict = this.#tell(transaction, outcome);
    if (this.#settings.receivedSpf && spf !== undefined)
      transaction.edits.push({ do: "prepend", name: "Received-SPF", value: spf.received });
    if (transaction.authentication.length > 0)
      transaction.edits.push({ do: "prepend", ...authenticationResults(this.#authservId, transaction.authentication) });
    return verdict;
  }

  async #judge(
    { id }: MailTransaction,
    { spf, keys }: Case,
    { leftOut, from }: CheckableHeader,
    signatures: Signatures,
  ): Promise<Outcome> {
    if ("notChecked" in signatures && signatures.notChecked.why === "error")
      this.#services.logger.error("signatures cannot be checked", { transaction: id, error: signatures.notChecked.error });
    const facts = { spf, signatures, leftOut, from };
    return judgeMessage(await this.#verifiers, facts, { keys, policy: this.#dns() }, this.#settings);
  }

  #tell({ authentication, findings }: MailTransaction, outcome: Outcome): FilterAnswer {
    authentication.push(...outcome.results);
    findings.push(...outcome.findings);
    return outcome.verdict;
  }

  #dns(): BoundedDns {
    const { maxQuestions, dnsTime } = this.#settings;
    return boundedDns(this.#services.dns, this.#services.clock, { questions: maxQuestions, timeMs: dnsTime });
  }
}
