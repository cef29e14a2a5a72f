// Settings of `mail`: whose mail is taken, and where an address really leads.

import { networks, setting, type Parsed, type ValueOf } from "@postern/contracts";
import { DEFAULT_STRIPPED } from "@postern/message";
import { asciiDomain, parseMailbox } from "./mailbox.ts";

const { custom, dict, group, list, text } = setting;

/** Is it a domain, or *.domain? */
export const isDomainOrParent = (raw: string): boolean => asciiDomain(raw.startsWith("*.") ? raw.slice(2) : raw) !== undefined;

/** A domain, or all below one. */
export const domainText = (doc: string) =>
  custom<string>("domain", doc, (raw): Parsed<string> => {
    const value = String(raw).toLowerCase();
    if (value === "*")
      return { problem: "would be every domain there is; name them, or *.example.com for all below example.com" };
    return isDomainOrParent(value)
      ? { value }
      : { problem: `must be a domain such as example.com, or *.example.com for all below it, not "${String(raw)}"` };
  });

const readAddress = (raw: unknown): Parsed<string> =>
  typeof raw === "string" && parseMailbox(raw) !== undefined
    ? { value: raw }
    : { problem: `must be an address such as alice@example.com, not "${String(raw)}"` };

export const mailAddress = (doc: string) => custom<string>("address", doc, readAddress);

/** "sales-*@example.com", "@example.com": one star at most, and nothing that needs quotes. */
function readPattern(raw: unknown): Parsed<string> {
  const pattern = String(raw);
  const stars = pattern.split("*").length - 1;
  const whole = (pattern.startsWith("@") ? `x${pattern}` : pattern).replace("*", "x");
  const wrong = `must be an address, @domain, or either with one *, such as sales-*@example.com, not "${pattern}"`;
  if (stars > 1 || (stars === 1 && pattern.startsWith("@")) || /["%!]/.test(pattern)) return { problem: wrong };
  return parseMailbox(whole) === undefined ? { problem: wrong } : { value: pattern };
}

const addressOrDomain = (doc: string) => custom<string>("address or @domain", doc, readPattern);

export const mailSettings = group("Mail that comes in: whose it is, and which relays are believed.", {
  domains: list(
    "The domains whose mail is taken; *.example.com is all below example.com. Mail for other domains is refused: the backends trust the gateway, and would send it on for anybody.",
    domainText("A domain, or *.domain."),
  ),
  trusted: networks("Relays of ours: their header fields are believed, and edge defences leave them alone."),
  rewrite: list(
    "Recipients that stand for other addresses. The first that fits makes the change, once; the outcome must be in one of the domains.",
    group("One rewriting.", {
      from: addressOrDomain("An address; @domain for all of a domain; or an address with one *."),
      to: addressOrDomain("What it becomes; * stands for what * in from stood for. @domain keeps the part before the @."),
    }),
  ),
  catchAll: dict(
    "Who gets the mail for users that no route source knows.",
    "DOMAIN",
    mailAddress("An address in one of the domains."),
  ),
  plusAddressing: text(
    "alice+news@example.com is looked up as alice@example.com; the backend is told the whole address. Empty: no character does this.",
    { default: "+", pattern: /^[!#$&'*+/=?^_`{|}~.-]?$/, like: "one character such as +, or nothing" },
  ),
  strippedHeaders: list(
    'Header fields that strangers may not send, besides the built-in ones (voice mail and fax marks, other systems\' marks of trust): X-Foo, X-Foo-* for all that begin so, or "X-Foo: value".',
    text("A pattern.", {
      pattern: /^[!-)+-9;-~]+\*?(: ?[ -~]+)?$/,
      like: "the name of a header field, its beginning with *, or name: value",
    }),
  ),
  postmaster: custom<string, true>(
    "address",
    "Whom <postmaster> without a domain means; postmaster at the first of the domains when not given.",
    readAddress,
    { optional: true },
  ),
});

export type MailSettings = ValueOf<typeof mailSettings>;

/** Patterns of all header fields that strangers may not send. One list for a configuration: it is read once. */
export const strippedHeaders = (mail: Pick<MailSettings, "strippedHeaders">): readonly string[] => [
  ...DEFAULT_STRIPPED,
  ...mail.strippedHeaders.map((pattern) => pattern.toLowerCase()),
];
