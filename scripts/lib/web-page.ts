// docs/https.md: a page that people write, with two tables of the web services that are made of the code, each between two
// comments. Throws an Error when a table has no place, and what the file system says.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WEB_SERVICES } from "@postern/gateway";
import { code, table, yes } from "./markdown.ts";
import { ROOT } from "./run.ts";

export const WEB_PAGE = "docs/https.md";

/** The page as somebody wrote it, with its tables as they are. Throws an Error when one has no place. */
export function webPage(): string {
  let page = readFileSync(join(ROOT, WEB_PAGE), "utf8");
  for (const [name, text] of Object.entries({ services: servicesTable(), treatment: treatmentTable() })) {
    const before = `<!-- ${name}: made by scripts/generate.ts -->\n`;
    const from = page.indexOf(before) + before.length;
    const to = page.indexOf("\n<!-- end -->", from - 1);
    if (from < before.length || to === -1) throw new Error(`${WEB_PAGE} has no place for ${name}`);
    page = `${page.slice(0, from)}\n${text}\n${page.slice(to)}`;
  }
  return page;
}

function servicesTable(): string {
  return table(
    ["service", "folders", "who is asked for", "idle", "largest body"],
    WEB_SERVICES.map(({ name, paths, hints, idleMs, maxBody }) => [
      code(name),
      paths.map(code).join(" "),
      hints.join(", ") || "nobody",
      `${idleMs / 60_000} min`,
      maxBody === 0 ? "no limit" : bytesText(maxBody),
    ]),
  );
}

function treatmentTable(): string {
  return table(
    [
      "service",
      "failures are told as to",
      "cookie",
      "users without a mailbox (edge, forms)",
      "users who moved",
      "the gateway's own answers",
      "health page",
    ],
    WEB_SERVICES.map(({ name, refusals, hasAffinity, isForAnybody, redirects, own, hasHealthPage }) => [
      code(name),
      { page: "browsers", program: "programs", activesync: "phones", mapi: "Outlook (MAPI)", rpc: "Outlook (RPC)" }[refusals],
      yes(hasAffinity),
      isForAnybody ? "any backend" : "refused",
      redirects === undefined ? "proxied" : "redirected",
      own === undefined ? "" : code(own.when),
      yes(hasHealthPage),
    ]),
  );
}

/** In the largest unit of which it is a whole number. */
function bytesText(bytes: number): string {
  const units = [
    [2 ** 30, "GiB"],
    [1_000_000, "MB"],
    [1024, "KiB"],
  ] as const;
  const [size, unit] = units.find(([each]) => bytes % each === 0) ?? [1, "bytes"];
  return `${bytes / size} ${unit}`;
}
