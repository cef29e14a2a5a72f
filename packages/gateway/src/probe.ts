// A health probe: dials like a session does (connect, PROXY header, TLS, first bytes), asks what the backend offers where
// the protocol wants to know that, and hangs up. Never logs in.

import { Failure, systemClock, type Leg } from "@postern/contracts";
import type { Probe } from "@postern/health";
import { dial } from "@postern/net";
import { PROTOCOLS } from "./parts.ts";

const LIMITS = { maxLine: 8192, maxUnread: 65_536 };

/** What was seen, in words: "greeting in 2 ms". Throws what the dial throws. */
export async function probe(leg: Leg): Promise<string> {
  const startedAt = performance.now();
  const connection = await dial(leg, { clock: systemClock, limits: LIMITS, client: undefined });
  connection.destroy();
  return greetingAfter(startedAt);
}

/** The probe of a gateway of this name, which also hears what backends offer. It throws what dial and protocol throw. */
export function featureProbe(hostname: string): Probe {
  return async (leg, signal) => {
    const protocol = PROTOCOLS.find(({ name }) => name === leg.protocol);
    if (protocol?.features === undefined) return probe(leg);
    const startedAt = performance.now();
    const connection = await dial(leg, { clock: systemClock, limits: LIMITS, client: undefined });
    const evidence = greetingAfter(startedAt);
    const abort = (): void => connection.fail(new Failure("backend-silent", "The probe was given up"));
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    try {
      return { evidence, features: await protocol.features(connection, leg, hostname) };
    } finally {
      signal.removeEventListener("abort", abort);
      connection.destroy();
    }
  };
}

const greetingAfter = (startedAt: number): string => `greeting in ${Math.round(performance.now() - startedAt)} ms`;
