import test from "ava";
import { array, assert, constantFrom, oneof, property, string } from "fast-check";
import { scene, service, settings, type Said } from "../../test/answers-scene.ts";
import type { Endpoint, HttpRequest, Service } from "../parts.ts";
import type { HttpsSettings } from "../settings.ts";
import { textOf, textsOf } from "../xml.ts";
import { ownAnswer } from "./own.ts";

type Kind = NonNullable<Service["own"]>["kind"];

const ENDPOINTS: readonly Endpoint[] = [
  { protocol: "imap", port: 143, tls: "starttls" },
  { protocol: "imap", port: 993, tls: "implicit" },
  { protocol: "pop3", port: 110, tls: "none" },
  { protocol: "submission", port: 587, tls: "starttls" },
  { protocol: "submission", port: 587, tls: "starttls" },
  { protocol: "smtp", port: 25, tls: "starttls" },
  { protocol: "https", port: 443, tls: "implicit" },
  { protocol: "http", port: 80, tls: "none" },
];

interface Case {
  readonly request?: Partial<HttpRequest>;
  readonly body?: string | Buffer | undefined;
  readonly more?: Partial<HttpsSettings["autodiscover"]>;
  readonly endpoints?: readonly Endpoint[];
}

function asked(kind: Kind, { request, body, more, endpoints = ENDPOINTS }: Case): Said {
  const { exchange, said } = scene(request);
  const all = settings();
  const house = { hostname: "mail.example.com", endpoints, settings: { autodiscover: { ...all.autodiscover, ...more } } };
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  if (!ownAnswer(exchange, service({ own: { kind, when: "gateway" } }), bytes, house)) throw new Error("Not answered");
  return said;
}

const ALL = { activeSync: true, ews: true, mapi: true, displayName: `Mail & "More"` };
const OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
const PHONE = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";

const poxBody = (address: string, schema: string): string => `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>
<EMailAddress>${address}</EMailAddress><AcceptableResponseSchema>${schema}</AcceptableResponseSchema></Request></Autodiscover>`;
const pox = (body: string | Buffer | undefined, more: Case["more"] = {}, fields: readonly string[] = []): Said =>
  asked("autodiscover", { request: { method: "POST", target: "/Autodiscover/Autodiscover.xml", fields }, body, more });

test("a service without answers of its own is not answered", (t) => {
  const { exchange, said } = scene();
  t.false(ownAnswer(exchange, service(), undefined, { hostname: "x", endpoints: [], settings: settings() }));
  t.is(said.status, undefined);
});

test("outlook: the best listener with TLS of each protocol, with the address as the login", (t) => {
  const said = pox(poxBody("Alice@Example.com", OUTLOOK));
  t.deepEqual([said.status, said.field("content-type")], [200, "text/xml; charset=utf-8"]);
  t.deepEqual(textsOf(said.body, "Type", 9), ["IMAP", "SMTP"]);
  t.deepEqual(textsOf(said.body, "Port", 9), ["993", "587"]);
  t.deepEqual(textsOf(said.body, "Encryption", 9), ["SSL", "TLS"]);
  t.deepEqual(textsOf(said.body, "LoginName", 9), ["Alice@example.com", "Alice@example.com"]);
  t.is(textOf(said.body, "Server"), "mail.example.com");
  t.true(said.body.includes(`<Response xmlns="${OUTLOOK}">`));
});

test("outlook: EWS where the settings say so, MAPI where Outlook can do it too", (t) => {
  const body = poxBody("alice@example.com", OUTLOOK);
  t.deepEqual(textsOf(pox(body, ALL).body, "Type", 9), ["EXCH", "EXPR", "IMAP", "SMTP"]);
  t.is(textOf(pox(body, ALL).body, "EwsUrl"), "https://mail.example.com/EWS/Exchange.asmx");
  t.notRegex(pox(body, ALL).body, /mapiHttp/);
  const can = pox(body, ALL, ["X-MapiHttpCapability", "1"]).body;
  t.is(textOf(can, "ExternalUrl"), "https://mail.example.com/mapi/emsmdb/?useMailboxOfAuthenticatedUser=true");
  t.notRegex(pox(body, {}, ["X-MapiHttpCapability", "1"]).body, /mapiHttp/);
});

test("phones: the URL of ActiveSync, or that there is none", (t) => {
  const body = poxBody("alice@example.com", PHONE);
  const said = pox(body, ALL);
  t.is(textOf(said.body, "Url"), "https://mail.example.com/Microsoft-Server-ActiveSync");
  t.is(textOf(said.body, "EMailAddress"), "alice@example.com");
  t.true(said.body.includes(`<Response xmlns="${PHONE}">`));
  t.is(textOf(pox(body).body, "ErrorCode"), "601");
});

