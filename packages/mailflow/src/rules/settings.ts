// Settings of `rules`: what must hold, and what is then done. Patterns are plain text with * for any run of characters, and
// no regular expressions: they are matched against text of strangers, and must take time linear in it.

import { MESSAGE_KINDS, networks, setting, type Parsed, type ValueOf } from "@postern/contracts";
import { domainText, mailAddress } from "../mail-settings.ts";

const { boolean, choice, custom, dict, duration, group, integer, list, size, text } = setting;

const maybe = (doc: string) => ({ ...boolean(doc, {}), optional: true as const });
const several = <S extends ReturnType<typeof text>>(doc: string, of: S) => list(doc, of, { single: true });

const FIELD_NAME = /^[!-9;-~]{1,76}$/;
/** What a reply may hold: printable ASCII, short enough for one line of SMTP. */
const REPLY = { pattern: /^[ -~]{1,400}$/, like: "1 to 400 characters of printable ASCII" };

const pattern = text("Text in which * stands for any characters; capitals and small letters are the same.");

const addressPattern = custom<string>(
  "address pattern",
  "alice@example.com, *@example.com, or * for all.",
  (raw): Parsed<string> => {
    const value = String(raw);
    return /^(|\*|[^\s@]+@[^\s@]+)$/.test(value)
      ? { value }
      : { problem: `must be an address such as alice@example.com, *@example.com, *, or "" for the null sender, not "${value}"` };
  },
);

const domains = (doc: string) => list(doc, domainText("A domain, or *.domain for all below it."), { single: true });
const addresses = (doc: string) => list(doc, addressPattern, { single: true });

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const DAY_MINUTES = 24 * 60;

/** "08:30" as minutes since midnight; "24:00" is the end of the day. */
function parseTime(raw: unknown): Parsed<number> {
  const [, hours, minutes] = /^(\d\d):(\d\d)$/.exec(String(raw)) ?? [];
  const value = hours === undefined ? Number.NaN : Number(hours) * 60 + Number(minutes);
  return value <= DAY_MINUTES && Number(minutes) < 60
    ? { value }
    : { problem: `must be a time such as "08:30", in quotes, up to "24:00", not "${String(raw)}"` };
}

function parseZone(raw: unknown): Parsed<string> {
  try {
    return { value: new Intl.DateTimeFormat("en", { timeZone: String(raw) }).resolvedOptions().timeZone };
  } catch {
    return { problem: `must be a time zone such as Europe/Zurich or UTC, not "${String(raw)}"` };
  }
}

const score = custom<number, true>(
  "number",
  "What filters and scanners counted is at least this.",
  (raw) => {
    const value = typeof raw === "number" || /^-?\d+(\.\d+)?$/.test(String(raw)) ? Number(raw) : Number.NaN;
    return Number.isFinite(value) ? { value } : { problem: `must be a number such as 7.5, not "${String(raw)}"` };
  },
  { optional: true, schema: { type: "number" } },
);

const conditionFields = {
  sender: addresses('The envelope\'s sender; "" is the null sender of bounces.'),
  recipient: addresses("A recipient, as the client gave it or after rewriting."),
  senderDomain: domains("The domain of the envelope's sender."),
  recipientDomain: domains("The domain of a recipient, as the client gave it or after rewriting."),
  client: networks("The address of the client."),
  authenticated: maybe("The client has logged in. On a listener for mail that comes in nobody does."),
  trusted: maybe("The client is one of mail.trusted."),
  hello: several("The name that the client gives itself.", pattern),
  header: dict(
    "A header field by its name; * means that it is there. All that are named must hold. A value fits as it is written, or with words such as =?utf-8?Q?=C3=BC?= (RFC 2047) decoded.",
    "FIELD",
    several("Its value.", pattern),
  ),
  size: group(
    "The size of the whole message.",
    {
      over: size("More than this.", { optional: true }),
      under: size("Less than this.", { optional: true }),
    },
    { optional: true },
  ),
  kind: list("What kind of message its header says it is.", choice("A kind.", MESSAGE_KINDS), { single: true }),
  score,
  finding: several("What a filter or a scanner found, by its symbol.", pattern),
  time: group(
    "When it comes, by the gateway's clock.",
    {
      days: list("On these days; a span over midnight belongs to the day on which it begins.", choice("A day.", DAYS), {
        single: true,
      }),
      from: custom<number>("time", "From then on.", parseTime, { default: 0 }),
      to: custom<number>("time", "Before then.", parseTime, { default: DAY_MINUTES }),
      zone: custom<string>("time zone", "Whose clock.", parseZone, { default: "UTC" }),
    },
    { optional: true },
  ),
};

