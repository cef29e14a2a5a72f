// curl as a web client, for tests: one request, and what came of it, taken apart.

import { join } from "node:path";
import { succeed, type RunOptions } from "./clients.ts";
import type { Gateway } from "./gateway-process.ts";
import { PASSWORDS } from "./mailboxes.ts";

export interface Asked {
  readonly method?: string;
  /** The host that is asked for; mail.example.com by default. */
  readonly host?: string;
  /** Logs in by Basic as this user, whose password the tests know, or with `password`. */
  readonly user?: string;
  readonly password?: string;
  readonly fields?: readonly string[];
  readonly body?: string | Buffer;
  /** More options, as on the command line. */
  readonly options?: readonly string[];
}

/** An answer as curl shows it. */
export interface Told {
  /** 100 and the like that came before it, and redirects that were followed. */
  readonly interim: readonly string[];
  readonly status: number;
  /** "1.1", "2". */
  readonly version: string;
  /** As it came, lines with CR LF; and trailers with it. */
  readonly head: string;
  readonly bytes: Buffer;
  readonly text: string;
  /** The first value of a field; its name in small letters. */
  field(name: string): string | undefined;
}

/** The value of an Authorization. */
export const basic = (user: string, password = PASSWORDS[user] ?? "x"): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/** Arguments of curl: logs in. */
export const as = (user: string): readonly string[] => ["-u", `${user}:${PASSWORDS[user] ?? ""}`];

/** Asks the listener `https` of a gateway; rejects with curl's own words when there is no answer. */
export function curl(gateway: Gateway, path: string, asked: Asked = {}): Promise<Told> {
  const { method, host = "mail.example.com", user, password, fields = [], body, options = [] } = asked;
  const port = gateway.port("https");
  const args = ["--path-as-is", "--connect-to", `::127.0.0.1:${port}`, "--max-time", "50"];
  if (method === "HEAD") args.push("--head");
  else if (method !== undefined) args.push("-X", method);
  if (user !== undefined) args.push("-u", `${user}:${password ?? PASSWORDS[user] ?? ""}`);
  for (const field of fields) args.push("-H", field);
  if (body !== undefined) args.push("--data-binary", "@-");
  return runCurl(gateway, [...args, ...options, `https://${host}:${port}${path}`], body === undefined ? {} : { input: body });
}

/** Runs curl as it is told, with the gateway's authority. */
export async function runCurl({ folder }: Gateway, args: readonly string[], options: RunOptions = {}): Promise<Told> {
  const all = ["-sS", "-i", "--cacert", join(folder, "ca.pem"), ...args];
  return toldIn((await succeed("curl", all, { timeoutMs: 120_000, ...options })).toString("latin1"));
}

function toldIn(output: string): Told {
  const heads: string[] = [];
  let rest = output;
  while (/^HTTP\/[\d.]+ \d{3}/.test(rest)) {
    const end = rest.indexOf("\r\n\r\n") + 4;
    heads.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  const head = heads.pop() ?? "";
  const [, version = "", status = ""] = /^HTTP\/([\d.]+) (\d{3})/.exec(head) ?? [];
  const bytes = Buffer.from(rest, "latin1");
  return {
    interim: heads,
    status: Number(status),
    version,
    head,
    bytes,
    text: bytes.toString(),
    field: (name) => new RegExp(`^${name}: *(.*?)\r$`, "im").exec(head)?.[1],
  };
}
