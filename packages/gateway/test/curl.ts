// curl as a web client, for tests: one request, and what came of it.

import { join } from "node:path";
import { run } from "./clients.ts";
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

export interface Told {
  readonly status: number;
  /** The first value of a field; its name in small letters. */
  field(name: string): string | undefined;
  readonly head: string;
  readonly text: string;
}

/** Asks the listener `https` of a gateway; rejects with curl's own words when there is no answer. */
export async function curl(gateway: Gateway, path: string, asked: Asked = {}): Promise<Told> {
  const { method, host = "mail.example.com", user, password, fields = [], body, options = [] } = asked;
  const port = gateway.port("https");
  const args = ["-sS", "-i", "--path-as-is", "--cacert", join(gateway.folder, "ca.pem")];
  args.push("--connect-to", `::127.0.0.1:${port}`, "--max-time", "50");
  if (method === "HEAD") args.push("--head");
  else if (method !== undefined) args.push("-X", method);
  if (user !== undefined) args.push("-u", `${user}:${password ?? PASSWORDS[user] ?? ""}`);
  for (const field of fields) args.push("-H", field);
  if (body !== undefined) args.push("--data-binary", "@-");
  const { code, stdout, stderr } = await run("curl", [...args, ...options, `https://${host}:${port}${path}`], {
    ...(body !== undefined && { input: body }),
  });
  if (code !== 0) throw new Error(`curl ended with ${code}: ${stderr}${stdout.toString()}`);
  return toldIn(stdout.toString());
}

/** Interim answers, and what came before a redirect that was followed, are left out. */
function toldIn(output: string): Told {
  const [head = "", ...rest] = output.split("\r\n\r\n");
  const text = rest.join("\r\n\r\n");
  const status = Number(/^HTTP\/[\d.]+ (\d{3})/.exec(head)?.[1]);
  if ((status < 200 || (status >= 300 && status < 400)) && /^HTTP\/[\d.]+ \d{3}/.test(text)) return toldIn(text);
  const field = (name: string): string | undefined => new RegExp(`^${name}: *(.*?)\\r?$`, "im").exec(head)?.[1];
  return { status, field, head, text };
}
