// attachments: files that nobody should open. Looks at each part of a message while it streams by; it holds nothing back unless
// it is to tag. Never changes the body, never throws.

import { found, stop, type ContentScan, type FilterAnswer, type MailTransaction } from "@postern/contracts";
import { createMimeScan, type MimePart, type PartSink } from "@postern/message";
import { printable } from "../judge.ts";
import type { FilterRow } from "../row.ts";
import { isStranger, removeStrangers } from "../stranger.ts";
import { AttachmentRules, type Blocked } from "./rules.ts";
import { attachmentSettings, type AttachmentSettings } from "./settings.ts";
import { mayBeZip, ZipNames } from "./zip-names.ts";

const FIELD = "X-Attachment-Blocked";
const TOO_MANY_NAMES = "an archive has too many files";

const shown = ({ name, why }: Blocked): string => `${name === "" ? "an attachment" : printable(name, 80)}: ${printable(why)}`;

class AttachmentScan implements ContentScan {
  readonly holds: boolean;
  readonly #mail: MailTransaction;
  readonly #settings: AttachmentSettings;
  readonly #rules: AttachmentRules;
  readonly #archives: ZipNames[] = [];
  readonly #scan = createMimeScan((part) => this.#look(part));
  #blocked: Blocked | undefined;

  constructor(mail: MailTransaction, settings: AttachmentSettings, rules: AttachmentRules) {
    this.#mail = mail;
    this.#settings = settings;
    this.#rules = rules;
    this.holds = settings.action === "tag";
  }

  write(chunk: Buffer): void {
    // One is enough.
    if (this.#blocked === undefined) this.#scan.write(chunk);
  }

  async end(): Promise<FilterAnswer> {
    this.#scan.end();
    for (const archive of this.#archives) archive.end();
    if (this.#blocked !== undefined) return this.#answer(this.#blocked);
    const tooComplex = this.#scan.tooComplex ?? (this.#archives.some(({ tooMany }) => tooMany) ? TOO_MANY_NAMES : undefined);
    return tooComplex === undefined ? undefined : this.#giveUp(tooComplex);
  }

  abort(): void {
    this.#archives.length = 0;
  }

  #look(part: MimePart): PartSink | undefined {
    this.#blocked ??= this.#rules.part(part);
    if (this.#blocked !== undefined || !this.#settings.archives || !mayBeZip(part)) return undefined;
    const archive = new ZipNames((name) => {
      this.#blocked ??= this.#rules.inside(name, part.names[0] ?? "");
    });
    this.#archives.push(archive);
    return (bytes) => archive.write(bytes);
  }

  #answer(blocked: Blocked): FilterAnswer {
    const { action, score } = this.#settings;
    const text = shown(blocked);
    this.#mail.findings.push(found("ATTACHMENT_BLOCKED", score, text));
    if (action === "tag") this.#mail.edits.push({ do: "prepend", name: FIELD, value: text });
    return action === "refuse" ? stop(550, "5.7.1", `Attachments of this kind are not taken: ${text}`) : undefined;
  }

  #giveUp(why: string): FilterAnswer {
    const { tooComplex, score } = this.#settings;
    if (tooComplex === "accept") return undefined;
    this.#mail.findings.push(found("ATTACHMENTS_TOO_COMPLEX", score, why));
    return tooComplex === "refuse" ? stop(554, "5.6.0", `The message is too complex: ${why}`) : undefined;
  }
}

export const attachments: FilterRow<typeof attachmentSettings> = {
  settings: attachmentSettings,
  build(settings) {
    if (!settings.on) return undefined;
    const rules = new AttachmentRules(settings);
    const tags = settings.action === "tag";
    return {
      name: "attachments",
      ...(tags && { header: removeStrangers(FIELD) }),
      holds: ({ visit }) => tags && isStranger(visit),
      scan: (mail) => (isStranger(mail.visit) ? new AttachmentScan(mail, settings, rules) : undefined),
    };
  },
};
