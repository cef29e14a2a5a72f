// Exchange's protocols through the real program: who is asked for in each of them, ActiveSync, OWA, Autodiscover, health pages
// and redirects, with two small servers that behave as Exchange does.

import test from "ava";
import type { Asked } from "./curl.ts";
import { BOX, DORA, EMIL, open, post, startExchangeScene, type ExchangeScene } from "./exchange-scene.ts";
import { ALICE, BOB, CAROL } from "./mailboxes.ts";
import { until } from "./until.ts";

const EAS = "/Microsoft-Server-ActiveSync";
const PAGE = "Accept: text/html,application/xhtml+xml";

let scene: ExchangeScene;

test.before(async () => {
  scene = await startExchangeScene({
    devices: [
      { type: "OldPhone", action: "block" },
      { agent: "Greedy*", action: "slow", perMinute: 1 },
    ],
    autodiscover: { activeSync: true },
  });
});

test.after.always(() => scene?.stop());

const pox = (address: string, schema = "outlook/responseschema/2006a"): string =>
  `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
<Request><EMailAddress>${address}</EMailAddress>
<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/${schema}</AcceptableResponseSchema></Request></Autodiscover>`;

/** The query of ActiveSync from 12.1 on: 14.1, the command, a phone, and the user in tag 8. */
function encoded(command: number, user = "", type = "SmartPhone"): string {
  const bytes = (text: string): number[] => [text.length, ...Buffer.from(text, "latin1")];
  const tag = user === "" ? [] : [8, ...bytes(user)];
  return Buffer.from([141, command, 0x09, 0x04, ...bytes("v140Device"), 0, ...bytes(type), ...tag]).toString("base64");
}

const XML = "Content-Type: text/xml";
const HINTS: readonly (readonly [title: string, path: string, asked: Asked, server: string])[] = [
  ["the login by Basic (alice)", "/EWS/Exchange.asmx", { user: ALICE, body: "<a/>" }, "mbx1"],
  ["the login by Basic (bob)", "/EWS/Exchange.asmx", { user: BOB, body: "<a/>" }, "mbx2"],
  ["a login in Windows' form", "/EWS/Exchange.asmx", { user: "EXAMPLE\\bob", password: "x", body: "<a/>" }, "mbx2"],
  [
    "X-AnchorMailbox before the login",
    "/EWS/Exchange.asmx",
    { user: ALICE, fields: [`X-AnchorMailbox: ${BOB}`], body: "<a/>" },
    "mbx2",
  ],
  [
    "MailboxId of MAPI before the login",
    `/mapi/emsmdb/?MailboxId=${BOX}`,
    { user: ALICE, fields: ["X-RequestType: Connect"], body: "x" },
    "mbx2",
  ],
  ["explicit logon in the path", `/owa/${BOB}/`, { user: ALICE }, "mbx2"],
  ["explicit logon without a login", `/owa/${BOB}/`, {}, "mbx2"],
  ["User of ActiveSync without a login", `${EAS}?Cmd=Ping&User=bob&DeviceId=1&DeviceType=a`, { body: "" }, "mbx2"],
  ["the login before User of ActiveSync", `${EAS}?Cmd=Sync&User=bob&DeviceId=1&DeviceType=a`, { user: ALICE, body: "x" }, "mbx1"],
  ["tag 8 of ActiveSync's encoded query", `${EAS}?${encoded(0, BOB)}`, { body: "x" }, "mbx2"],
  [
    "the address in Autodiscover's body",
    "/autodiscover/autodiscover.xml",
    { user: ALICE, fields: [XML], body: pox(BOB) },
    "mbx2",
  ],
];

for (const [title, path, asked, server] of HINTS) {
  test(`who is asked for: ${title}`, async (t) => {
    t.is((await scene.ask(path, asked)).field("x-beserver"), server);
  });
}

test("who is asked for: the sealed cookie, where nothing else says it; a forged one says nothing", async (t) => {
  const first = await scene.ask("/owa/", { user: BOB });
  const cookie = /^postern=([^;]+);.*HttpOnly/i.exec(first.field("set-cookie") ?? "")?.[1] ?? "";
  t.true(cookie.length > 40, first.head);
  const from = (value: string): Asked => ({ fields: [`Cookie: a=b; postern=${value}; c=d`] });
  t.is((await scene.ask("/owa/mail", from(cookie))).field("x-beserver"), "mbx2");
  t.is(scene.mbx2.requests.at(-1)?.fields["cookie"], "a=b; c=d", "no server sees it");
  // Strangers from one address go to one server; a cookie that is not ours changes nothing.
  const stranger = (await scene.ask("/owa/mail")).field("x-beserver");
  for (const forged of [`${cookie.slice(0, -4)}AAAA`, "mbx2", "Server~mbx2", Buffer.from("mbx2").toString("base64")])
    t.is((await scene.ask("/owa/mail", from(forged))).field("x-beserver"), stranger);
});

