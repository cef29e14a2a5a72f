// What a listener without TLS does. Where it says allowPlaintext, and on loopback where there is no https listener to go to
// instead, it serves; otherwise it sends browsers to https (RFC 9110 section 15.4) and refuses the rest, before any room sees the
// request or its password. Never throws.

import { isLoopback } from "@postern/contracts";
import { parseAuthority } from "@postern/http";
import { sayText } from "../answers/local.ts";
import type { Exchange, Handler } from "../exchange.ts";

export interface PlainOptions {
  /** There is a listener with TLS: nobody has to do without, not even on loopback. */
  readonly hasTls: boolean;
  /** The port of https in redirects. */
  readonly redirectPort: number;
}

const REFUSAL = "Use https: passwords and mail do not cross a connection without TLS.";
/** Outlook takes a 302 here, and no other ([MS-OXDISCO] section 3.1.5.4). */
const AUTODISCOVER = /^\/autodiscover(?:[/?]|$)/i;

/** Gives a request to `handler` only where the connection may carry what is secret. */
export function plainHandler(handler: Handler, options: PlainOptions): Handler {
  return (exchange) => {
    const { session } = exchange.client;
    const { tls, listener, client } = session;
    if (tls !== undefined || listener.allowPlaintext || (!options.hasTls && isLoopback(client.host))) return handler(exchange);
    sendElsewhere(exchange, options);
    return Promise.resolve();
  };
}

function sendElsewhere(exchange: Exchange, { redirectPort }: PlainOptions): void {
  const { authority, method, target } = exchange.request;
  const host = parseAuthority(authority)?.host;
  const isRead = method === "GET" || method === "HEAD";
  if (!isRead || host === undefined || !target.startsWith("/")) return sayText(exchange, 403, REFUSAL);
  const location = `https://${host}${redirectPort === 443 ? "" : `:${redirectPort}`}${target}`;
  sayText(exchange, AUTODISCOVER.test(target) ? 302 : 308, "Use https.", ["Location", location]);
}
