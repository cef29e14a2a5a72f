// What rspamd is told of a message beside its bytes: request headers of its HTTP protocol. Text of strangers is cleaned, and
// goes as UTF-8; how much of it there is has a bound. Never throws.

import { plainHost, type MailTransaction } from "@postern/contracts";
import { cleanText } from "@postern/lookup";

/** rspamd's rules look at how many there are; more of them would only cost. */
const MAX_RECIPIENTS = 500;

/** Node writes header values as Latin-1, one character a byte. */
const asBytes = (text: string): string => Buffer.from(cleanText(text)).toString("latin1");

const path = (address: string): string => asBytes(`<${address}>`);

/** Names and values for node:http; a list is a header that comes several times. */
export function factsFor(mail: MailTransaction, hostname: string): Record<string, string | string[]> {
  const { session, hello, hostName } = mail.visit;
  const host = plainHost(session.client.host);
  const facts = {
    IP: host,
    Helo: asBytes(hello ?? ""),
    Hostname: asBytes(hostName ?? ""),
    "Queue-Id": asBytes(mail.id),
    "MTA-Name": asBytes(hostname),
    "MTA-Tag": "postern",
    "TLS-Version": session.tls?.version ?? "",
    "TLS-Cipher": session.tls?.cipher ?? "",
  };
  return {
    ...Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== "")),
    From: path(mail.sender.address),
    Rcpt: mail.recipients.slice(0, MAX_RECIPIENTS).map(({ address }) => path(address)),
  };
}
