import { testLeg } from "@postern/testing";
import test from "ava";
import { type Said, testExchange } from "../../test/exchanges.ts";
import { testService } from "../../test/parts.ts";
import type { HttpRequest } from "../exchange.ts";
import type { Service } from "../parts.ts";
import type { HttpsSettings } from "../settings.ts";
import { textOf } from "../xml.ts";
import { redirected } from "./redirects.ts";

type Redirect = HttpsSettings["redirects"][string];

interface Case {
  readonly style: Service["redirects"];
  readonly request: Partial<HttpRequest>;
  readonly redirect?: Partial<Redirect>;
  readonly body?: string;
  readonly user?: string | undefined;
  readonly backend?: string;
}

function asked(one: Case): Said | undefined {
  const exchange = testExchange(one.request);
  const { said } = exchange;
  const redirects = {
    far: { url: "https://far.example.org:8443", style: "silent", address: undefined, ...one.redirect } as const,
  };
  const where = { legs: [testLeg(443, { backend: one.backend ?? "far" })], user: "user" in one ? one.user : "alice@example.com" };
  const body = one.body === undefined ? undefined : Buffer.from(one.body);
  return redirected(exchange, testService({ redirects: one.style }), where, { settings: { redirects } }, body) ? said : undefined;
}

const BROWSER = ["Accept", "text/html,*/*;q=0.8"];
const PAGE: Case = { style: "page", request: { target: `/owa/?a=1&b="x"`, fields: BROWSER } };
const PHONE: Case = {
  style: "activesync",
  request: {
    method: "POST",
    target: "/Microsoft-Server-ActiveSync?Cmd=Sync&User=alice",
    fields: ["MS-ASProtocolVersion", "14.1"],
  },
};
const POX: Case = { style: "autodiscover", request: { method: "POST", target: "/autodiscover/autodiscover.xml" } };
const SOAP: Case = { style: "autodiscover", request: { method: "POST", target: "/autodiscover/autodiscover.svc" } };

const pox = (schema: string): string => `<Autodiscover xmlns="x"><Request><EMailAddress>alice@example.com</EMailAddress>
<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/${schema}</AcceptableResponseSchema></Request></Autodiscover>`;
const OUTLOOK = pox("outlook/responseschema/2006a");
const soap = (mailboxes: readonly string[], action = "GetUserSettings"): string =>
  `<s:Envelope xmlns:s="s" xmlns:a="a" xmlns:w="w"><s:Header><w:Action>http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/${action}</w:Action></s:Header><s:Body>${mailboxes.map((each) => `<a:User><a:Mailbox>${each}</a:Mailbox></a:User>`).join("")}</s:Body></s:Envelope>`;

test("a browser goes there at once, with the path that it asked for", (t) => {
  const said = asked(PAGE);
  t.is(said?.status, 302);
  t.is(said?.field("location"), `https://far.example.org:8443/owa/?a=1&b="x"`);
});

test("or gets a page with the link", (t) => {
  const said = asked({ ...PAGE, redirect: { style: "page" } });
  t.is(said?.status, 200);
  t.true(said?.body.includes(`<a href="https://far.example.org:8443/owa/?a=1&#38;b=&#34;x&#34;">far.example.org:8443</a>`));
});

test("what scripts ask for, and forms, is proxied", (t) => {
  t.is(asked({ ...PAGE, request: { ...PAGE.request, fields: ["Accept", "*/*"] } }), undefined);
  t.is(asked({ ...PAGE, request: { ...PAGE.request, method: "POST" } }), undefined);
});

test("nobody is sent who is not known, whose backend is not named, whose service has no way, or to where he is", (t) => {
  t.is(asked({ ...PAGE, user: undefined }), undefined);
  t.is(asked({ ...PAGE, backend: "near" }), undefined);
  t.is(asked({ ...PAGE, backend: "constructor" }), undefined);
  t.is(asked({ ...PAGE, style: undefined }), undefined);
  for (const one of [PAGE, PHONE, { ...POX, body: OUTLOOK }, { ...SOAP, body: soap(["alice@example.com"]) }])
    t.is(asked({ ...one, request: { ...one.request, host: "far.example.org" } }), undefined);
});

