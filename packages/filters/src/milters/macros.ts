// What a milter is told beside the commands: macros, as sendmail and Postfix name them. A macro without a value is left out.

import { addressText, plainHost, splitUser, type MailRecipient, type MailTransaction, type MailVisit } from "@postern/contracts";
import { packet, text } from "./packets.ts";
import { COMMANDS, type Command } from "./protocol.ts";

/** What macros are made of, at one step. */
export interface MacroFacts {
  readonly hostname: string;
  readonly visit: MailVisit;
  readonly mail?: MailTransaction;
  readonly recipient?: MailRecipient;
}

/** The client's name, or its address in brackets. */
export const clientName = ({ hostName, session }: MailVisit): string =>
  hostName !== undefined && hostName !== "" ? hostName : `[${plainHost(session.client.host) || "unix"}]`;

const domainOf = (address: string | undefined): string => splitUser(address ?? "").domain ?? "";

const VALUES = new Map<string, (facts: MacroFacts) => string | undefined>(
  Object.entries({
    j: ({ hostname }) => hostname,
    v: () => "Postern",
    i: ({ mail }) => mail?.id,
    _: ({ visit }) => `${clientName(visit)} [${plainHost(visit.session.client.host)}]`,
    "{daemon_name}": ({ hostname }) => hostname,
    "{daemon_addr}": ({ visit }) => addressText(visit.session.local),
    "{client_addr}": ({ visit }) => plainHost(visit.session.client.host),
    "{client_name}": ({ visit }) => clientName(visit),
    "{client_port}": ({ visit }) => String(visit.session.client.port),
    "{client_ptr}": ({ visit }) => visit.hostName,
    "{tls_version}": ({ visit }) => visit.session.tls?.version,
    "{cipher}": ({ visit }) => visit.session.tls?.cipher,
    "{cert_subject}": ({ visit }) => visit.session.tls?.clientCertificate?.subject,
    "{cert_issuer}": ({ visit }) => visit.session.tls?.clientCertificate?.issuer,
    "{mail_addr}": ({ mail }) => mail?.sender.address,
    "{mail_host}": ({ mail }) => domainOf(mail?.sender.address),
    "{mail_mailer}": ({ mail }) => mail && "smtp",
    "{rcpt_addr}": ({ recipient }) => recipient?.address,
    "{rcpt_host}": ({ recipient }) => domainOf(recipient?.address),
    "{rcpt_mailer}": ({ recipient }) => recipient && "smtp",
  } satisfies Record<string, (facts: MacroFacts) => string | undefined>),
);

/** The packet that goes before a command; undefined when there is nothing to tell. */
export function macroPacket(command: Command, names: readonly string[], facts: MacroFacts): Buffer | undefined {
  const parts = names.flatMap((name) => {
    const value = VALUES.get(name)?.(facts) ?? "";
    return value === "" ? [] : [text(name), text(value)];
  });
  return parts.length === 0 ? undefined : packet("macros", Buffer.from(COMMANDS[command]), ...parts);
}
