// The table of commands. EXPN and AUTH say where else to go; what is not listed is unknown, smtp-server's jokes (WIZ, SHELL, KILL)
// among it.

import type { MailReply } from "@postern/contracts";
import { bdat, data, rset } from "./content-commands.ts";
import type { Commands, Row } from "./dialogue.ts";
import { mail, rcpt } from "./envelope-commands.ts";
import { ehlo, greet, helo, startTls, xclient } from "./hello-commands.ts";
import { says } from "./words.ts";

const answers =
  (reply: MailReply): Row =>
  ({ wire }) =>
    wire.say(reply);

const refuses =
  (reply: MailReply): Row =>
  (dialogue) =>
    dialogue.no(reply);

const quit: Row = ({ wire }) => wire.hangUp({ ending: "logout", reason: undefined }, says(221, "2.0.0", "Bye"));

export const COMMANDS: Commands = {
  greet,
  idle: new Set(["EHLO", "HELO", "RSET", "NOOP", "HELP", "VRFY"]),
  rows: new Map<string, Row>([
    ["EHLO", ehlo],
    ["HELO", helo],
    ["MAIL", mail],
    ["RCPT", rcpt],
    ["DATA", data],
    ["BDAT", bdat],
    ["RSET", rset],
    ["STARTTLS", startTls],
    ["XCLIENT", xclient],
    ["NOOP", answers(says(250, "2.0.0", "OK"))],
    ["HELP", answers(says(214, "2.0.0", "EHLO, HELO, MAIL, RCPT, DATA, BDAT, RSET, STARTTLS, NOOP, VRFY, QUIT"))],
    ["VRFY", answers(says(252, "2.5.0", "Send the message and see"))],
    ["EXPN", refuses(says(502, "5.5.1", "Lists are not told"))],
    ["AUTH", refuses(says(503, "5.5.1", "Logins are for submission, ports 587 and 465; mail to us needs none"))],
    ["QUIT", quit],
  ]),
};
