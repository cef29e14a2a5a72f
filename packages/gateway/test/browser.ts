// A person at a real Chromium, for tests: what the page tells of itself, what went wrong on it, and pictures of it.

import { hash, X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { FILES } from "./mailboxes.ts";

export interface Person {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors of the console, exceptions, and requests that were refused by the page's own policy, so far. */
  readonly troubles: readonly string[];
  /** Keeps a picture of what is seen; its file. */
  picture(name: string): Promise<string>;
  leave(): Promise<void>;
}

export interface People {
  /** Somebody with a browser that knows nothing of the others'. */
  arrive(options?: BrowserContextOptions): Promise<Person>;
  stop(): Promise<void>;
}

/** How long a page may take on a busy machine. */
const PATIENCE_MS = 30_000;

/** It trusts the tests' certificate as if it were a real one: what has come over a doubtful connection is not cached. */
function trust(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return `--ignore-certificate-errors-spki-list=${hash("sha256", key, "base64")}`;
}

/** Starts the browser; it finds mail.example.com on this machine. POSTERN_PICTURES: a folder that keeps the pictures. */
export async function startBrowser(): Promise<People> {
  const browser: Browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--host-resolver-rules=MAP *.example.com 127.0.0.1", trust(FILES["server.pem"])],
    // Going back shows a page as it was left, as people have it.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
    timeout: PATIENCE_MS,
  });
  const kept = process.env["POSTERN_PICTURES"];
  const folder = kept ?? (await mkdtemp(join(tmpdir(), "pictures-")));
  return {
    arrive: (options = {}) => arrive(browser, folder, options),
    async stop() {
      await browser.close();
      if (kept === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function arrive(browser: Browser, folder: string, options: BrowserContextOptions): Promise<Person> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  context.setDefaultNavigationTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") troubles.push(message.text());
  });
  page.on("pageerror", (error) => troubles.push(error.message));
  return {
    context,
    page,
    troubles,
    async picture(name) {
      const path = join(folder, `${name}.png`);
      await page.screenshot({ path });
      return path;
    },
    leave: () => context.close(),
  };
}
