// rspamd over HTTP: each message is shown to it, and what it says is done: refuse, defer, mark, rewrite the subject, change the
// header. Never changes the body. Whatever it cannot look at is what `onFailure` and `onLarge` say. Building it reads the
// files of its settings; throws Error that begins with the setting.

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { found, isLoopback, setting, stop, type FilterAnswer, type MailTransaction, type ValueOf } from "@postern/contracts";
import { parseEndpoint, type Endpoint } from "@postern/lookup";
import type { FilterRow } from "./row.ts";
import { readAnswer, type RspamdAnswer } from "./rspamd-answer.ts";
import { factsFor } from "./rspamd-facts.ts";
import { askRspamd } from "./rspamd-request.ts";
import { ScannerFeed } from "./scanner-feed.ts";
import { removeStrangers } from "./stranger.ts";
import { Places, scannerSettings, ServersInOrder, Unscanned } from "./scanner.ts";

const { boolean, choice, custom, group, list, path } = setting;

const FOLLOWED = ["reject", "defer", "mark", "subject", "headers"] as const;
type Followed = (typeof FOLLOWED)[number];

const settings = group("Spam and more, as rspamd judges it over HTTP. Switched on by a URL.", {
  url: list(
    "Where rspamd's normal worker listens, such as http://127.0.0.1:11333; several are tried in order. Without a path, /checkv2 is asked.",
    custom<Endpoint>("URL", "Where rspamd listens.", parseEndpoint),
    { single: true },
  ),
  passwordFile: path<true>("A file with the password that rspamd wants, on its first line.", { optional: true }),
  tls: group("TLS to an https URL.", {
    ca: path<true>("PEM file of the authorities to trust instead of the system's.", { optional: true }),
    verify: boolean("Check the server's certificate; turn it off only to test.", { default: true }),
  }),
  allowPlaintext: boolean("Send the password even over plain http to another machine.", { default: false }),
  ...scannerSettings,
  follow: list(
    "What is done of what rspamd wants: reject (also its discard and quarantine: nothing is thrown away), defer (soft reject, greylist), mark (X-Spam: Yes), subject (rewrite it), headers (its milter_headers module). Its score counts in any case.",
    choice("What is done.", FOLLOWED),
    { default: FOLLOWED },
  ),
});

type Values = ValueOf<typeof settings>;

/** What follows from an action. */
const ACTIONS: Readonly<Record<string, Followed>> = {
  reject: "reject",
  discard: "reject",
  quarantine: "reject",
  "soft reject": "defer",
  greylist: "defer",
  "add header": "mark",
  "rewrite subject": "subject",
};

const MARK = "X-Spam";
const LATER = "Try again later";
const SPAM = "The message is refused as spam";

function judge(mail: MailTransaction, answer: RspamdAnswer, follow: readonly Followed[]): FilterAnswer {
  const { action, score, symbols, words, subject, edits } = answer;
  mail.findings.push(found("RSPAMD", score, `${action}; ${symbols.join(" ")}`.slice(0, 1000)));
  const wanted = ACTIONS[action];
  const does = wanted !== undefined && follow.includes(wanted) ? wanted : undefined;
  if (does === "reject") return stop(554, "5.7.1", words || SPAM);
  if (does === "defer") return stop(451, "4.7.1", words || LATER);
  if (follow.includes("headers")) mail.edits.push(...edits);
  if (does === "mark") mail.edits.push({ do: "prepend", name: MARK, value: "Yes" });
  if (does === "subject" && subject !== "") mail.edits.push({ do: "replace", name: "Subject", nth: 1, value: subject });
  return undefined;
}

function passwordOf({ passwordFile, url, allowPlaintext }: Values): string | undefined {
  if (passwordFile === undefined) return undefined;
  const open = url.find((endpoint) => !endpoint.secure && !isLoopback(endpoint.host));
  if (open !== undefined && !allowPlaintext)
    throw new Error(`url: ${open.label} would get the password in clear; use https://, or set allowPlaintext: true`);
  const password = readFileSync(passwordFile, "utf8").split(/\r?\n/)[0]?.trim() ?? "";
  if (password === "") throw new Error("passwordFile: its first line is empty");
  http.validateHeaderValue("Password", password);
  return password;
}

function agentsOf({ tls }: Values): (endpoint: Endpoint) => http.Agent | https.Agent {
  const ca = tls.ca === undefined ? undefined : readFileSync(tls.ca, "utf8");
  const plain = new http.Agent();
  const secure = new https.Agent({ rejectUnauthorized: tls.verify, ...(ca !== undefined && { ca }) });
  return (endpoint) => (endpoint.secure ? secure : plain);
}

export const rspamd: FilterRow<typeof settings> = {
  settings,
  build(values, { clock, logger, hostname }) {
    const { url, timeout, atOnce, maxSize, onFailure, onLarge, follow } = values;
    if (url.length === 0) return undefined;
    const password = passwordOf(values);
    const agentOf = agentsOf(values);
    const unscanned = new Unscanned({ name: "rspamd", symbol: "RSPAMD", onFailure, onLarge, logger });
    const places = new Places(atOnce, clock);
    const servers = new ServersInOrder(url, clock);
    const mayChange = follow.some((what) => what === "mark" || what === "subject" || what === "headers");
    return {
      name: "rspamd",
      ...(follow.includes("mark") && { header: removeStrangers(MARK) }),
      scan: (mail) =>
        new ScannerFeed({
          holds: mayChange,
          maxSize,
          places,
          waitMs: timeout,
          servers,
          async open(endpoint, length) {
            const headers = { ...factsFor(mail, hostname), ...(password !== undefined && { Password: password }) };
            const server = { endpoint, agent: agentOf(endpoint), clock, timeoutMs: timeout };
            const request = await askRspamd(server, headers, length);
            const countOf = (name: string): number => mail.came?.count(name) ?? 0;
            return { ...request, end: async () => judge(mail, readAnswer(await request.end(), countOf), follow) };
          },
          tooLarge: (reason) => unscanned.tooLarge(mail, reason),
          failed: (reason) => unscanned.failed(mail, reason),
        }),
    };
  },
};
