import test from "ava";
import { array, assert, constantFrom, oneof, property, string } from "fast-check";
import { type Said, testExchange } from "../../test/exchanges.ts";
import { testService, webSettings } from "../../test/parts.ts";
import { ALL, asked, OUTLOOK, poxBody, type Question } from "../../test/answers-scene.ts";
import type { HttpRequest } from "../exchange.ts";
import type { Endpoint } from "../parts.ts";
import { textOf, textsOf } from "../xml.ts";
import { ownAnswer } from "./own.ts";

test("a service without answers of its own is not answered", (t) => {
  const exchange = testExchange();
  const { said } = exchange;
  t.false(ownAnswer(exchange, testService(), undefined, { hostname: "x", endpoints: [], settings: webSettings() }));
  t.is(said.status, undefined);
});

const soapBody = (mailboxes: readonly string[], wanted: readonly string[], action = "GetUserSettings"): string =>
  `<s:Envelope xmlns:s="s" xmlns:a="a" xmlns:w="w"><s:Header><w:Action>http://x/${action}</w:Action></s:Header><s:Body>
<a:Users>${mailboxes.map((each) => `<a:User><a:Mailbox>${each}</a:Mailbox></a:User>`).join("")}</a:Users>
<a:RequestedSettings>${wanted.map((each) => `<a:Setting>${each}</a:Setting>`).join("")}</a:RequestedSettings></s:Body></s:Envelope>`;
const soap = (body: string, more: Question["more"] = ALL): Said =>
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

const json = (target: string, more: Question["more"] = ALL): readonly [number | undefined, unknown] => {
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
  const codeOf = (target: string, more?: Question["more"]): unknown => {
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

const autoconfig = (request: Partial<HttpRequest>, more: Question["more"] = {}): Said => asked("autoconfig", { request, more });

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
  const urlAt = (one: Question): string =>
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
