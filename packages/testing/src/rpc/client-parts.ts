// What the two sides of RpcHttpClient share: its options, and what each may ask of the other.

import type { ChannelHears, HttpChannel } from "./http-channel.ts";

export type Direction = "in" | "out";

/** States of the virtual IN channel and of the virtual OUT channel ([MS-RPCH] sections 3.2.2.5.1 to 3.2.2.5.10). */
export type InState = "C2W" | "opened" | "A4W";
export type OutState = "A3W" | "C2W" | "opened" | "A6W" | "A10W" | "B3W";

/** The forms of recycling that were seen through to their end. */
export type Recycling = "IN_R1" | "IN_R2" | "OUT_R1" | "OUT_R2";

export interface RpcHttpClientOptions {
  /** Of the gateway; a function is asked for each channel that is opened. */
  readonly port: number | ((direction: Direction) => number);
  /** "/rpc/rpcproxy.dll?server:6001" by default. */
  readonly target?: string;
  /** The authority of the server's certificate; without it: plain TCP. */
  readonly ca?: string;
  /** The value of Authorization. */
  readonly authorization?: string;
  /** Waits for 100 Continue before each body. */
  readonly expect?: boolean;
  /** Of the OUT channel; 64 KiB by default. */
  readonly window?: number;
  /** Of IN channels, octets; 1 GiB by default. */
  readonly lifetime?: number;
  /** Milliseconds; five minutes by default. */
  readonly keepAlive?: number;
  /** 32 hexadecimal digits, as all cookies. */
  readonly group?: string;
  readonly connection?: string;
  /** When OUT_R2/C1 is sent; before OUT_R2/A7 by default. */
  readonly c1?: "A6" | "B3";
  /** Cuts what is sent; each piece is a write of its own. */
  readonly cut?: (bytes: Buffer) => readonly Buffer[];
  /** RPC PDUs of calls that call() did not make. */
  readonly onPdu?: (pdu: Buffer) => void;
  readonly onState?: (direction: Direction, state: InState | OutState) => void;
}

/** A channel by its cookie. */
export interface Cookied {
  readonly cookie: string;
  readonly channel: HttpChannel;
}

/** The virtual connection, as its sides see it. */
export interface Together {
  readonly options: RpcHttpClientOptions;
  /** Its cookie. */
  readonly connection: string;
  open(direction: Direction, length: number, hears: ChannelHears): HttpChannel;
  recycled(how: Recycling): void;
  entered(direction: Direction, state: InState | OutState): void;
  rpc(pdu: Buffer): void;
  /** Ends everything. */
  fail(error: Error): void;
}
