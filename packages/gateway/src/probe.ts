// A health probe: dials like a session does (connect, PROXY header, TLS, first bytes), and hangs up.

import { systemClock, type Leg } from "@postern/contracts";
import { dial } from "@postern/net";

const LIMITS = { maxLine: 8192, maxUnread: 65_536 };

/** What was seen, in words: "greeting in 2 ms". Throws what the dial throws. */
export async function probe(leg: Leg): Promise<string> {
  const startedAt = performance.now();
  const connection = await dial(leg, { clock: systemClock, limits: LIMITS, client: undefined });
  connection.destroy();
  return `greeting in ${Math.round(performance.now() - startedAt)} ms`;
}