test("plain XML: what is wrong is told in XML, with status 200", (t) => {
  const cases: readonly (readonly [string, string | Buffer | undefined])[] = [
    ["600", undefined],
    ["600", ""],
    ["600", "<Autodiscover/>"],
    ["600", `<!DOCTYPE a>${poxBody("alice@example.com", OUTLOOK)}`],
    ["600", Buffer.concat([Buffer.from(poxBody("alice@example.com", OUTLOOK)), Buffer.alloc(65_536, " ")])],
    ["601", poxBody("alice@example.com", "http://example.com/2009")],
    ["500", poxBody("alice", OUTLOOK)],
    ["500", poxBody("alice@example.com&#10;X: y", OUTLOOK)],
    ["500", poxBody("alice@example.com@example.com", OUTLOOK)],
  ];
  for (const [code, body] of cases) {
    const said = pox(body);
    t.is(said.status, 200);
    t.is(textOf(said.body, "ErrorCode"), code, String(body).slice(0, 80));
  }
  t.is(textOf(asked("autodiscover", { request: { target: "/autodiscover/autodiscover.xml" } }).body, "ErrorCode"), "600");
});

test("plain XML: UTF-16 is read too", (t) => {
  const said = pox(Buffer.from(`\uFEFF${poxBody("alice@example.com", OUTLOOK)}`, "utf16le"));
  t.is(textOf(said.body, "AutoDiscoverSMTPAddress"), "alice@example.com");
});

