// A health probe: dials like a session does (connect, PROXY header, TLS, first bytes), asks what the backend offers where
// the protocol wants to know that, and hangs up. Never logs in.

import { Failure, systemClock, type Leg } from "@postern/contracts";
import type { Probe } from "@postern/health";
import { dial } from "@postern/net";
import { PROTOCOLS, type GatewayConfig } from "./parts.ts";

const LIMITS = { maxLine: 8192, maxUnread: 65_536 };

/** What was seen, in words: "greeting in 2 ms". Throws what the dial throws. */
export async function probe(leg: Leg): Promise<string> {
  const startedAt = performance.now();
  const isSilent = PROTOCOLS.find(({ name }) => name === leg.protocol)?.isSilent ?? false;
  const connection = await dial(leg, { clock: systemClock, limits: LIMITS, client: undefined, isSilent });
  connection.destroy();
  return isSilent ? `connected ${since(startedAt)}` : greetingAfter(startedAt);
}

/** The probe of a gateway, which also hears what backends offer. It throws what dial and protocol throw. */
export function featureProbe({ hostname, protocols }: Pick<GatewayConfig, "hostname" | "protocols">): Probe {
  return async (leg, signal) => {
    const protocol = PROTOCOLS.find(({ name }) => name === leg.protocol);
    if (protocol?.features === undefined) return probe(leg);
    const startedAt = performance.now();
    const { isSilent = false } = protocol;
    const connection = await dial(leg, { clock: systemClock, limits: LIMITS, client: undefined, isSilent });
    const greeting = greetingAfter(startedAt);
    const abort = (): void => connection.fail(new Failure("backend-silent", "The probe was given up"));
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    try {
      const features = await protocol.features(connection, leg, hostname, protocols[protocol.name] ?? {});
      return { evidence: isSilent ? answerAfter(startedAt) : greeting, features };
    } finally {
      signal.removeEventListener("abort", abort);
      connection.destroy();
    }
  };
}

const since = (startedAt: number): string => `in ${Math.round(performance.now() - startedAt)} ms`;
const greetingAfter = (startedAt: number): string => `greeting ${since(startedAt)}`;
const answerAfter = (startedAt: number): string => `answer ${since(startedAt)}`;
