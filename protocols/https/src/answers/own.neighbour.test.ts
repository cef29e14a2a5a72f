// The gateway's own answers, read by parsers that are not ours: Python's xml.etree and plistlib. Names that look like markup are
// in all of them.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import test from "ava";
import { testExchange } from "../../test/exchanges.ts";
import { testService, webSettings } from "../../test/parts.ts";
import type { HttpRequest } from "../exchange.ts";
import type { Service } from "../parts.ts";
import { ownAnswer } from "./own.ts";

const PYTHON = "/usr/bin/python3";
const run = promisify(execFile);

/** Prints every element as its name, or its namespace and name, with its text. */
const ELEMENTS = `import sys, json, xml.etree.ElementTree as tree
print(json.dumps([[each.tag, (each.text or "").strip()] for each in tree.fromstring(sys.argv[1].encode()).iter()]))`;
const PLIST = `import sys, json, plistlib
print(json.dumps(plistlib.loads(sys.argv[1].encode())))`;

async function python(script: string, text: string): Promise<unknown> {
  const { stdout } = await run(PYTHON, ["-c", script, text], { timeout: 30_000 });
  return JSON.parse(stdout);
}

function answer(kind: NonNullable<Service["own"]>["kind"], request: Partial<HttpRequest>, body?: string): string {
  const exchange = testExchange({ method: body === undefined ? "GET" : "POST", ...request });
  const { said } = exchange;
  const autodiscover = {
    ...webSettings().autodiscover,
    displayName: `<b>&"'\u0007\ud800`,
    activeSync: true,
    ews: true,
    mapi: true,
  };
  const endpoints = [
    { protocol: "imap", port: 993, tls: "implicit" },
    { protocol: "pop3", port: 995, tls: "implicit" },
    { protocol: "submission", port: 587, tls: "starttls" },
  ] as const;
  const house = { hostname: "mail.example.com", endpoints, settings: { autodiscover } };
  ownAnswer(exchange, testService({ own: { kind, when: "gateway" } }), body === undefined ? undefined : Buffer.from(body), house);
  return said.body;
}

const ADDRESS = "o'brien&co@bücher.example";
const pox = (schema: string): string =>
  `<A><EMailAddress>o'brien&amp;co@bücher.example</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/${schema}</AcceptableResponseSchema></A>`;
const SOAP = `<E><Action>x/GetUserSettings</Action><Mailbox>o'brien&amp;co@bücher.example</Mailbox><Setting>UserDisplayName</Setting>
<Setting>ExternalImap4Connections</Setting><Setting>Other</Setting></E>`;
const POX = { target: "/autodiscover/autodiscover.xml", fields: ["X-MapiHttpCapability", "1"] };
const SVC = { target: "/autodiscover/autodiscover.svc" };

for (const [title, text, name] of [
  ["POX for Outlook", answer("autodiscover", POX, pox("outlook/responseschema/2006a")), "LoginName"],
  ["POX for phones", answer("autodiscover", POX, pox("mobilesync/responseschema/2006")), "EMailAddress"],
  ["SOAP", answer("autodiscover", SVC, SOAP), "Value"],
] as const) {
  test(`${title} is XML, with the address as it was sent`, async (t) => {
    const elements = (await python(ELEMENTS, text)) as readonly (readonly [string, string])[];
    const found = elements.filter(([tag]) => tag.endsWith(`}${name}`)).map(([, value]) => value);
    t.true(found.length > 0);
    t.true(
      found.every((value) => value === ADDRESS),
      String(found),
    );
  });
}

test("errors, faults and autoconfig are XML", async (t) => {
  for (const text of [
    answer("autodiscover", POX, "<A/>"),
    answer("autodiscover", SVC, "<A/>"),
    answer("autodiscover", SVC, "<A><Action>/GetUserSettings</Action></A>"),
  ])
    t.true(((await python(ELEMENTS, text)) as unknown[]).length > 3);
  const target = `/mail/config-v1.1.xml?emailaddress=${encodeURIComponent(ADDRESS)}`;
  const config = (await python(ELEMENTS, answer("autoconfig", { target }))) as readonly (readonly [string, string])[];
  t.deepEqual(
    config.filter(([tag]) => tag === "displayName" || tag === "domain").map(([, value]) => value),
    ["bücher.example", `<b>&"'\ufffd\ufffd`],
  );
});

test("a profile is a property list with the types that devices expect", async (t) => {
  const target = `/mobileconfig?email=${encodeURIComponent(ADDRESS)}`;
  const profile = (await python(PLIST, answer("mobileconfig", { target }))) as Record<string, unknown>;
  const [mail, phone, ...more] = profile["PayloadContent"] as readonly Record<string, unknown>[];
  t.is(more.length, 0);
  t.like(profile, { PayloadType: "Configuration", PayloadVersion: 1 });
  t.like(mail, {
    PayloadType: "com.apple.mail.managed",
    EmailAccountType: "EmailTypeIMAP",
    EmailAddress: ADDRESS,
    IncomingMailServerHostName: "mail.example.com",
    IncomingMailServerPortNumber: 993,
    IncomingMailServerUseSSL: true,
    OutgoingMailServerPortNumber: 587,
    OutgoingMailServerUsername: ADDRESS,
  });
  t.like(phone, {
    PayloadType: "com.apple.eas.account",
    Host: "mail.example.com",
    SSL: true,
    EnableMail: false,
    UserName: ADDRESS,
  });
  t.false(Object.keys({ ...mail, ...phone }).includes("Password"));
});
