// The JSON dialect, as far as questions about routes and about passwords share it: what is told of a session, how a body
// is read, and how a server refuses in its own words. docs/routing.md has the dialect. Never logs or quotes a secret.
// Throws Failure source-down for what makes no sense.

import { Failure, plainHost } from "@postern/contracts";
import type { BackendReply, Session } from "@postern/contracts";
import type { Checkable } from "./checkable.ts";
import { MAX_WAIT_S, checkedLogin, cleanText, shown } from "./foreign-text.ts";
import type { HttpAnswer } from "./http-client.ts";

export type Facts = Record<string, unknown>;

/** What is known of a session, and from where it came. */
export function sessionFacts(session: Session | undefined): Facts {
  if (session === undefined) return {};
  const { id, client, local, tls } = session;
  return {
    session: id,
    client: { host: plainHost(client.host), port: client.port },
    local: { host: plainHost(local.host), port: local.port },
    tls: tls === undefined ? null : { version: tls.version, cipher: tls.cipher, serverName: tls.serverName ?? null },
  };
}

/** The client's credentials, in clear. */
export function loginFacts(credentials: Checkable): Facts {
  const { kind, mechanism, authcid, authzid, secret } = credentials;
  const salt = kind === "digest" ? { salt: credentials.salt } : {};
  return { login: { kind, mechanism, authcid, authzid, secret: secret.reveal().toString("utf8"), ...salt } };
}

const isRecord = (value: unknown): value is Facts => typeof value === "object" && value !== null && !Array.isArray(value);

/** The object in the body. */
export function jsonOf({ body }: HttpAnswer): Facts {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (isRecord(value)) return value;
  } catch {
    throw new Failure("source-down", "sent something that is not JSON");
  }
  throw new Failure("source-down", "sent JSON that is not an object");
}

/** A user name or password of the answer. */
export function textField(what: string, value: unknown): string {
  if (typeof value !== "string") throw new Failure("source-down", `sent a ${what} that is not text`);
  return checkedLogin(what, value);
}

/** The server's words: "text" and "wait" of a JSON object, or a plain text body. Anything else has none. */
export function refusalOf(answer: HttpAnswer): { said?: BackendReply; waitMs: number } {
  const type = answer.headers.findLast(([name]) => name === "content-type")?.[1] ?? "";
  const facts = /^application\/json\b/i.test(type) ? jsonOf(answer) : {};
  const words = /^text\/plain\b/i.test(type) ? answer.body.toString("utf8") : facts.text;
  const text = typeof words === "string" ? cleanText(words) : "";
  const wait = typeof facts.wait === "number" && facts.wait > 0 ? Math.min(facts.wait, MAX_WAIT_S) : 0;
  return { waitMs: wait * 1000, ...(text !== "" && { said: { text } }) };
}

/** A refusal for the log. */
export function refusedWith({ status }: HttpAnswer, said: BackendReply | undefined): string {
  return `refused with status ${status}: ${shown(said?.text ?? "")}`;
}
