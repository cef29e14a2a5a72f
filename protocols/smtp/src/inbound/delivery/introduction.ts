// The client's facts on their way to a backend: by XCLIENT where it lists that (it then takes us for the client, until it is
// told otherwise), or by XFORWARD (for its log alone, before each message). A connection that knows of another client is never used for
// this one. Failure: backend-lost, backend-garbled, and what asking throws.

import { Failure, type MailReply, type MailTransaction } from "@postern/contracts";
import type { PooledBackend } from "@postern/core";
import { extensionsIn, isYes, shown, toReply, type Response } from "../../responses.ts";
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

/** Codes that say that the command is not liked, not the client. */
const UNLIKED = /^50[0-4]$/;

/** `hostname` is ours. */
export async function introduce(
  { visit, id }: MailTransaction,
  { state, leg }: PooledBackend<SmtpBackend>,
  hostname: string,
  ask: Ask,
): Promise<Introduced> {
  const { forwardClient } = leg;
  const offered = state.extensions.get("XCLIENT") ?? [];
  const line = xclientLine(visit.session, { offered, forwardClient, login: undefined, visit });
  if (line !== undefined) {
    const name = forwardClient && visit.hello !== undefined && NAME.test(visit.hello) ? visit.hello : hostname;
    const refusal = await byXclient(line, `${state.lmtp ? "LHLO" : "EHLO"} ${name}\r\n`, state, ask);
    return { refusal, before: [] };
  }
  if (state.introduced !== undefined) throw new Failure("backend-lost", "The connection knows of another client");
  const xforward = forwardClient ? state.extensions.get("XFORWARD") : undefined;
  return { refusal: undefined, before: xforward === undefined ? [] : xforwardLines(visit, xforward, id) };
}

/** XCLIENT takes the dialogue back to its beginning: `hello` comes again. */
async function byXclient(line: string, hello: string, state: SmtpBackend, ask: Ask): Promise<MailReply | undefined> {
  const told = line + hello;
  if (state.introduced === told) return undefined;
  const response = await ask(line);
  if (!isYes(response)) {
    if (state.introduced !== undefined)
      throw new Failure("backend-lost", `The backend answers a second XCLIENT with ${shown(response)}`);
    return UNLIKED.test(response.code) ? undefined : toReply(response);
  }
  state.introduced = told;
  const greeting = await ask(hello);
  if (!isYes(greeting)) return toReply(greeting);
  state.extensions = extensionsIn(greeting);
  return undefined;
}
