// The commands of RTS PDUs ([MS-RPCH] section 2.2.3.5): their numbers and what each of them carries.

/** Cookies and group ids are 32 hexadecimal digits; numbers as on the wire. */
export type RtsCommand =
  | { readonly type: NumberCommand; readonly value: number }
  | { readonly type: "Cookie" | "AssociationGroupId"; readonly id: string }
  | { readonly type: "Empty" | "NegativeANCE" | "ANCE" }
  | { readonly type: "FlowControlAck"; readonly received: number; readonly window: number; readonly channel: string }
  | { readonly type: "ClientAddress"; readonly address: string };

/** `value` of Padding: how many zeros follow. */
export type NumberCommand =
  | "ReceiveWindowSize"
  | "ConnectionTimeout"
  | "ChannelLifetime"
  | "ClientKeepalive"
  | "Version"
  | "Padding"
  | "Destination"
  | "PingTrafficSentNotify";

export type RtsCommandType = RtsCommand["type"];

type Carries = "number" | "padding" | "id" | "nothing" | "ack" | "address";

/** In the order of their numbers, from 0. */
export const RTS_COMMANDS: readonly (readonly [RtsCommandType, Carries])[] = [
  ["ReceiveWindowSize", "number"],
  ["FlowControlAck", "ack"],
  ["ConnectionTimeout", "number"],
  ["Cookie", "id"],
  ["ChannelLifetime", "number"],
  ["ClientKeepalive", "number"],
  ["Version", "number"],
  ["Empty", "nothing"],
  ["Padding", "padding"],
  ["NegativeANCE", "nothing"],
  ["ANCE", "nothing"],
  ["ClientAddress", "address"],
  ["AssociationGroupId", "id"],
  ["Destination", "number"],
  ["PingTrafficSentNotify", "number"],
];

export const RTS_NUMBERS: ReadonlyMap<RtsCommandType, number> = new Map(RTS_COMMANDS.map(([type], number) => [type, number]));

/** Flags of the header (section 2.2.3.6.1). */
export const RTS_FLAGS = { ping: 1, otherCommand: 2, recycle: 4, inChannel: 8, outChannel: 0x10, eof: 0x20, echo: 0x40 } as const;

/** The numbers of a destination are the places in this list (section 2.2.3.3). */
export const DESTINATIONS = ["client", "in-proxy", "server", "out-proxy"] as const;
export type Destination = (typeof DESTINATIONS)[number];

export const RTS_HEADER = 20;
export const COOKIE_SIZE = 16;

/** A client's address (section 2.2.3.2): its kind, the address, and 12 octets of padding. */
export const ADDRESS_PADDING = 12;
export const ADDRESS_SIZES = [4, 16] as const;
