// Asks a web backend how it is, for the health probe: one HEAD request on a connection of its own. Any answer is a sign of life
// but 502, 503 and 504, with which servers and balancers say that they cannot serve now. Throws Failure backend-unavailable,
// backend-garbled, and what reading throws.

import { Failure, legText, type BackendDialogue, type Leg } from "@postern/contracts";
import { hostOf } from "../backends.ts";

const AWAY: ReadonlySet<string> = new Set(["502", "503", "504"]);

/** Nothing that it offers matters to the front. */
export async function features(backend: BackendDialogue, leg: Leg, hostname: string): Promise<readonly string[]> {
  backend.write(`HEAD / HTTP/1.1\r\nHost: ${hostOf(leg)}\r\nUser-Agent: Postern ${hostname}\r\nConnection: close\r\n\r\n`);
  const line = await backend.readLine();
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(line)?.[1];
  if (status === undefined) throw new Failure("backend-garbled", `${legText(leg)}: the answer to HEAD is no HTTP`);
  if (AWAY.has(status)) throw new Failure("backend-unavailable", `${legText(leg)}: it answers ${status}`);
  return [];
}
