// Settings of the DNS as filters ask it.

import { isIP } from "node:net";
import { setting, type Parsed } from "@postern/contracts";

const { custom, duration, group, integer, list } = setting;

/** "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:5353": as Resolver.setServers takes them. */
function parseServer(raw: unknown): Parsed<string> {
  const text = String(raw);
  if (isIP(text) !== 0) return { value: text };
  const match = /^(?:\[([0-9a-f:.]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3] ?? 0);
  if ((isIP(match?.[1] ?? "") === 6 || isIP(match?.[2] ?? "") === 4) && port >= 1 && port <= 65_535) return { value: text };
  return { problem: `must be an IP address with or without port, such as 192.0.2.53 or [2001:db8::53]:5353, not "${text}"` };
}

export const dnsSettings = group("The DNS that filters ask.", {
  servers: list(
    "DNS servers to ask; without them, those of the system. Block lists often answer public resolvers with nothing or with everything: use one of your own.",
    custom<string>("address", "An IP address, with or without port", parseServer),
    { single: true },
  ),
  timeout: duration("How long one question may take, in all.", { default: 5000, min: 100, max: 60_000 }),
  cacheSize: integer("How many answers are remembered at most, in each worker.", {
    default: 20_000,
    min: 100,
    max: 1_000_000,
  }),
});
