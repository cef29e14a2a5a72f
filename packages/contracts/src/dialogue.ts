// What a line protocol may do to a peer: read lines and counted bytes on demand, write, and start TLS. Implemented by
// net/src/connection.ts; tests use it over a socket pair.

import type { ChannelBindingType } from "./proofs.ts";

/** One side of a conversation. Reads are pulled; one read at a time. All reads reject with a Failure. */
export interface Dialogue {
  /**
   * The next line without its CRLF (a bare LF ends a line too), as latin1 text so that no byte is lost.
   * Failure: line-too-long, client-gone / backend-lost, login-timeout / backend-silent.
   */
  readLine(): Promise<string>;
  /** Exactly `count` bytes. */
  readBytes(count: number): Promise<Buffer>;
  /** Queues text (latin1) or bytes. What is written in one turn of the event loop leaves in one packet. Traced as it is. */
  write(data: string | Buffer): void;
  /** As write, but the trace shows `masked` instead. */
  writeSecret(data: string | Buffer, masked: string): void;
  /** Adds a line to the wire trace: what was read, with secrets masked by the reader. */
  trace(text: string): void;
  /** Bytes that were received and not yet read. */
  readonly pending: number;
}

/** The client's side. */
export interface ClientDialogue extends Dialogue {
  readonly secure: boolean;
  /** What binds an exchange to this TLS channel; undefined without TLS, or where the type is not to be had. */
  bindings(type: ChannelBindingType): Buffer | undefined;
  /** TLS handshake on a plain connection. Failure: bytes-behind-starttls, tls-handshake. Call after the reply was written. */
  startTls(): Promise<void>;
}

/** The backend's side. */
export interface BackendDialogue extends Dialogue {
  readonly secure: boolean;
  /** TLS handshake with the leg's policy. Failure: backend-tls, backend-garbled (bytes pending). */
  startTls(): Promise<void>;
  /** Undefined when what was written fits the socket's buffer; otherwise settles when it has drained. Failure: backend-lost. */
  drained(): Promise<void> | undefined;
}
