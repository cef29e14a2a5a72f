// The gateway's own login page, as people meet it in a real Chromium: in front of a server that only knows Basic, on two nodes
// that share a key.

import { randomBytes } from "node:crypto";
import test from "ava";
import type { ExecutionContext } from "ava";
import { serveHttp } from "@postern/testing";
import type { TestServer } from "@postern/testing";
import type { Page } from "playwright-core";
import { startBrowser } from "./browser.ts";
import type { People, Person } from "./browser.ts";
import { succeed } from "./clients.ts";
import { POSTERN, startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, BOB, FILES, PASSWORDS, ROUTES, WRONG } from "./mailboxes.ts";
import { contrastProblems, formProblems, overflow } from "./page-checks.ts";

let servers: readonly TestServer[];
let nodes: readonly [Gateway, Gateway];
let people: People;
/** What the servers were sent: user, method, path and cookies. */
const seen: string[] = [];

/** A server with users of its own, that lets nobody in without Basic, and says nothing of caches. */
const startServer = (name: string, user: string): Promise<TestServer> =>
  serveHttp((request, response) => {
    const [, given = ""] = /^Basic (.*)$/.exec(request.headers.authorization ?? "") ?? [];
    if (Buffer.from(given, "base64").toString() !== `${user}:${PASSWORDS[user] ?? ""}`) {
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="inside"' }).end("Who are you?");
      return;
    }
    seen.push(`${user} ${request.method ?? ""} ${request.url ?? ""} ${request.headers.cookie ?? "-"}`);
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    response.end(`<!doctype html><html lang="en"><title>${name}</title><link rel="icon" href="data:,"><h1>Mail of ${user} at ${name}</h1>
<p><a href="/postern/logout">Log out</a></p><form method="post" action="/postern/logout"><button>Leave</button></form>`);
  });

test.before(async () => {
  servers = [await startServer("mbx1", ALICE), await startServer("mbx2", BOB)];
  const lines = await Promise.all(
    [ALICE, BOB].map((user) => succeed(POSTERN, ["passwd", "--scheme", "sha512-crypt", user], { input: `${PASSWORDS[user]}\n` })),
  );
  const key = randomBytes(48);
  const startNode = (): Promise<Gateway> =>
    startGateway({
      listeners: { https: { protocol: "https" } },
      backends: { mbx1: { https: servers[0]?.origin }, mbx2: { https: servers[1]?.origin } },
      routes: ROUTES,
      files: { ...FILES, "users.passwd": lines.join(""), "cookie.key": key },
      config: {
        https: {
          services: { webmail: { authentication: "forms" } },
          cookie: { keyFile: "cookie.key" },
          forms: { title: "Mail of Example" },
        },
        authentication: { verifiers: [{ verifier: "file", path: "users.passwd" }] },
      },
    });
  nodes = [await startNode(), await startNode()];
  people = await startBrowser();
});

test.after.always(async () => {
  await people?.stop();
  for (const node of nodes ?? []) await node.stop();
  for (const server of servers ?? []) await server.stop();
});

const at = (path: string, node = nodes[0]): string => `https://mail.example.com:${node.port("https")}${path}`;

