// Autodiscover in plain XML, POST /autodiscover/autodiscover.xml: for Outlook ([MS-OXDSCLI] 2.2.4) and for phones ([MS-ASCMD]
// 2.2.1.1). Which of the two is told by the schema that the client asks for; what is wrong is told in XML too, with status 200.
// Outlook is told about MAPI over HTTP only when it says that it can ([MS-OXDSCLI] 2.2.2.1). LegacyDN and mailbox GUIDs are the
// mailbox server's to know, and are not made up here.

import { hash } from "node:crypto";
import { textOf } from "../../xml.ts";
import { markup, type Markup } from "../markup.ts";
import { mailAddress, type MailAddress } from "./address.ts";
import { bestServers, type MailProtocol, type MailServer, type Told } from "./told.ts";

export type PoxSchema = "outlook" | "mobilesync";

const RESPONSE = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
const SCHEMAS: Readonly<Record<PoxSchema, string>> = {
  outlook: "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a",
  mobilesync: "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006",
};

/** What the client wants its answer in; undefined: nothing that is known. */
export function poxSchema(xml: string): PoxSchema | undefined {
  const wanted = textOf(xml, "AcceptableResponseSchema");
  return wanted === SCHEMAS.outlook ? "outlook" : wanted === SCHEMAS.mobilesync ? "mobilesync" : undefined;
}

/** Whether there is anything to tell. */
const OFFERS: Readonly<Record<PoxSchema, (told: Told) => boolean>> = {
  outlook: (told) => told.servers.length > 0 || told.ews !== undefined || told.mapi !== undefined,
  mobilesync: ({ activeSync }) => activeSync !== undefined,
};

/** `canMapi`: the client says that it can do MAPI over HTTP. */
export function poxAnswer(xml: string, told: Told, canMapi: boolean): string {
  const sent = textOf(xml, "EMailAddress");
  if (sent === undefined) return poxError(600, "Invalid Request", told);
  const schema = poxSchema(xml);
  if (schema === undefined || !OFFERS[schema](told)) return poxError(601, "Provider is not available", told);
  const address = mailAddress(sent, told.domains);
  if (address === undefined) return poxError(500, "The email address can't be found.", told);
  return schema === "outlook" ? outlook(address, told, canMapi) : mobileSync(address, told);
}

/** Ask again for another address. */
export function poxRedirect(schema: PoxSchema, from: string, to: string): string {
  if (schema === "outlook")
    return response(
      "outlook",
      markup`<Account><AccountType>email</AccountType><Action>redirectAddr</Action><RedirectAddr>${to}</RedirectAddr></Account>`,
    );
  return response("mobilesync", markup`${phoneUser(from)}<Action><Redirect>${to}</Redirect></Action>`);
}

function poxError(code: number, message: string, { host }: Told): string {
  const time = new Date().toISOString().slice(11, 23);
  const id = Number.parseInt(hash("sha256", host).slice(0, 8), 16);
  const error = markup`<Error Time="${time}" Id="${id}"><ErrorCode>${code}</ErrorCode><Message>${message}</Message><DebugData/></Error>`;
  return document(markup`<Response>${error}</Response>`);
}

function outlook({ text }: MailAddress, told: Told, canMapi: boolean): string {
  return response(
    "outlook",
    markup`<User><DisplayName>${text}</DisplayName><AutoDiscoverSMTPAddress>${text}</AutoDiscoverSMTPAddress></User>
<Account><AccountType>email</AccountType><Action>settings</Action>
${canMapi ? mapi(told) : undefined}${webServices(told)}${bestServers(told).map((server) => mailServer(server, text, told))}</Account>`,
  );
}

function mapi({ mapi: url }: Told): Markup | undefined {
  if (url === undefined) return undefined;
  const at = (folder: string): string => `${url}/${folder}/?useMailboxOfAuthenticatedUser=true`;
  return markup`<Protocol Type="mapiHttp" Version="1">
<MailStore><ExternalUrl>${at("emsmdb")}</ExternalUrl></MailStore>
<AddressBook><ExternalUrl>${at("nspi")}</ExternalUrl></AddressBook>
</Protocol>
`;
}

/** The same from inside (EXCH) and outside (EXPR): there is one front door. */
function webServices({ ews, host }: Told): readonly Markup[] {
  if (ews === undefined) return [];
  return ["EXCH", "EXPR"].map(
    (type) => markup`<Protocol><Type>${type}</Type><Server>${host}</Server>${type === "EXPR" ? markup`<SSL>On</SSL>` : undefined}
<ASUrl>${ews}</ASUrl><EwsUrl>${ews}</EwsUrl><OOFUrl>${ews}</OOFUrl></Protocol>
`,
  );
}

const TYPES: Readonly<Record<MailProtocol, string>> = { imap: "IMAP", pop3: "POP3", submission: "SMTP" };
/** Encryption wins over SSL, which older clients read ([MS-OXDSCLI] 2.2.4.1.1.2.6). */
const ENCRYPTIONS: Readonly<Record<MailServer["tls"], string>> = { implicit: "SSL", starttls: "TLS" };

function mailServer({ protocol, port, tls }: MailServer, login: string, { host }: Told): Markup {
  const sending = protocol === "submission" ? markup`<UsePOPAuth>off</UsePOPAuth><SMTPLast>off</SMTPLast>` : undefined;
  return markup`<Protocol><Type>${TYPES[protocol]}</Type><Server>${host}</Server><Port>${port}</Port>
<LoginName>${login}</LoginName><DomainRequired>off</DomainRequired><SPA>off</SPA>
<SSL>on</SSL><Encryption>${ENCRYPTIONS[tls]}</Encryption><AuthRequired>on</AuthRequired>${sending}</Protocol>
`;
}

function mobileSync({ text }: MailAddress, { activeSync, host }: Told): string {
  const server = markup`<Server><Type>MobileSync</Type><Url>${activeSync}</Url><Name>${host}</Name></Server>`;
  return response("mobilesync", markup`${phoneUser(text)}<Action><Settings>${server}</Settings></Action>`);
}

const phoneUser = (address: string): Markup =>
  markup`<Culture>en:us</Culture><User><DisplayName>${address}</DisplayName><EMailAddress>${address}</EMailAddress></User>`;

const response = (schema: PoxSchema, content: Markup): string =>
  document(markup`<Response xmlns="${SCHEMAS[schema]}">
${content}
</Response>`);

const document = (content: Markup): string =>
  markup`<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="${RESPONSE}">
${content}
</Autodiscover>
`.markup;
