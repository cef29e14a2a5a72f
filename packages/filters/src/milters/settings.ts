// Settings of milters.

import { setting, type Contradiction, type ValueOf } from "@postern/contracts";
import { scannerAddress } from "../scanner-address.ts";
import { failureSettings } from "../scanner.ts";

const { choice, duration, group, integer, list, text } = setting;

const MINUTE = 60_000;

const server = group("One milter.", {
  name: text<true>("What the log calls it; its address by default.", { optional: true }),
  address: scannerAddress("Where it listens: inet:port@host or unix:/path."),
  timeouts: group("How long it may take.", {
    connect: duration("To take the connection.", { default: 10_000, min: 100, max: 5 * MINUTE }),
    command: duration("To answer a step of the envelope.", { default: 30_000, min: 100, max: 5 * MINUTE }),
    content: duration("To answer a step of the message; one that says that it is at work has ten times as long in all.", {
      default: 5 * MINUTE,
      min: 100,
      max: 10 * MINUTE,
    }),
  }),
  ...failureSettings,
  discard: choice(
    "What becomes of mail that it wants thrown away without a word, which is not done here: refuse, or accept (it goes on).",
    ["refuse", "accept"],
    { default: "refuse" },
  ),
  atOnce: integer("Connections to it at the same time, in each worker: one for each client that is connected.", {
    default: 500,
    min: 1,
    max: 100_000,
  }),
});

export const milterSettings = group(
  "Mail filters that speak the milter protocol (version 6). Switched on by a server in the list.",
  { servers: list("Asked in this order, with everything that an earlier one let pass.", server) },
);

export type MilterValues = ValueOf<typeof server>;

export const nameOf = ({ name, address }: MilterValues): string => name ?? address.label;

export function milterContradictions({ servers }: ValueOf<typeof milterSettings>): readonly Contradiction[] {
  // Items that are broken are undefined, and were told already.
  const whole: readonly (MilterValues | undefined)[] = servers;
  const names = whole.map((one) => one && nameOf(one));
  return names.flatMap((name, at) =>
    name === undefined || names.indexOf(name) === at
      ? []
      : [{ key: `servers.${at}.name`, problem: `must differ from the name of another milter, not "${name}"` }],
  );
}