const conditions = group("All that is named must hold; of a list, one item. In patterns * stands for any characters.", {
  ...conditionFields,
  not: group("None of these may hold.", conditionFields),
});

export const RATE_PER = ["sender", "client", "recipientDomain", "rule"] as const;

const actions = group(
  "One action; several are a list.",
  {
    do: choice(
      "accept: rules further down and filters are not asked; scanners that see the whole message are. report: a line in the log.",
      ["accept", "report"],
      { optional: true },
    ),
    refuse: group(
      "Refuse for good.",
      {
        text: text("What the sender is told.", REPLY),
        code: integer("The code; 550, or 554 before the greeting, when not given.", { min: 500, max: 599, optional: true }),
        status: text("The enhanced status code.", {
          default: "5.7.1",
          pattern: /^5\.\d{1,3}\.\d{1,3}$/,
          like: "a code such as 5.7.1",
        }),
      },
      { optional: true, short: "text" },
    ),
    defer: group(
      "Tell it to come later: 451 4.7.1.",
      { text: text("What the sender is told.", REPLY) },
      { optional: true, short: "text" },
    ),
    tag: group(
      "Put a field at the top of the header.",
      {
        header: text("Its name.", { pattern: FIELD_NAME, like: "the name of a header field" }),
        value: text("Its value.", { pattern: /^[^\p{Cc}]{1,900}$/u, like: "up to 900 characters on one line" }),
      },
      { optional: true },
    ),
    removeHeader: several(
      "Take all fields of these names out of the header.",
      text("A name.", { pattern: FIELD_NAME, like: "the name of a header field" }),
    ),
    addRecipient: list("Send it to these too; addresses in mail.domains.", mailAddress("An address."), { single: true }),
    redirect: text("The backend that takes the whole message instead of the recipients' own.", { optional: true }),
    routeAs: custom<string, true>(
      "address template",
      "Voice mail and faxes: find the recipient's backend by another address. {user} and {domain} are the recipient's, as in {user}@voice.{domain}; mail.domains need not have it. The backend is told the recipient's own address.",
      parseTemplate,
      { optional: true },
    ),
    rate: group(
      "Over the limit the sender is told to come later: 450 4.7.1.",
      {
        per: choice("What has a count of its own; rule: all that fits the rule has one.", RATE_PER, {}),
        limit: integer("So many are let through.", { min: 1, max: 1_000_000_000 }),
        window: duration("In this time, which begins with the first.", { min: 1000, max: 86_400_000 }),
        text: text("What the sender is told.", { default: "Too many messages, try again later", ...REPLY }),
      },
      { optional: true },
    ),
    maxSize: size("A larger message is refused: 552 5.3.4.", { optional: true }),
  },
  { short: "do" },
);

function parseTemplate(raw: unknown): Parsed<string> {
  const value = String(raw);
  const plain = value.replaceAll("{user}", "u").replaceAll("{domain}", "d.d");
  return /^[^\s@{}"]+@[^\s@{}"]+$/.test(plain)
    ? { value }
    : { problem: `must be an address in which {user} and {domain} may stand, such as {user}@voice.{domain}, not "${value}"` };
}

export const ruleSettings = list(
  "What is done with mail that comes in, in this order. A rule is asked as soon as all that it looks at is known: client, trusted and time with the connection; hello; sender; recipient; header and kind with the header; size, score and finding with the whole message. It is asked once for a message, or for each recipient when it looks at recipients; what it does to a message is done if it fits one of them. postern rule test tells what rules would do.",
  group("One rule. Without conditions it fits everything.", {
    name: text("What log and postern rule test call it.", {
      pattern: /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$/,
      like: "1 to 63 letters, digits, spaces, dots, hyphens or underscores",
    }),
    when: conditions,
    // oxlint-disable-next-line unicorn/no-thenable -- a table of settings is not awaited
    then: list("What is done, in this order.", actions, { single: true }),
  }),
);

export type RuleSettings = ValueOf<typeof ruleSettings>[number];
export type RuleConditions = Omit<RuleSettings["when"], "not">;
export type RuleActions = RuleSettings["then"][number];
