// What a listener without TLS does. Where it says allowPlaintext, and on loopback where there is no https listener to go to
// instead, it serves; otherwise it sends browsers to https (RFC 9110 section 15.4) and refuses the rest, before any room sees the
// request or its password. Never throws.

import { isLoopback } from "@postern/contracts";
import { parseAuthority } from "@postern/http";
import type { Answer, Exchange, Handler } from "../parts.ts";

export interface PlainOptions {
  /** There is a listener with TLS: nobody has to do without, not even on loopback. */
  readonly hasTls: boolean;
  /** The port of https in redirects. */
  readonly redirectPort: number;
}

const REFUSAL = Buffer.from("Use https: passwords and mail do not cross a connection without TLS.\n");
const MOVED = Buffer.from("Use https.\n");
/** Outlook takes a 302 here, and no other ([MS-OXDISCO] section 3.1.5.4). */
const AUTODISCOVER = /^\/autodiscover(?:[/?]|$)/i;

/** Gives a request to `handler` only where the connection may carry what is secret. */
export function plainHandler(handler: Handler, options: PlainOptions): Handler {
  return (exchange) => {
    const { session } = exchange.client;
    const isServed = session.listener.allowPlaintext || (!options.hasTls && isLoopback(session.client.host));
    if (isServed || session.tls !== undefined) return handler(exchange);
    sendElsewhere(exchange, options);
    return Promise.resolve();
  };
}

function sendElsewhere({ request, answer }: Exchange, { redirectPort }: PlainOptions): void {
  const { method, target } = request;
  const host = parseAuthority(request.authority)?.host;
  const isRead = method === "GET" || method === "HEAD";
  if (!isRead || host === undefined || !target.startsWith("/")) return say(answer, 403, "Forbidden", [], REFUSAL);
  const location = `https://${host}${redirectPort === 443 ? "" : `:${redirectPort}`}${target}`;
  if (AUTODISCOVER.test(target)) say(answer, 302, "Found", ["Location", location], MOVED);
  else say(answer, 308, "Permanent Redirect", ["Location", location], MOVED);
}

function say(answer: Answer, status: number, reason: string, more: readonly string[], body: Buffer): void {
  const fields = ["Content-Type", "text/plain; charset=us-ascii", "Cache-Control", "no-store", ...more];
  answer.begin({ status, reason, fields }, body.length);
  answer.write(body);
  answer.end();
}