async function fill(page: Page, user: string, password: string): Promise<void> {
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

async function isInside(page: Page, user: string): Promise<void> {
  await page.getByRole("heading", { name: `Mail of ${user}` }).waitFor();
}

async function isAtTheDoor(page: Page): Promise<void> {
  await page.getByRole("heading", { name: "Mail of Example" }).waitFor();
  await page.getByLabel("Password").waitFor();
}

async function logsIn({ page }: Person, user: string, path = "/webmail/inbox?page=2"): Promise<void> {
  await page.goto(at(path));
  await isAtTheDoor(page);
  await fill(page, user, PASSWORDS[user] ?? "");
  await isInside(page, user);
}

test.serial("login page: a wrong password and an unknown user are told in the same words, and nobody is in", async (t) => {
  const person = await people.arrive();
  const { page } = person;
  await page.goto(at("/webmail/inbox?page=2"));
  const words: string[] = [];
  for (const user of [ALICE, "nobody@example.com"]) {
    await fill(page, user, WRONG);
    const alert = page.getByRole("alert");
    await alert.waitFor();
    words.push(await alert.innerText());
    t.is(await page.getByLabel("User name").inputValue(), user, "the name need not be typed again");
    t.is(await page.getByLabel("Password").inputValue(), "");
    t.regex(await page.title(), /^Error: /);
    await person.picture(`forms-wrong-${words.length}`);
  }
  t.is(words[0], words[1]);
  t.false((await person.context.cookies()).some(({ name }) => name === "__Host-postern-session"));
  t.deepEqual(await formProblems(page), []);
  await nodes[0].logged({ message: "login failed", user: ALICE, kind: "wrong-credentials" });
  await person.leave();
});

test.serial(
  "login page: the right password leads to the page that was asked for, on the user's own server, and reloading keeps it",
  async (t) => {
    for (const [user, server] of [
      [ALICE, "mbx1"],
      [BOB, "mbx2"],
    ] as const) {
      const person = await people.arrive();
      const { page } = person;
      await logsIn(person, user);
      t.is(new URL(page.url()).pathname + new URL(page.url()).search, "/webmail/inbox?page=2");
      t.is(await page.title(), server);
      await page.reload();
      await isInside(page, user);
      const cookie = (await person.context.cookies()).find(({ name }) => name === "__Host-postern-session");
      t.like(cookie, { secure: true, httpOnly: true, sameSite: "Lax", path: "/", expires: -1 });
      t.deepEqual(person.troubles, []);
      await person.leave();
    }
    t.deepEqual(
      seen.filter((line) => /__Host-postern/.test(line)),
      [],
      "no server sees the gateway's cookies",
    );
  },
);

test.serial("login page: another node with the same key takes the session over", async (t) => {
  const person = await people.arrive();
  await logsIn(person, ALICE);
  await person.page.goto(at("/webmail/", nodes[1]));
  await isInside(person.page, ALICE);
  await nodes[1].logged({ message: "request", path: "/webmail/", user: ALICE, status: 200 });
  t.false(nodes[1].log().some(({ path }) => path === "/postern/login"));
  await person.leave();
});

test.serial("login page: whoever has logged out sees nothing any more, by reloading or by going back", async (t) => {
  const person = await people.arrive();
  const { page } = person;
  await logsIn(person, ALICE);
  await page.goto(at("/webmail/secret"));
  await isInside(page, ALICE);
  await page.getByRole("link", { name: "Log out" }).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByText("You are logged out.").waitFor();
  await person.picture("forms-out");
  t.false((await person.context.cookies()).some(({ name }) => name === "__Host-postern-session"));
  for (let steps = 0; steps < 4; steps += 1) {
    await page.goBack({ waitUntil: "commit" });
    await page.locator("h1").waitFor();
    t.is(await page.getByText(`Mail of ${ALICE}`).count(), 0, `${steps + 1} steps back: ${page.url()}`);
  }
  await page.goto(at("/webmail/secret"));
  await isAtTheDoor(page);
  await person.leave();
});

test.serial("login page: a button of the server's own page logs out at once", async (t) => {
  const person = await people.arrive();
  await logsIn(person, BOB);
  await person.page.getByRole("button", { name: "Leave" }).click();
  await person.page.getByText("You are logged out.").waitFor();
  t.false((await person.context.cookies()).some(({ name }) => name === "__Host-postern-session"));
  await person.leave();
});

test.serial("login page: the keyboard is enough, for logging in and for logging out", async (t) => {
  const person = await people.arrive();
  const { page } = person;
  const focused = (): Promise<string> =>
    page.evaluate<string>("document.activeElement.name || document.activeElement.textContent");
  await page.goto(at("/webmail/"));
  t.is(await focused(), "user", "it can be typed at once");
  await page.keyboard.type(ALICE);
  await page.keyboard.press("Tab");
  t.is(await focused(), "password");
  await page.keyboard.type(PASSWORDS[ALICE] ?? "");
  await page.keyboard.press("Tab");
  t.is(await focused(), "computer");
  await page.keyboard.press("ArrowDown");
  t.true(await page.getByLabel("My own").isChecked());
  await page.keyboard.press("Tab");
  t.is(await focused(), "Log in");
  await page.keyboard.press("Enter");
  await isInside(page, ALICE);
  await page.goto(at("/postern/logout"));
  t.is(await focused(), "Log out");
  await page.keyboard.press("Enter");
  await page.getByText("You are logged out.").waitFor();
  await person.leave();
});

async function looksWell(t: ExecutionContext, { page, troubles }: Person): Promise<void> {
  t.deepEqual(await formProblems(page), []);
  t.deepEqual(await contrastProblems(page), []);
  t.is(await overflow(page), 0);
  t.deepEqual(troubles, [], "the page keeps its own policy");
}

for (const colorScheme of ["light", "dark"] as const) {
  test.serial(
    `login page: in ${colorScheme}, on a small phone and a large screen, all is readable, labelled and reachable`,
    async (t) => {
      for (const [width, height] of [
        [320, 568],
        [1280, 720],
      ] as const) {
        const person = await people.arrive({ colorScheme, viewport: { width, height } });
        await person.page.goto(at("/webmail/"));
        await person.picture(`forms-${colorScheme}-${width}`);
        await looksWell(t, person);
        await person.page.goto(at("/postern/login?note=expired"));
        await person.picture(`forms-${colorScheme}-${width}-note`);
        await looksWell(t, person);
        await person.leave();
      }
    },
  );
}

test.serial("login page: scripts of a page whose session is over hear so, and no dialogue stands in the way", async (t) => {
  const person = await people.arrive();
  await logsIn(person, ALICE);
  const ask = (): Promise<number> => person.page.evaluate<number>("fetch('/webmail/news').then(({ status }) => status)");
  t.is(await ask(), 200);
  await person.context.clearCookies();
  t.is(await ask(), 401);
  await person.leave();
});

test.serial("login page: another site can neither show it in a frame nor send its form", async (t) => {
  const address = at("/postern/login");
  const evil = await serveHttp((request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    if (request.url === "/frame") response.end(`<iframe src="${address}"></iframe>`);
    else
      response.end(`<form method="post" action="${address}"><input name="user" value="${ALICE}"><input name="password" value="x">
<button>Win</button></form>`);
  });
  t.teardown(() => evil.stop());
  const person = await people.arrive();
  await person.page.goto(`${evil.origin}/frame`);
  await person.page.frameLocator("iframe").locator("body").waitFor({ state: "attached" });
  t.is(await person.page.frameLocator("iframe").getByLabel("Password").count(), 0);
  await person.page.goto(`${evil.origin}/form`);
  await person.page.getByRole("button", { name: "Win" }).click();
  await person.page.getByText("The form of another site cannot be used here.").waitFor();
  await person.leave();
});
