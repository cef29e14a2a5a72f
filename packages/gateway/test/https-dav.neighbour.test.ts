// Calendars behind the gateway: two real Radicales, curl as the client. The servers ask for the login themselves; or the gateway
// does, and tells them by X-Remote-User who is there.

import test from "ava";
import type { ExecutionContext } from "ava";
import { startRadicale } from "@postern/testing";
import type { Radicale } from "@postern/testing";
import { succeed } from "./clients.ts";
import { curl, type Asked, type Told } from "./curl.ts";
import { POSTERN, startGateway } from "./gateway-process.ts";
import type { Gateway, Json } from "./gateway-process.ts";
import { ALICE, BOB, FILES, PASSWORDS, ROUTES, WRONG } from "./mailboxes.ts";

interface House {
  readonly servers: readonly [Radicale, Radicale];
  readonly gateway: Gateway;
}

const LISTENERS = { https: { protocol: "https" } };
/** All of that host is Radicale's. */
const CALENDARS = { paths: "/", hosts: "mail.example.com" };

async function startHouse(
  servers: readonly [Radicale, Radicale],
  authentication: "pass" | "edge",
  login: string,
  more: { readonly config?: Json; readonly files?: Readonly<Record<string, string>> } = {},
): Promise<House> {
  const leg = ({ port }: Radicale): Json => ({ https: { url: `http://127.0.0.1:${port}`, login } });
  const gateway = await startGateway({
    listeners: LISTENERS,
    backends: { mbx1: leg(servers[0]), mbx2: leg(servers[1]) },
    routes: ROUTES,
    files: { ...FILES, ...more.files },
    config: {
      https: { services: { calendars: { ...CALENDARS, authentication }, dav: { authentication } } },
      ...more.config,
    },
  });
  return { servers, gateway };
}

let pass: House;
let edge: House;

test.before(async () => {
  const only = (user: string): Promise<Radicale> => startRadicale({ users: { [user]: PASSWORDS[user] ?? "" } });
  pass = await startHouse([await only(ALICE), await only(BOB)], "pass", "relay");
  const lines = await Promise.all(
    [ALICE, BOB].map((user) => succeed(POSTERN, ["passwd", "--scheme", "sha512-crypt", user], { input: `${PASSWORDS[user]}\n` })),
  );
  edge = await startHouse([await startRadicale(), await startRadicale()], "edge", "xclient", {
    config: { authentication: { verifiers: [{ verifier: "file", path: "users.passwd" }] } },
    files: { "users.passwd": lines.join("") },
  });
});

test.after.always(async () => {
  for (const house of [pass, edge]) {
    await house?.gateway.stop();
    for (const server of house?.servers ?? []) await server.stop();
  }
});

const XML = "Content-Type: application/xml; charset=utf-8";
const MKCALENDAR = `<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop>
<displayname>Tea &amp; plums</displayname></prop></set></C:mkcalendar>`;
const QUERY = `<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop>
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"/></C:comp-filter></C:filter></C:calendar-query>`;
const PRINCIPAL = `<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>`;

const event = (uid: string, summary: string): string =>
  [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Tests//EN",
    "BEGIN:VEVENT",
    `UID:${uid}`,
    "DTSTAMP:20261102T100000Z",
    "DTSTART:20261103T100000Z",
    "DTEND:20261103T110000Z",
    `SUMMARY:${summary}`,
    "END:VEVENT",
    "END:VCALENDAR",
    "",
  ].join("\r\n");

type Ask = (path: string, asked?: Asked) => Promise<Told>;

/** All that a calendar app does, from its first question to the end of a calendar. */
async function keepsACalendar(t: ExecutionContext, ask: Ask, user: string): Promise<void> {
  const home = `/${encodeURIComponent(user)}/`;
  const found = await ask("/", { method: "PROPFIND", fields: ["Depth: 0", XML], body: PRINCIPAL });
  t.is(found.status, 207);
  t.true(found.text.includes(`<href>${home}</href>`), found.text);
  const calendar = `${home}tea/`;
  t.is((await ask(calendar, { method: "MKCALENDAR", fields: [XML], body: MKCALENDAR })).status, 201);
  const put = await ask(`${calendar}1.ics`, {
    method: "PUT",
    fields: ["Content-Type: text/calendar", "If-None-Match: *"],
    body: event("1", `Tea with ${user}`),
  });
  t.is(put.status, 201);
  const etag = put.field("etag") ?? "";
  t.regex(etag, /^".+"$/);
  const again = await ask(`${calendar}1.ics`, {
    method: "PUT",
    fields: ["Content-Type: text/calendar", "If-None-Match: *"],
    body: event("1", "Never"),
  });
  t.is(again.status, 412, "the condition reaches the server");
  const report = await ask(calendar, { method: "REPORT", fields: ["Depth: 1", XML], body: QUERY });
  t.is(report.status, 207);
  t.true(report.text.includes(`SUMMARY:Tea with ${user}`), report.text);
  // Radicale's own server is one of HTTP/1.0: it takes no body whose length is not told.
  const old = await ask(`${calendar}2.ics`, {
    method: "PUT",
    fields: ["Content-Type: text/calendar", "Expect: 100-continue"],
    body: event("2", "Over HTTP/1.1"),
    options: ["--http1.1"],
  });
  t.is(old.status, 201);
  t.is((await ask(`${calendar}1.ics`, { method: "DELETE", fields: [`If-Match: ${etag}`] })).status, 200);
  t.is((await ask(`${calendar}1.ics`)).status, 404);
  const left = await ask(calendar, { method: "PROPFIND", fields: ["Depth: 1"] });
  t.true(left.text.includes("2.ics") && !left.text.includes("1.ics"));
  t.is((await ask(calendar, { method: "DELETE" })).status, 200);
}

