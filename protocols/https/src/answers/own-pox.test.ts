import test from "ava";
import { type Said } from "../../test/exchanges.ts";
import { ALL, asked, OUTLOOK, poxBody, type Question } from "../../test/answers-scene.ts";
import { textOf, textsOf } from "../xml.ts";

const PHONE = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";

const pox = (body: string | Buffer | undefined, more: Question["more"] = {}, fields: readonly string[] = []): Said =>
  asked("autodiscover", { request: { method: "POST", target: "/Autodiscover/Autodiscover.xml", fields }, body, more });

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
