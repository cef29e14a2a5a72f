// Autodiscover by SOAP, POST /autodiscover/autodiscover.svc ([MS-OXWSADISC]): GetUserSettings, with those of the settings asked
// for that the gateway knows. The others are named as not available, as Exchange does. Other operations are answered with a fault.

import { textOf, textsOf } from "../../xml.ts";
import { markup, type Markup } from "../markup.ts";
import { mailAddress, type MailAddress } from "./address.ts";
import type { MailProtocol, Told } from "./told.ts";

const NAMESPACE = "http://schemas.microsoft.com/exchange/2010/Autodiscover";
const ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/";
const ADDRESSING = "http://www.w3.org/2005/08/addressing";
const INSTANCE = "http://www.w3.org/2001/XMLSchema-instance";
/** Nobody has logged in: a small request must not make a huge answer. Clients ask for one user, or a few. */
const MOST_USERS = 20;
const MOST_SETTINGS = 100;

export interface SoapAnswer {
  readonly status: 200 | 500;
  readonly xml: string;
}

type Setting = (told: Told, address: MailAddress) => Markup | undefined;

const text =
  (valueOf: (told: Told, address: MailAddress) => string | undefined): Setting =>
  (told, address) => {
    const value = valueOf(told, address);
    return value === undefined ? undefined : markup`<Value>${value}</Value>`;
  };

const ENCRYPTIONS = { implicit: "SSL", starttls: "TLS" } as const;

const connections =
  (wanted: MailProtocol): Setting =>
  ({ servers, host }) => {
    const all = servers
      .filter(({ protocol }) => protocol === wanted)
      .map(
        ({ port, tls }) =>
          markup`<ProtocolConnection><Hostname>${host}</Hostname><Port>${port}</Port><EncryptionMethod>${ENCRYPTIONS[tls]}</EncryptionMethod></ProtocolConnection>`,
      );
    return all.length === 0 ? undefined : markup`<ProtocolConnections>${all}</ProtocolConnections>`;
  };

const STRING = "StringSetting";
const CONNECTIONS = "ProtocolConnectionCollectionSetting";
const ews = text((told) => told.ews);

const SETTINGS: ReadonlyMap<string, readonly [typeof STRING | typeof CONNECTIONS, Setting]> = new Map([
  ["UserDisplayName", [STRING, text((_, address) => address.text)]],
  ["AutoDiscoverSMTPAddress", [STRING, text((_, address) => address.text)]],
  ["InternalEwsUrl", [STRING, ews]],
  ["ExternalEwsUrl", [STRING, ews]],
  ["MapiHttpEnabled", [STRING, text((told) => (told.mapi === undefined ? "False" : "True"))]],
  ["InternalImap4Connections", [CONNECTIONS, connections("imap")]],
  ["ExternalImap4Connections", [CONNECTIONS, connections("imap")]],
  ["InternalPop3Connections", [CONNECTIONS, connections("pop3")]],
  ["ExternalPop3Connections", [CONNECTIONS, connections("pop3")]],
  ["InternalSmtpConnections", [CONNECTIONS, connections("submission")]],
  ["ExternalSmtpConnections", [CONNECTIONS, connections("submission")]],
]);

export function soapAnswer(xml: string, told: Told): SoapAnswer {
  if (!isGetUserSettings(xml)) return fault();
  const users = textsOf(xml, "Mailbox", MOST_USERS + 1);
  if (users.length === 0) return answer("InvalidRequest", "The request names no mailbox.", []);
  if (users.length > MOST_USERS) return answer("InvalidRequest", `Ask for ${MOST_USERS} users at most.`, []);
  const wanted = [...new Set(textsOf(xml, "Setting", MOST_SETTINGS))].filter((name) => /^[A-Za-z0-9]{1,64}$/.test(name));
  return answer(
    "NoError",
    "",
    users.map((sent) => userResponse(mailAddress(sent, told.domains), wanted, told)),
  );
}

/** The one user of a request is sent elsewhere; undefined: it is no such request, or has several. */
export function soapRedirect(xml: string, kind: "RedirectUrl" | "RedirectAddress", target: string): SoapAnswer | undefined {
  if (!isGetUserSettings(xml) || textsOf(xml, "Mailbox", 2).length !== 1) return undefined;
  const user = markup`<UserResponse><ErrorCode>${kind}</ErrorCode><ErrorMessage>Ask there.</ErrorMessage>
<RedirectTarget>${target}</RedirectTarget><UserSettingErrors/><UserSettings/></UserResponse>`;
  return answer("NoError", "", [user]);
}

/** By the action, or by what only that operation has. */
function isGetUserSettings(xml: string): boolean {
  const action = textOf(xml, "Action");
  return action === undefined ? textOf(xml, "Mailbox") !== undefined : action.endsWith("/GetUserSettings");
}

function userResponse(address: MailAddress | undefined, wanted: readonly string[], told: Told): Markup {
  if (address === undefined)
    return markup`<UserResponse><ErrorCode>InvalidUser</ErrorCode><ErrorMessage>The user is not served here.</ErrorMessage>
<RedirectTarget i:nil="true"/><UserSettingErrors/><UserSettings/></UserResponse>`;
  const errors: Markup[] = [];
  const settings: Markup[] = [];
  for (const name of wanted) {
    const [type, setting] = SETTINGS.get(name) ?? [];
    const value = setting?.(told, address);
    if (type === undefined || value === undefined) errors.push(notAvailable(name));
    else settings.push(markup`<UserSetting i:type="${type}"><Name>${name}</Name>${value}</UserSetting>\n`);
  }
  return markup`<UserResponse><ErrorCode>NoError</ErrorCode><ErrorMessage>No error.</ErrorMessage>
<RedirectTarget i:nil="true"/>
<UserSettingErrors>${errors}</UserSettingErrors>
<UserSettings>${settings}</UserSettings></UserResponse>`;
}

const notAvailable = (name: string): Markup => markup`<UserSettingError><ErrorCode>SettingIsNotAvailable</ErrorCode>
<ErrorMessage>The setting is not available.</ErrorMessage><SettingName>${name}</SettingName></UserSettingError>
`;

function answer(code: string, message: string, users: readonly Markup[]): SoapAnswer {
  return {
    status: 200,
    xml: envelope(markup`<GetUserSettingsResponseMessage xmlns="${NAMESPACE}">
<Response xmlns:i="${INSTANCE}"><ErrorCode>${code}</ErrorCode><ErrorMessage>${message}</ErrorMessage>
<UserResponses>${users}</UserResponses></Response>
</GetUserSettingsResponseMessage>`),
  };
}

/** SOAP 1.1 says a fault with status 500. */
function fault(): SoapAnswer {
  const xml = envelope(markup`<s:Fault><faultcode>a:ActionNotSupported</faultcode>
<faultstring>Only GetUserSettings is answered here.</faultstring></s:Fault>`);
  return { status: 500, xml };
}

function envelope(body: Markup): string {
  return markup`<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="${ENVELOPE}" xmlns:a="${ADDRESSING}">
<s:Header><a:Action s:mustUnderstand="1">${NAMESPACE}/Autodiscover/GetUserSettingsResponse</a:Action></s:Header>
<s:Body>
${body}
</s:Body>
</s:Envelope>
`.markup;
}
