// RTS PDUs as they are read ([MS-RPCH] section 2.2.3 and 2.2.4).

/** Cookies and group ids are 32 hexadecimal digits; numbers as on the wire. */
export type RtsCommand =
  | {
      readonly type: "ReceiveWindowSize" | "ConnectionTimeout" | "ChannelLifetime" | "ClientKeepalive" | "Version";
      readonly value: number;
    }
  | { readonly type: "Destination" | "PingTrafficSentNotify" | "Padding"; readonly value: number }
  | { readonly type: "Cookie" | "AssociationGroupId"; readonly id: string }
  | { readonly type: "Empty" | "NegativeANCE" | "ANCE" }
  | { readonly type: "FlowControlAck"; readonly received: number; readonly window: number; readonly channel: string }
  | { readonly type: "ClientAddress"; readonly address: string };

export interface Rts {
  readonly flags: number;
  readonly commands: readonly RtsCommand[];
}
