// Web mail behind the gateway, as a person sees it: a real Chromium, a real Roundcube, whose IMAP goes through the same gateway
// to two real Dovecots.

import test from "ava";
import type { ExecutionContext } from "ava";
import { startRoundcube } from "@postern/testing";
import type { Roundcube } from "@postern/testing";
import { startBrowser } from "./browser.ts";
import type { People, Person } from "./browser.ts";
import { startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, authority, BOB, FILES, PASSWORDS, ROUTES, startMailboxes } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";
import { stopAll, together } from "./together.ts";

let mailboxes: Mailboxes;
let roundcube: Roundcube;
let gateway: Gateway;
let people: People;

test.before(async () => {
  [mailboxes, roundcube] = await together(startMailboxes(), startRoundcube({ authority: authority.cert }));
  gateway = await startGateway({
    listeners: { imaps: { protocol: "imap", tls: "implicit" }, https: { protocol: "https" } },
    backends: { ...mailboxes.backends, web: { https: `http://127.0.0.1:${roundcube.port}` } },
    config: { https: { services: { webmail: { backends: "web" } } } },
    routes: ROUTES,
    files: FILES,
  });
  await roundcube.readMailAt(gateway.port("imaps"));
  people = await startBrowser();
});

test.after.always(async () => {
  await people?.stop();
  await gateway?.stop();
  await stopAll([roundcube, mailboxes]);
});

const address = (): string => `https://mail.example.com:${gateway.port("https")}/roundcube/`;

async function logIn({ page }: Person, user: string, password: string): Promise<void> {
  await page.goto(address());
  await page.getByRole("textbox", { name: "Username" }).fill(user);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Login" }).click();
}

async function readsMail(t: ExecutionContext, user: string, subject: string, text: string): Promise<void> {
  const person = await people.arrive();
  const { page } = person;
  const name = user.split("@")[0] ?? "";
  await logIn(person, user, PASSWORDS[user] ?? "");
  const line = page.locator("#messagelist").getByText(subject);
  await line.waitFor();
  await person.picture(`webmail-${name}-1-list`);
  t.is(await page.locator("#messagelist tbody tr").count(), 1, "nobody else's mail is there");
  await line.click();
  const body = page.frameLocator("#messagecontframe").locator("#messagebody");
  await body.getByText(text).waitFor();
  await person.picture(`webmail-${name}-2-message`);
  await page.getByRole("button", { name: "Logout" }).click();
  await page.getByText("You have successfully terminated the session").waitFor();
  await person.picture(`webmail-${name}-3-out`);
  await page.goto(address());
  t.is(await page.getByText(subject).count(), 0);
  await page.getByRole("textbox", { name: "Username" }).waitFor();
  t.deepEqual(person.troubles, []);
  await person.leave();
}

const message = (subject: string, text: string): string =>
  `From: Doris <doris@example.org>\r\nTo: you\r\nSubject: ${subject}\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n` +
  `MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${text}\r\n`;

test.serial(
  "web mail: a person of each mailbox server logs in, reads a message and logs out, all through the gateway",
  async (t) => {
    await mailboxes.mbx1.deliver(ALICE, message("Plums", "The plums are ripe: für Alice"));
    await mailboxes.mbx2.deliver(BOB, message("Pears", "The pears are ripe: für Bob"));
    await readsMail(t, ALICE, "Plums", "The plums are ripe: für Alice");
    await readsMail(t, BOB, "Pears", "The pears are ripe: für Bob");
    await gateway.logged({ protocol: "imap", user: ALICE, backend: /^mbx1 / });
    await gateway.logged({ protocol: "imap", user: BOB, backend: /^mbx2 / });
    await gateway.logged({ message: "request", path: "/roundcube/", backend: "web", version: "2", method: "POST" });
  },
);

test.serial("web mail: two people at the same time see their own mail only", async (t) => {
  const [alice, bob] = [await people.arrive(), await people.arrive()];
  await Promise.all([logIn(alice, ALICE, PASSWORDS[ALICE] ?? ""), logIn(bob, BOB, PASSWORDS[BOB] ?? "")]);
  for (let turn = 0; turn < 3; turn += 1) {
    await alice.page.locator("#messagelist").getByText("Plums").waitFor();
    await bob.page.locator("#messagelist").getByText("Pears").waitFor();
    t.is(await alice.page.getByText("Pears").count(), 0);
    t.is(await bob.page.getByText("Plums").count(), 0);
    await Promise.all([alice, bob].map(({ page }) => page.reload()));
  }
  await alice.leave();
  await bob.leave();
});

test.serial("web mail: a wrong password is refused by the mailbox server, and Roundcube says so", async (t) => {
  const person = await people.arrive();
  await logIn(person, ALICE, "Wrong-geheim-4");
  await person.page.getByText("Login failed.").waitFor();
  t.is(await person.page.locator("#messagelist").count(), 0);
  await gateway.logged({ message: "login failed", user: ALICE, kind: "wrong-credentials" });
  await person.leave();
});

test.serial("web mail: Roundcube knows that the person came by https: its cookies are for https only", async (t) => {
  const person = await people.arrive();
  await person.page.goto(address());
  const cookies = await person.context.cookies();
  t.true(cookies.some(({ name, secure }) => name === "roundcube_sessid" && secure));
  await person.leave();
});

test.serial("web mail: a person is told by a small page when Roundcube is away", async (t) => {
  await roundcube.stop();
  const person = await people.arrive();
  const answer = await person.page.goto(address());
  t.is(answer?.status(), 503);
  await person.page.getByRole("heading", { name: "Mail is not available now" }).waitFor();
  t.regex(await person.page.locator("main").innerText(), /Request: \S+/);
  await person.picture("webmail-away");
  await person.leave();
});