test("a phone is told the address by 451, from version 12.1 on", (t) => {
  const said = asked(PHONE);
  t.is(said?.status, 451);
  t.is(said?.field("x-ms-location"), "https://far.example.org:8443/Microsoft-Server-ActiveSync");
  for (const [version, status] of [
    ["12.1", 451],
    ["16.0", 451],
    ["12.0", undefined],
    ["2.5", undefined],
    ["", undefined],
    ["99", undefined],
    ["14.1x", undefined],
  ] as const)
    t.is(asked({ ...PHONE, request: { ...PHONE.request, fields: ["MS-ASProtocolVersion", version] } })?.status, status, version);
});

test("a phone that packs its command says its version in it", (t) => {
  const target = "/Microsoft-Server-ActiveSync?jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l";
  t.is(asked({ ...PHONE, request: { target, method: "POST" } })?.status, 451);
  t.is(asked({ ...PHONE, request: { target: "/Microsoft-Server-ActiveSync", method: "OPTIONS" } }), undefined);
});

test("Autodiscover: Outlook and phones are told the other address, where there is one", (t) => {
  const redirect = { address: "far.example.org" };
  const outlook = asked({ ...POX, redirect, body: OUTLOOK });
  t.is(outlook?.status, 200);
  t.is(textOf(outlook?.body ?? "", "Action"), "redirectAddr");
  t.is(textOf(outlook?.body ?? "", "RedirectAddr"), "alice@far.example.org");
  const phone = asked({ ...POX, redirect, body: pox("mobilesync/responseschema/2006") });
  t.is(textOf(phone?.body ?? "", "Redirect"), "alice@far.example.org");
});

test("Autodiscover: otherwise they are sent to the other host by 302", (t) => {
  const url = "https://far.example.org:8443/autodiscover/autodiscover.xml";
  t.deepEqual([asked({ ...POX, body: OUTLOOK })?.status, asked({ ...POX, body: OUTLOOK })?.field("location")], [302, url]);
  const redirect = { address: "example.com" };
  t.is(asked({ ...POX, redirect, body: OUTLOOK })?.field("location"), url, "that domain is where he is");
  t.is(asked({ ...POX, redirect: { address: "far.example.org" }, body: "<nothing" })?.field("location"), url);
  const target = "/autodiscover/autodiscover.json?Email=alice%40example.com&Protocol=ActiveSync";
  t.is(asked({ style: "autodiscover", request: { target } })?.field("location"), `https://far.example.org:8443${target}`);
  t.is(asked({ style: "autodiscover", request: { target: "/autodiscover/else" } }), undefined);
});

test("Autodiscover: by SOAP they are told the URL or the address; several users, and other operations, are proxied", (t) => {
  const one = soap(["alice@example.com"]);
  const url = asked({ ...SOAP, body: one })?.body ?? "";
  t.regex(url, /<UserResponse><ErrorCode>RedirectUrl</);
  t.is(textOf(url, "RedirectTarget"), "https://far.example.org:8443/autodiscover/autodiscover.svc");
  const address = asked({ ...SOAP, body: one, redirect: { address: "far.example.org" } })?.body ?? "";
  t.regex(address, /<UserResponse><ErrorCode>RedirectAddress</);
  t.is(textOf(address, "RedirectTarget"), "alice@far.example.org");
  t.is(asked({ ...SOAP, body: soap(["alice@example.com", "bob@example.com"]) }), undefined);
  t.is(asked({ ...SOAP, body: soap(["alice@example.com"], "GetDomainSettings") }), undefined);
  t.is(asked(SOAP), undefined);
});
