// What RTS PDUs are made of ([MS-RPCH] section 2.2.4): each command by what it means in a PDU, read into named values and written
// from them. Never throws.

import { DESTINATIONS, type Destination, type RtsCommand, type RtsCommandType } from "./commands.ts";

/** The values in PDUs. Milliseconds, octets; cookies and groups are 32 hexadecimal digits. */
export interface Values {
  /** The virtual connection's cookie. */
  readonly connection: string;
  /** The cookie of the channel that it is sent on, or that it speaks of. */
  readonly channel: string;
  /** Of the channel that this one replaces. */
  readonly predecessor: string;
  /** Of the channel that replaces this one. */
  readonly successor: string;
  readonly window: number;
  readonly timeout: number;
  readonly lifetime: number;
  readonly keepAlive: number;
  readonly group: string;
  readonly client: string;
  readonly destination: Destination;
  /** FlowControlAck: octets so far, and how many more may come. */
  readonly received: number;
  readonly available: number;
  readonly octets: number;
}

export interface Part {
  readonly type: RtsCommandType;
  readonly values: readonly (keyof Values)[];
  /** It carries always this. */
  readonly fixed?: number;
  /** It may stand in its place, where it is read. */
  readonly or?: RtsCommandType;
}

/** What PDUs are made of, by what it means. */
export const PARTS = {
  version: { type: "Version", values: [], fixed: 1 },
  connection: { type: "Cookie", values: ["connection"] },
  channel: { type: "Cookie", values: ["channel"] },
  predecessor: { type: "Cookie", values: ["predecessor"] },
  successor: { type: "Cookie", values: ["successor"] },
  window: { type: "ReceiveWindowSize", values: ["window"] },
  timeout: { type: "ConnectionTimeout", values: ["timeout"] },
  lifetime: { type: "ChannelLifetime", values: ["lifetime"] },
  keepAlive: { type: "ClientKeepalive", values: ["keepAlive"] },
  group: { type: "AssociationGroupId", values: ["group"] },
  client: { type: "ClientAddress", values: ["client"] },
  destination: { type: "Destination", values: ["destination"] },
  toClient: { type: "Destination", values: [], fixed: DESTINATIONS.indexOf("client") },
  toServer: { type: "Destination", values: [], fixed: DESTINATIONS.indexOf("server") },
  ack: { type: "FlowControlAck", values: ["received", "available", "channel"] },
  octets: { type: "PingTrafficSentNotify", values: ["octets"] },
  ance: { type: "ANCE", values: [] },
  negativeAnce: { type: "NegativeANCE", values: [] },
  empty: { type: "Empty", values: [] },
  filler: { type: "Empty", values: [], or: "Padding" },
} as const satisfies Record<string, Part>;

export type PartName = keyof typeof PARTS;

/** Puts what the command carries to the values; false: it is another command. */
export function takes(part: Part, command: RtsCommand, values: Record<string, string | number>): boolean {
  if (command.type !== part.type && command.type !== part.or) return false;
  const [first] = part.values;
  if (command.type === "FlowControlAck") {
    Object.assign(values, { received: command.received, available: command.window, channel: command.channel });
  } else if ("value" in command) {
    if (part.fixed !== undefined) return command.value === part.fixed;
    if (first === "destination") {
      const destination = DESTINATIONS[command.value];
      if (destination === undefined) return false;
      values[first] = destination;
    } else if (first !== undefined) values[first] = command.value;
  } else if ("id" in command && first !== undefined) values[first] = command.id;
  else if ("address" in command && first !== undefined) values[first] = command.address;
  return true;
}

export function commandOf({ type, values, fixed }: Part, all: Partial<Values>): RtsCommand {
  const [first] = values;
  const value = first === undefined ? fixed : all[first];
  switch (type) {
    case "Empty":
    case "ANCE":
    case "NegativeANCE":
      return { type };
    case "FlowControlAck":
      return { type, received: all.received ?? NaN, window: all.available ?? NaN, channel: all.channel ?? "" };
    case "Cookie":
    case "AssociationGroupId":
      return { type, id: String(value) };
    case "ClientAddress":
      return { type, address: String(value) };
    case "Destination":
      return { type, value: fixed ?? DESTINATIONS.indexOf(all.destination ?? "client") };
    case "ReceiveWindowSize":
    case "ConnectionTimeout":
    case "ChannelLifetime":
    case "ClientKeepalive":
    case "Version":
    case "Padding":
    case "PingTrafficSentNotify":
      return { type, value: Number(value) };
  }
}