for (const user of [ALICE, BOB]) {
  const [name] = user.split("@");
  test.serial(`calendars: ${name} keeps one on the server that has ${name}'s mailbox, which asks for the login`, async (t) => {
    await keepsACalendar(t, (path, asked) => curl(pass.gateway, path, { user, ...asked }), user);
    await pass.gateway.logged({ message: "request", user, method: "REPORT", backend: user === ALICE ? "mbx1" : "mbx2" });
    const other = pass.servers[user === ALICE ? 1 : 0];
    t.false(other.log().includes(`Tea with ${user}`));
  });

  test.serial(`calendars: ${name} keeps one where the gateway asks for the login and names the user`, async (t) => {
    await keepsACalendar(t, (path, asked) => curl(edge.gateway, path, { user, ...asked }), user);
    const [own, other] = user === ALICE ? edge.servers : edge.servers.toReversed();
    t.true(own?.log().includes(`Successful login: '${user}'`), own?.log());
    t.false(other?.log().includes(`Successful login: '${user}'`));
  });
}

test.serial("calendars: nobody is let in with a wrong password or without one, whoever asks", async (t) => {
  for (const { gateway } of [pass, edge]) {
    const path = `/${encodeURIComponent(ALICE)}/`;
    const wrong = await curl(gateway, path, { method: "PROPFIND", user: ALICE, password: WRONG });
    t.is(wrong.status, 401);
    t.regex(wrong.field("www-authenticate") ?? "", /^Basic realm=/);
    t.is((await curl(gateway, path, { method: "PROPFIND" })).status, 401);
    await gateway.logged({ message: "request", status: 401, user: gateway === pass.gateway ? ALICE : undefined });
  }
});

test.serial(
  "calendars: a client that names another user in X-Remote-User stays who it is, in any spelling of the field",
  async (t) => {
    for (const name of ["X-Remote-User", "x-remote-user", "X_Remote_User", "X-REMOTE_USER"]) {
      const found = await curl(edge.gateway, "/", {
        method: "PROPFIND",
        user: ALICE,
        fields: [`${name}: ${BOB}`, "Depth: 0", XML],
        body: PRINCIPAL,
      });
      t.true(found.text.includes(encodeURIComponent(ALICE)), found.text);
      t.false(found.text.includes(encodeURIComponent(BOB)));
      const alone = await curl(edge.gateway, "/", { method: "PROPFIND", fields: [`${name}: ${BOB}`, "Depth: 0"] });
      t.is(alone.status, 401, "it lets nobody in");
    }
  },
);

test.serial("calendars: one user's folder is closed to the other", async (t) => {
  for (const { gateway } of [pass, edge]) {
    const { status } = await curl(gateway, `/${encodeURIComponent(BOB)}/`, { method: "PROPFIND", user: ALICE });
    t.true(status === 403 || status === 404, String(status));
  }
});

test.serial("calendars: the well-known addresses lead to the server's own root, on the gateway's name", async (t) => {
  for (const { gateway } of [pass, edge])
    for (const path of ["/.well-known/caldav", "/.well-known/carddav"]) {
      const told = await curl(gateway, path, { user: ALICE });
      t.is(told.status, 301);
      t.is(told.field("location"), "/");
      const followed = await curl(gateway, path, { user: ALICE, method: "PROPFIND", fields: ["Depth: 0"], options: ["-L"] });
      t.is(followed.status, 207);
    }
});

test.serial("calendars: an address book is kept too", async (t) => {
  const ask: Ask = (path, asked) => curl(edge.gateway, path, { user: BOB, ...asked });
  const book = `/${encodeURIComponent(BOB)}/people/`;
  const body = `<mkcol xmlns="DAV:" xmlns:CR="urn:ietf:params:xml:ns:carddav"><set><prop><resourcetype><collection/>
<CR:addressbook/></resourcetype></prop></set></mkcol>`;
  t.is((await ask(book, { method: "MKCOL", fields: [XML], body })).status, 201);
  const card = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:c1\r\nFN:Doris Müller\r\nN:Müller;Doris;;;\r\nEND:VCARD\r\n";
  t.is((await ask(`${book}c1.vcf`, { method: "PUT", fields: ["Content-Type: text/vcard"], body: card })).status, 201);
  t.true((await ask(`${book}c1.vcf`)).text.includes("FN:Doris Müller"));
});

test.serial("calendars: the other server's users go on when one server is away; its own are told to come back", async (t) => {
  await pass.servers[1].stop();
  const path = "/";
  const bob = await curl(pass.gateway, path, { method: "PROPFIND", user: BOB, fields: ["Depth: 0"] });
  t.is(bob.status, 503);
  t.true(Number(bob.field("retry-after")) > 0);
  const alice = await curl(pass.gateway, path, { method: "PROPFIND", user: ALICE, fields: ["Depth: 0"] });
  t.is(alice.status, 207);
});
