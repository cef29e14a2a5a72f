// Is a file one of those that are blocked, and why? Pure.

import { cleanFileName, type MimePart } from "@postern/message";
import { DOCUMENTS } from "./defaults.ts";
import { MAGIC, magicOf, type MagicName } from "./magic.ts";
import type { AttachmentSettings } from "./settings.ts";

export interface Blocked {
  /** Cleaned, but still the stranger's; "" has none. */
  readonly name: string;
  /** For the client: "its name ends in .exe". */
  readonly why: string;
}

export class AttachmentRules {
  readonly #extensions: ReadonlySet<string>;
  readonly #behindDocuments: ReadonlySet<string>;
  readonly #types: ReadonlySet<string>;
  readonly #magic: readonly MagicName[];
  readonly #disguised: boolean;

  constructor(settings: AttachmentSettings) {
    this.#extensions = new Set(settings.extensions);
    this.#behindDocuments = new Set(settings.behindDocuments);
    this.#types = new Set(settings.types);
    this.#magic = settings.magic;
    this.#disguised = settings.disguised;
  }

  part({ names, types, head, disguised }: MimePart): Blocked | undefined {
    const name = names[0] ?? "";
    if (this.#disguised && disguised) return { name, why: "its name is disguised" };
    for (const reading of names) {
      const why = this.#byName(reading);
      if (why !== undefined) return { name: reading, why };
    }
    const type = types.find((one) => this.#types.has(one));
    if (type !== undefined) return { name, why: `it is of the type ${type}` };
    const magic = magicOf(head, this.#magic);
    return magic === undefined ? undefined : { name, why: `it is ${MAGIC[magic].words}` };
  }

  /** The name of a file in an archive. */
  inside(raw: string, archive: string): Blocked | undefined {
    const name = cleanFileName(raw);
    const why = this.#byName(name);
    return why === undefined ? undefined : { name, why: archive === "" ? `${why}, in an archive` : `${why}, in ${archive}` };
  }

  #byName(name: string): string | undefined {
    const parts = name.toLowerCase().split(".");
    const last = (parts.at(-1) ?? "").trim();
    if (parts.length < 2) return undefined;
    // Windows opens "x.{CLSID}" with the program of that number.
    if (/^\{[\da-f-]{30,40}\}$/.test(last)) return "its name ends in a class identifier";
    if (this.#extensions.has(last)) return `its name ends in .${last}`;
    const before = (parts.at(-2) ?? "").trim();
    return this.#behindDocuments.has(last) && DOCUMENTS.has(before) ? `its name ends in .${before}.${last}` : undefined;
  }
}