test("ActiveSync: OPTIONS, Provision and Sync pass as they are, in both kinds of query, and the phone is in the log", async (t) => {
  const options = await scene.ask(EAS, { method: "OPTIONS", user: ALICE });
  t.is(options.status, 200);
  t.regex(options.field("ms-asprotocolversions") ?? "", /14\.1,16\.1/);
  t.regex(options.field("ms-asprotocolcommands") ?? "", /Ping/);
  const wbxml = Buffer.from([3, 1, 106, 0, 0x45, 0x00, 0xff, 0x80]);
  for (const query of ["Cmd=Provision&User=alice&DeviceId=PHONE7&DeviceType=Smart", encoded(20, "alice")]) {
    const told = await scene.ask(`${EAS}?${query}`, {
      user: ALICE,
      body: wbxml,
      fields: ["Content-Type: application/vnd.ms-sync.wbxml", "MS-ASProtocolVersion: 14.1", "X-MS-PolicyKey: 12"],
    });
    t.is(told.status, 200);
    const seen = scene.mbx1.requests.at(-1);
    t.is(seen?.url, `${EAS}?${query}`);
    t.deepEqual(seen?.body, wbxml);
    t.is(seen?.fields["x-ms-policykey"], "12");
  }
  await scene.gateway.logged({ message: "request", service: "activesync", device: "Smart PHONE7", user: ALICE });
  await scene.gateway.logged({ message: "request", service: "activesync", device: "SmartPhone v140Device", user: ALICE });
});

test("ActiveSync: a Ping is held until its server answers it, and one that the phone gives up ends at the server too", async (t) => {
  const asked = scene.ask(`${EAS}?${encoded(18)}`, { user: BOB, body: "" });
  const ping = await scene.mbx2.long();
  t.is(ping.request.user, BOB);
  ping.end("changes");
  t.is((await asked).text, "changes");
  const phone = await open(scene);
  phone.send(post(`${EAS}?${encoded(18)}`, BOB, [], ""));
  const second = await scene.mbx2.long();
  phone.close();
  await second.left();
  await scene.gateway.logged({ message: "request", service: "activesync", kind: "client-gone" });
});

test("ActiveSync: a server that is away is 503 with Retry-After, which phones do not take for a reason to begin anew", async (t) => {
  for (const asked of [{ method: "OPTIONS" }, { body: "x" }] as const) {
    const told = await scene.ask(`${EAS}?${encoded(0)}`, { user: CAROL, ...asked });
    t.is(told.status, 503);
    t.true(Number(told.field("retry-after")) > 0);
  }
});

test("ActiveSync: a rule keeps phones out, another slows them down, and others are let through", async (t) => {
  const blocked = await scene.ask(`${EAS}?Cmd=Sync&User=bob&DeviceId=1&DeviceType=oldphone`, { user: BOB, body: "x" });
  t.is(blocked.status, 403);
  t.is((await scene.ask(`${EAS}?${encoded(0, BOB, "OldPhone")}`, { user: BOB, body: "x" })).status, 403);
  const greedy = (): ReturnType<ExchangeScene["ask"]> =>
    scene.ask(`${EAS}?${encoded(0)}`, { user: BOB, body: "x", fields: ["User-Agent: Greedy/2"] });
  t.is((await greedy()).status, 200);
  const slowed = await greedy();
  t.is(slowed.status, 503);
  t.true(Number(slowed.field("retry-after")) > 0);
  t.is((await scene.ask(`${EAS}?${encoded(0)}`, { user: BOB, body: "x" })).status, 200);
});

test("ActiveSync: a user who lives elsewhere is sent there by 451 and X-MS-Location from 12.1 on; older phones are served here", async (t) => {
  const body = "x";
  const told = await scene.ask(`${EAS}?Cmd=Sync&User=dora&DeviceId=1&DeviceType=a`, {
    user: DORA,
    body,
    fields: ["MS-ASProtocolVersion: 14.1"],
  });
  t.is(told.status, 451);
  t.is(told.field("x-ms-location"), `https://mail.zurich.example.com${EAS}`);
  t.is((await scene.ask(`${EAS}?${encoded(0)}`, { user: DORA, body })).status, 451);
  const old = await scene.ask(`${EAS}?Cmd=Sync&User=dora&DeviceId=1&DeviceType=a`, {
    user: DORA,
    body,
    fields: ["MS-ASProtocolVersion: 2.5"],
  });
  t.is(old.field("x-beserver"), "mbx1");
});

