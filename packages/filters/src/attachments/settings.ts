// Settings of filters.attachments.

import { setting, type ValueOf } from "@postern/contracts";
import { on, points } from "../judge.ts";
import { BEHIND_DOCUMENTS, EXTENSIONS, TYPES } from "./defaults.ts";
import { MAGIC_NAMES, type MagicName } from "./magic.ts";

const { boolean, choice, custom, group, list } = setting;

const extension = custom<string>("extension", "A file name extension such as exe", (raw) => {
  const text = String(raw).toLowerCase().replace(/^\./, "");
  return /^[a-z0-9_-]{1,30}$/.test(text)
    ? { value: text }
    : { problem: `must be an extension such as exe, not "${String(raw)}"` };
});

const mediaType = custom<string>("media type", "A media type such as application/hta", (raw) => {
  const text = String(raw).toLowerCase();
  return /^[a-z]+\/[\w.+-]{1,100}$/.test(text)
    ? { value: text }
    : { problem: `must be a media type such as application/hta, not "${String(raw)}"` };
});

// Written in the configuration as plain names.
const magic = choice("A kind of file.", MAGIC_NAMES);

export const attachmentSettings = group(
  "Attachments that nobody should open, by names, types and first bytes, in all parts of a message and in messages inside of it. Archives other than zip, and winmail.dat, are not looked into.",
  {
    on,
    action: choice(
      "What becomes of a message with such an attachment: refuse (550 5.7.1, with the file's name), tag (a header field X-Attachment-Blocked; the message is then held until its end), or score.",
      ["refuse", "tag", "score"],
      { default: "refuse" },
    ),
    score: points("What it counts.", 10),
    extensions: list("Blocked file name extensions. A list here takes the place of the default one.", extension, {
      default: EXTENSIONS,
    }),
    behindDocuments: list(
      "Extensions that are blocked when they stand behind one of a document, as in invoice.pdf.html.",
      extension,
      { default: BEHIND_DOCUMENTS },
    ),
    types: list("Blocked media types.", mediaType, { default: TYPES }),
    magic: list<typeof magic>("Kinds of files that are blocked by their first bytes, whatever their names.", magic, {
      default: ["windows-program", "shortcut", "linux-program", "disk-image"] satisfies readonly MagicName[],
    }),
    disguised: boolean("Block names that turn the direction of writing, or have a NUL in them: they look like other names.", {
      default: true,
    }),
    archives: boolean("Look for blocked names in zip archives, too.", { default: true }),
    tooComplex: choice(
      "A message that is nested too deeply or has too many parts to be looked at: refuse (554 5.6.0), score, or accept.",
      ["refuse", "score", "accept"],
      { default: "refuse" },
    ),
  },
);

export type AttachmentSettings = ValueOf<typeof attachmentSettings>;
