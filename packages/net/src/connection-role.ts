// What a connection is told about itself: who the peer is, what it may send ahead, and how TLS is done.

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { FailureKind } from "@postern/contracts";

export interface ReadLimits {
  /** Longest line, in bytes, without its CRLF. */
  readonly maxLine: number;
  /** Bytes kept unread before the socket is paused. */
  readonly maxUnread: number;
}

/** What to call it when this peer is gone. */
export interface ConnectionRole {
  readonly gone: FailureKind;
  /** Letters of the wire trace: what it says, what we say to it. */
  readonly says: "C" | "B";
  readonly told: "S" | "G";
}

export const CLIENT_ROLE: ConnectionRole = { gone: "client-gone", says: "C", told: "S" };
export const BACKEND_ROLE: ConnectionRole = { gone: "backend-lost", says: "B", told: "G" };

export type TraceLine = (direction: "C" | "S" | "G" | "B", text: string) => void;

/** Wraps a plain socket in TLS; resolves after the handshake, rejects with a Failure. */
export type TlsUpgrade = (socket: Socket) => Promise<TLSSocket>;

export interface TlsState {
  /** The socket has its TLS handshake behind it. */
  readonly secure: boolean;
  /** How STARTTLS is done; undefined where it cannot be. */
  readonly upgrade: TlsUpgrade | undefined;
}
