// Mozilla's autoconfig (draft-ietf-mailmaint-autoconfig): config-v1.1.xml, for Thunderbird and many others. The best server of each
// kind comes first. The address stays a placeholder: the app fills it in, and the same answer is right for all users of a domain.

import { markup, type Markup } from "../markup.ts";
import type { MailServer, Told } from "./told.ts";

const SOCKETS: Readonly<Record<MailServer["tls"], string>> = { implicit: "SSL", starttls: "STARTTLS" };

/** undefined: there is no server to read mail from. */
export function autoconfigAnswer(domain: string, told: Told): string | undefined {
  const incoming = told.servers.filter(({ protocol }) => protocol !== "submission");
  const outgoing = told.servers.filter(({ protocol }) => protocol === "submission");
  if (incoming.length === 0) return undefined;
  return markup`<?xml version="1.0" encoding="utf-8"?>
<clientConfig version="1.1">
<emailProvider id="${domain}">
<domain>${domain}</domain>
<displayName>${told.name}</displayName>
<displayShortName>${told.name}</displayShortName>
${incoming.map((server) => markup`<incomingServer type="${server.protocol}">${access(server, told)}</incomingServer>\n`)}${outgoing.map((server) => markup`<outgoingServer type="smtp">${access(server, told)}</outgoingServer>\n`)}</emailProvider>
</clientConfig>
`.markup;
}

function access({ port, tls }: MailServer, { host }: Told): Markup {
  return markup`<hostname>${host}</hostname><port>${port}</port><socketType>${SOCKETS[tls]}</socketType><username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication>`;
}
