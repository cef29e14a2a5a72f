// The words between the rooms of this package ([MS-RPCH]). serve.ts takes a channel (packages/http channel.ts) that the web
// protocol has admitted, reads its first PDU, and hands it to the kind of the user's backend: proxy/ (an ncacn_http server: the
// gateway plays both RPC proxies) or server/ (a plain TCP RPC server: the gateway plays proxies and server).

import type { Clock, Failure, Health, Leg, Lending, Logger, Session, SharedState } from "@postern/contracts";
import type { ChannelAnswer } from "@postern/http";
import type { Rts } from "./rts/read.ts";
import type { RpcHttpSettings } from "./settings.ts";

/** Handed in by the gateway for one configuration. */
export interface RpcHttpParts {
  readonly hostname: string;
  readonly settings: RpcHttpSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly health: Health;
  readonly state: SharedState;
  /** Of all backends that have one, by the backend's name. */
  readonly legs: ReadonlyMap<string, Leg>;
  /** 32 bytes, the same on all nodes. */
  readonly secret: Buffer;
}

/** Who hears what comes on a channel. Exactly one `over` is the last call. */
export interface ChannelListener {
  /** An RTS PDU, read; `bytes`: as it came. A Failure that is thrown is a protocol error: the channel is cut, and over() hears it. */
  rts(pdu: Rts, bytes: Buffer): void;
  /**
   * One or more whole RPC PDUs, as they came. `lent`: a share of what they lie in, to be given back when they are written. False: no
   * more until resume(), but for what is left when the channel is over.
   */
  rpc(bytes: Buffer, lent?: Lending): boolean;
  /** What was written has left. */
  drained(): void;
  over(failure: Failure): void;
}

/** One client's half of a virtual connection (client-channel.ts). */
export interface ClientChannel {
  /** Of the request, printable. */
  readonly id: string;
  readonly session: Session;
  /** Whom the gateway has checked: nobody else may join the virtual connection. */
  readonly user: string;
  readonly direction: "in" | "out";
  /** Octets of the PDUs that came. */
  readonly bytesIn: number;
  /** Octets that may still be sent on it; of an IN channel 0. */
  readonly bytesLeft: number;
  readonly isOver: boolean;
  /** What came before waits until then. */
  listen(listener: ChannelListener): void;
  /** More RPC PDUs can be taken. */
  resume(): void;
  /** OUT: says 200 Success; what is written leaves from then on. */
  begin(): void;
  /** OUT: whole PDUs. False: wait for drained(). `lent`: a share of what they lie in. */
  write(bytes: Buffer, lent?: Lending): boolean;
  /** Ends it behind what was written. Nothing more is heard of it. `failure`: told to the client where nothing was answered, and to the log. */
  leave(failure?: Failure): void;
  /** The way out, for who relays it elsewhere. */
  readonly answer: ChannelAnswer;
}

/** The first PDU of a channel, read. Cookies are 32 hexadecimal digits. */
export type Opening =
  | { readonly kind: "conn-a1"; readonly connection: string; readonly channel: string; readonly window: number }
  | {
      readonly kind: "conn-b1";
      readonly connection: string;
      readonly channel: string;
      readonly lifetime: number;
      /** Milliseconds; 0: five minutes. */
      readonly keepAlive: number;
      readonly group: string;
    }
  | { readonly kind: "in-r-a1"; readonly connection: string; readonly predecessor: string; readonly channel: string }
  | {
      readonly kind: "out-r-a3";
      readonly connection: string;
      readonly predecessor: string;
      readonly channel: string;
      readonly window: number;
    };

/** Serves the channels of one kind of backend. */
export interface BackendKind {
  /**
   * Takes a channel whose first PDU (`first`) was read; nobody listens to it yet. `legs`: the port is that of the server that was
   * asked for. Settles when this channel is over. Failure: as of ChannelServer (packages/http).
   */
  take(channel: ClientChannel, opening: Opening, first: Buffer, legs: readonly Leg[]): Promise<void>;
  close(): void;
}