test("OWA: the logon page is on the gateway's own name, its cookies come through unchanged, and the session stays at its server", async (t) => {
  const asked = await scene.ask(`/owa/${BOB}/`);
  t.is(asked.status, 302);
  const location = new URL(asked.field("location") ?? "");
  t.is(location.host, `mail.example.com:${scene.gateway.port("https")}`);
  t.is(location.pathname, "/owa/auth/logon.aspx");
  const affinity = /postern=[^;]+/.exec(asked.head)?.[0] ?? "";
  const form = await scene.ask("/owa/auth.owa", { body: "username=bob&password=x", fields: [`Cookie: ${affinity}`] });
  t.is(form.field("x-beserver"), "mbx2");
  t.regex(form.head, /cadata=abc; path=\/; secure; HttpOnly\r\n/);
  const inside = await scene.ask("/owa/", { fields: [`Cookie: ${affinity}; cadata=abc`] });
  t.is(inside.text, "<h1>mbx2</h1>");
});

test("OWA: a person who lives elsewhere is sent there at once, or shown a link; a script is not", async (t) => {
  const silent = await scene.ask(`/owa/${DORA}/?a=1`, { fields: [PAGE] });
  t.is(silent.status, 302);
  t.is(silent.field("location"), `https://mail.zurich.example.com/owa/${DORA}/?a=1`);
  const page = await scene.ask(`/owa/${EMIL}/`, { fields: [PAGE] });
  t.is(page.status, 200);
  t.true(page.text.includes(`<a href="https://mail.other.example.com/owa/${EMIL}/">`), page.text);
  t.is((await scene.ask(`/owa/${DORA}/x`, { user: DORA })).field("x-beserver"), "mbx1");
});

test("Autodiscover: a user who lives elsewhere is sent there by 302, or by another address", async (t) => {
  const asked = { fields: [XML] };
  const url = await scene.ask("/autodiscover/autodiscover.xml", { ...asked, user: DORA, body: pox(DORA) });
  t.is(url.status, 302);
  t.is(url.field("location"), "https://mail.zurich.example.com/autodiscover/autodiscover.xml");
  const address = await scene.ask("/Autodiscover/Autodiscover.xml", { ...asked, user: EMIL, body: pox(EMIL) });
  t.is(address.status, 200);
  t.regex(address.text, /<Action>redirectAddr<\/Action><RedirectAddr>emil@other\.example\.net<\/RedirectAddr>/);
});

test("Autodiscover: the gateway answers in place of servers that do not know the folder", async (t) => {
  const other = await startExchangeScene({ autodiscover: { activeSync: true } }, ["/autodiscover/"]);
  t.teardown(() => other.stop());
  const told = await other.ask("/autodiscover/autodiscover.xml", {
    user: ALICE,
    fields: [XML],
    body: pox(ALICE, "mobilesync/responseschema/2006"),
  });
  t.is(told.status, 200);
  t.regex(told.text, /<Type>MobileSync<\/Type><Url>https:\/\/mail\.example\.com\/Microsoft-Server-ActiveSync<\/Url>/);
  t.true(
    other.mbx1.requests.some(({ url }) => url === "/autodiscover/autodiscover.xml"),
    "the server was asked first",
  );
});

test("health pages: each folder has one, without a login, and no server is asked", async (t) => {
  const folders = ["owa", "ecp", "ews", "oab", "mapi", "Microsoft-Server-ActiveSync", "autodiscover", "powershell", "api"];
  for (const folder of folders) {
    const told = await scene.ask(`/${folder}/healthcheck.htm`);
    t.is(told.status, 200, folder);
    t.is(told.text, "200 OK<br/>mail.example.com");
  }
  const pages = [...scene.mbx1.requests, ...scene.mbx2.requests].filter(({ url }) => url.endsWith("healthcheck.htm"));
  t.is(pages.length, 0);
});

test("internal fields of Exchange's halves are taken from nobody", async (t) => {
  const forged = [
    "X-CommonAccessToken: VgEAVAdXaW5kb3dz",
    "X-IsFromCafe: 1",
    "msExchProxyUri: https://evil",
    "X-BackEndCookie: S-1-5=x",
  ];
  const told = await scene.ask("/EWS/forged.asmx", { user: ALICE, fields: forged, body: "<a/>" });
  t.is(told.status, 200);
  const seen = await until(
    () => scene.mbx1.requests.find(({ url }) => url === "/EWS/forged.asmx"),
    () => "the request",
  );
  for (const name of ["x-commonaccesstoken", "x-isfromcafe", "msexchproxyuri"]) t.is(seen.fields[name], undefined, name);
});
