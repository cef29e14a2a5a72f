// The client's facts on their way to a backend: by XCLIENT where it lists that (it then takes us for the client, until it is
// told otherwise), or by XFORWARD (for its log alone, before each message). A connection that knows of another client is never used for
// this one. Failure: backend-lost, backend-garbled, and what asking throws.

import { Failure, type MailReply, type MailTransaction, type MailVisit } from "@postern/contracts";
import type { PooledBackend } from "@postern/core";
import { extensionsIn, isYes, shown, toReply, type Extensions, type Response } from "../../responses.ts";
import { xclientLine, xforwardLines } from "../../xclient.ts";
import type { SmtpBackend } from "./backend.ts";

type Ask = (command: string) => Promise<Response>;

interface Introduced {
  /** The backend does not want this client. */
  readonly refusal: MailReply | undefined;
  /** What goes before MAIL, in the same flight. */
  readonly before: readonly string[];
}

/** Anything else is named by XCLIENT only. */
const NAME = /^[\u0021-\u007e]{1,255}$/;

/** Codes that say that the command is not liked, not the client: an address of IPv6 at a backend that has none. */
const UNLIKED = /^50[0-4]$/;

const NOTHING_LISTED: Extensions = new Map();

/** `hostname` is ours. */
export async function introduce(
  { visit, id }: MailTransaction,
  { state, leg }: PooledBackend<SmtpBackend>,
  hostname: string,
  ask: Ask,
): Promise<Introduced> {
  const { forwardClient } = leg;
  const offered = state.extensions.get("XCLIENT") ?? [];
  const lineOf = (told: MailVisit): string | undefined =>
    xclientLine(told.session, { offered, forwardClient, login: undefined, visit: told });
  const line = lineOf(visit);
  if (line !== undefined) {
    const name = forwardClient && visit.hello !== undefined && NAME.test(visit.hello) ? visit.hello : hostname;
    const hello = `${state.lmtp ? "LHLO" : "EHLO"} ${name}\r\n`;
    return { refusal: await byXclient([line, lineOf(nobody(visit)) ?? line], hello, state, ask), before: [] };
  }
  if (state.introduced !== undefined) throw new Failure("backend-lost", "The connection knows of another client");
  const xforward = forwardClient ? state.extensions.get("XFORWARD") : undefined;
  return { refusal: undefined, before: xforward === undefined ? [] : xforwardLines(visit, xforward, id) };
}

/** A client of whom nothing is known. */
const nobody = (visit: MailVisit): MailVisit => ({
  ...visit,
  session: { ...visit.session, client: { host: "", port: 0 } },
  hello: undefined,
  hostName: "",
});

/**
 * XCLIENT takes the dialogue back to its beginning: `hello` comes again. A backend that likes the first line not gets the
 * second one: it never goes on to take us for the client, who would be trusted as we are.
 */
async function byXclient(
  [line, instead]: readonly [string, string],
  hello: string,
  state: SmtpBackend,
  ask: Ask,
): Promise<MailReply | undefined> {
  const told = line + hello;
  if (state.introduced === told) return undefined;
  let response = await ask(line);
  if (!isYes(response) && state.introduced !== undefined)
    throw new Failure("backend-lost", `The backend answers a second XCLIENT with ${shown(response)}`);
  if (UNLIKED.test(response.code)) response = await ask(instead);
  if (UNLIKED.test(response.code))
    throw new Failure("backend-garbled", `The backend lists XCLIENT, and answers it with ${shown(response)}`);
  // Whatever it answers, it may take us for the client from here on; what it lists then, the next hello says.
  state.introduced = told;
  state.extensions = NOTHING_LISTED;
  if (!isYes(response)) return toReply(response);
  const greeting = await ask(hello);
  if (!isYes(greeting)) return toReply(greeting);
  state.extensions = extensionsIn(greeting);
  return undefined;
}