test("nothing that was asked becomes markup", (t) => {
  t.is(textOf(pox(poxBody("a&lt;b&gt;@example.com", OUTLOOK)).body, "ErrorCode"), "500");
  const kept = pox(poxBody("o'brien&amp;co@example.com", OUTLOOK)).body;
  t.is(textOf(kept, "LoginName"), "o'brien&co@example.com");
  t.notRegex(kept, /o'brien|&co/);
});

test("all users of a domain get the same answer, and other domains none", (t) => {
  const more = { domains: ["example.com", "*.example.org"] };
  const answer = (address: string): string => pox(poxBody(address, OUTLOOK), more).body.replaceAll(address, "ADDRESS");
  t.is(answer("alice@example.com"), answer("nobody@example.com"));
  t.is(textOf(answer("alice@a.example.org"), "Action"), "settings");
  for (const domain of ["example.org", "example.net", "badexample.com", "x.example.com"])
    t.is(textOf(answer(`alice@${domain}`), "ErrorCode"), "500", domain);
});

const soapBody = (mailboxes: readonly string[], wanted: readonly string[], action = "GetUserSettings"): string =>
  `<s:Envelope xmlns:s="s" xmlns:a="a" xmlns:w="w"><s:Header><w:Action>http://x/${action}</w:Action></s:Header><s:Body>
<a:Users>${mailboxes.map((each) => `<a:User><a:Mailbox>${each}</a:Mailbox></a:User>`).join("")}</a:Users>
<a:RequestedSettings>${wanted.map((each) => `<a:Setting>${each}</a:Setting>`).join("")}</a:RequestedSettings></s:Body></s:Envelope>`;
const soap = (body: string, more: Case["more"] = ALL): Said =>
  asked("autodiscover", { request: { method: "POST", target: "/autodiscover/autodiscover.svc" }, body, more });

test("soap: the settings asked for that are known, and the names of the others", (t) => {
  const wanted = [
    "ExternalEwsUrl",
    "ExternalImap4Connections",
    "ExternalPop3Connections",
    "ActiveDirectoryServer",
    "a&lt;b",
    "ExternalEwsUrl",
  ];
  const { status, body } = soap(soapBody(["alice@example.com"], wanted));
  t.is(status, 200);
  t.deepEqual(textsOf(body, "Name", 9), ["ExternalEwsUrl", "ExternalImap4Connections"]);
  t.deepEqual(textsOf(body, "Port", 9), ["993", "143"]);
  t.deepEqual(textsOf(body, "EncryptionMethod", 9), ["SSL", "TLS"]);
  t.deepEqual(textsOf(body, "SettingName", 9), ["ExternalPop3Connections", "ActiveDirectoryServer"]);
  t.is(textOf(soap(soapBody(["alice@example.com"], ["ExternalEwsUrl"]), {}).body, "SettingName"), "ExternalEwsUrl");
});

test("soap: each user has an answer, an address that is none too", (t) => {
  const { body } = soap(soapBody(["alice@example.com", "bob", "carol@example.com"], ["UserDisplayName"]));
  t.deepEqual(textsOf(body, "ErrorCode", 9), ["NoError", "NoError", "InvalidUser", "NoError"]);
  t.deepEqual(textsOf(body, "Value", 9), ["alice@example.com", "carol@example.com"]);
});

test("soap: no user is an invalid request, another operation a fault, another method 405", (t) => {
  t.is(textOf(soap(soapBody([], [])).body, "ErrorCode"), "InvalidRequest");
  t.is(
    textOf(
      soap(
        soapBody(
          Array.from({ length: 21 }, (_, n) => `u${n}@example.com`),
          [],
        ),
      ).body,
      "ErrorCode",
    ),
    "InvalidRequest",
  );
  const fault = soap(soapBody(["alice@example.com"], [], "GetDomainSettings"));
  t.deepEqual([fault.status, textOf(fault.body, "faultcode")], [500, "a:ActionNotSupported"]);
  t.is(soap("nothing").status, 500);
  t.is(asked("autodiscover", { request: { target: "/autodiscover/autodiscover.svc" } }).status, 405);
});

const json = (target: string, more: Case["more"] = ALL): readonly [number | undefined, unknown] => {
  const said = asked("autodiscover", { request: { target }, more });
  return [said.status, JSON.parse(said.body)];
};

test("json: one URL for one protocol, the address in the query or in the path", (t) => {
  const base = "/autodiscover/autodiscover.json";
  const Url = "https://mail.example.com/Microsoft-Server-ActiveSync";
  t.deepEqual(json(`${base}?Email=alice%40example.com&Protocol=ActiveSync&RedirectCount=1`), [
    200,
    { Protocol: "ActiveSync", Url },
  ]);
  t.deepEqual(json(`${base}/v1.0/alice%40example.com?protocol=activesync`), [200, { Protocol: "ActiveSync", Url }]);
  t.deepEqual(json(`${base}?Email=a@example.com&Protocol=AutodiscoverV1`, {}), [
    200,
    { Protocol: "AutodiscoverV1", Url: "https://mail.example.com/autodiscover/autodiscover.xml" },
  ]);
});

test("json: what is missing, not served or nobody is told by a code", (t) => {
  const base = "/autodiscover/autodiscover.json";
  const codeOf = (target: string, more?: Case["more"]): unknown => {
    const [status, value] = json(target, more);
    return [status, (value as { ErrorCode?: string }).ErrorCode];
  };
  t.deepEqual(codeOf(`${base}?Protocol=ActiveSync`), [400, "MandatoryParameterMissing"]);
  t.deepEqual(codeOf(`${base}?Email=a@example.com`), [400, "MandatoryParameterMissing"]);
  t.deepEqual(codeOf(`${base}?Email=a@example.com&Protocol=constructor`), [400, "InvalidProtocol"]);
  t.deepEqual(codeOf(`${base}?Email=a@example.com&Protocol=Ews`, {}), [400, "InvalidProtocol"]);
  t.deepEqual(codeOf(`${base}?Email=a&Protocol=Ews`), [404, "UserNotFound"]);
  t.deepEqual(codeOf(`${base}/v1.0/%ff?Protocol=Ews`), [400, "MandatoryParameterMissing"]);
});

test("another page below the folder is not there", (t) => {
  t.is(asked("autodiscover", { request: { target: "/autodiscover/metadata" } }).status, 404);
});

const autoconfig = (request: Partial<HttpRequest>, more: Case["more"] = {}): Said => asked("autoconfig", { request, more });

test("autoconfig: every listener with TLS, the best first, and the same for all users", (t) => {
  const said = autoconfig({ target: "/mail/config-v1.1.xml?emailaddress=alice%40Example.com" }, ALL);
  t.is(said.status, 200);
  t.deepEqual(textsOf(said.body, "port", 9), ["993", "143", "587"]);
  t.deepEqual(textsOf(said.body, "socketType", 9), ["SSL", "STARTTLS", "STARTTLS"]);
  t.deepEqual([textOf(said.body, "domain"), textOf(said.body, "displayName")], ["example.com", `Mail & "More"`]);
  t.is(textOf(said.body, "username"), "%EMAILADDRESS%");
  t.notRegex(said.body, /alice/);
});

test("autoconfig: without an address the host says the domain", (t) => {
  t.is(textOf(autoconfig({ target: "/mail/config-v1.1.xml", host: "autoconfig.example.com" }).body, "domain"), "example.com");
  const target = "/.well-known/autoconfig/mail/config-v1.1.xml";
  t.is(textOf(autoconfig({ target, host: "example.org" }).body, "domain"), "example.org");
  t.is(autoconfig({ target, host: "example.org" }, { domains: ["example.com"] }).status, 404);
  t.is(autoconfig({ target: `${target}?emailaddress=<b>` }).status, 404);
  t.is(autoconfig({ target, host: "" }).status, 404);
  t.is(autoconfig({ target, method: "POST" }).status, 405);
});

test("profiles: the address may be left out, and is asked for then", (t) => {
  const said = asked("mobileconfig", { request: { target: "/mobileconfig?email=alice@example.com" } });
  t.is(said.field("content-type"), "application/x-apple-aspen-config; charset=utf-8");
  t.regex(said.body, /<key>EmailAddress<\/key><string>alice@example\.com<\/string>/);
  const open = asked("mobileconfig", { request: { target: "/mobileconfig" } });
  t.notRegex(open.body, /<key>EmailAddress<\/key>|<key>IncomingMailServerUsername<\/key>/);
  t.is(asked("mobileconfig", { request: { target: "/mobileconfig?email=alice" } }).status, 404);
});

test("profiles: the same question has the same answer, another one other identifiers", (t) => {
  const bodyFor = (address: string): string =>
    asked("mobileconfig", { request: { target: `/mobileconfig?email=${address}` } }).body;
  t.is(bodyFor("alice@example.com"), bodyFor("alice@example.com"));
  const uuids = (body: string): readonly string[] =>
    body.match(/[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}/g) ?? [];
  const all = [...uuids(bodyFor("alice@example.com")), ...uuids(bodyFor("bob@example.com"))];
  t.is(all.length, 4);
  t.is(new Set(all).size, 4);
});

test("the port of the web stands in URLs when it is another one; a name of its own too", (t) => {
  const endpoints: readonly Endpoint[] = [{ protocol: "https", port: 8443, tls: "implicit" }];
  const target = "/autodiscover/autodiscover.json?Email=a@example.com&Protocol=AutodiscoverV1";
  const urlAt = (one: Case): string =>
    (JSON.parse(asked("autodiscover", { ...one, request: { target } }).body) as { Url: string }).Url;
  t.is(urlAt({ endpoints }), "https://mail.example.com:8443/autodiscover/autodiscover.xml");
  t.is(urlAt({ endpoints: [] }), "https://mail.example.com/autodiscover/autodiscover.xml");
  t.is(urlAt({ more: { host: "apps.example.com" } }), "https://apps.example.com/autodiscover/autodiscover.xml");
});

test("where no listener has TLS there is nothing to tell, and apps look elsewhere", (t) => {
  const endpoints: readonly Endpoint[] = [
    { protocol: "imap", port: 143, tls: "none" },
    { protocol: "submission", port: 587, tls: "none" },
  ];
  const body = poxBody("alice@example.com", OUTLOOK);
  const request = { method: "POST", target: "/autodiscover/autodiscover.xml" };
  t.is(textOf(asked("autodiscover", { request, body, endpoints }).body, "ErrorCode"), "601");
  t.is(asked("autoconfig", { request: { target: "/mail/config-v1.1.xml?emailaddress=a@example.com" }, endpoints }).status, 404);
  t.is(asked("mobileconfig", { request: { target: "/mobileconfig" }, endpoints }).status, 404);
});

test("whatever is asked, the answer is whole, and no line of its header is the client's", (t) => {
  const words = constantFrom(
    "<Mailbox>",
    "</Mailbox>",
    "<EMailAddress>",
    "</EMailAddress>",
    "<Action>",
    "GetUserSettings",
    "a@b.example",
    "&#10;",
    "\r\nX: y",
    "<![CDATA[",
    "]]>",
    "<!--",
    OUTLOOK,
  );
  const body = array(oneof(words, string({ unit: "binary" })), { maxLength: 12 }).map((all) => Buffer.from(all.join("")));
  const targets = constantFrom(
    "xml",
    "svc",
    "json",
    "json/v1.0/%0d%0aX:%20y?Protocol=Ews",
    "json?Email=%0d%0a&Protocol=%00",
    "else",
  );
  assert(
    property(body, targets, constantFrom("GET", "POST", "HEAD", "PUT"), (bytes, end, method) => {
      const said = asked("autodiscover", {
        request: { method, target: `/autodiscover/autodiscover.${end}` },
        body: bytes,
        more: ALL,
      });
      t.is(said.ends, 1);
      t.true(said.fields.every((field) => /^[ -~]+$/.test(field)));
      t.is(said.field("content-length"), String(method === "HEAD" ? said.field("content-length") : Buffer.byteLength(said.body)));
    }),
    { numRuns: 500 },
  );
});

test("HEAD is answered as GET is, without the body", (t) => {
  const said = autoconfig({ target: "/mail/config-v1.1.xml?emailaddress=a@example.com", method: "HEAD" });
  t.deepEqual([said.status, said.body], [200, ""]);
  t.true(Number(said.field("content-length")) > 100);
});
