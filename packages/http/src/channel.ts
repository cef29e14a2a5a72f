// The words for a request that is a channel: its body and its answer flow for as long as both sides like, and neither has to
// reach the length that its head announced. The web protocol reads and admits it, and hands it to the protocol that knows what
// flows in it ([MS-RPCH] section 2.1.2.1). Bodies and answers of the web protocol have the shapes below, and more.

import type { Failure, Identity, Leg, Lending, Session } from "@postern/contracts";

/** The verbs of such requests, and which way PDUs go on them: in, from the client; or out, to it. */
export const CHANNEL_METHODS: ReadonlyMap<string, "in" | "out"> = new Map([
  ["RPC_IN_DATA", "in"],
  ["RPC_OUT_DATA", "out"],
]);

/**
 * Who takes what comes in, piece by piece. A piece may lie in a large buffer that is lent, to be given back when the piece is done
 * with; who does not costs memory, and nothing else.
 */
export interface ChannelSink {
  /** False: no more until resume(). The piece stays as it is. */
  data(chunk: Buffer, lent?: Lending): boolean;
  /** The client has sent all that it announced. */
  end(): void;
  /** Nothing more comes: the client has left, or broke its word. */
  broken(failure: Failure): void;
}

/** What the client sends. It flows from start() on. */
export interface ChannelBody {
  /** As announced, bytes; undefined: chunked. */
  readonly length: number | undefined;
  start(sink: ChannelSink): void;
  resume(): void;
}

/** What the client is sent. */
export interface ChannelAnswer {
  readonly status: number | undefined;
  /** Bytes of the body so far. */
  readonly bytes: number;
  /** Nothing more can be said. */
  readonly isOver: boolean;
  begin(head: { readonly status: number; readonly reason: string; readonly fields: readonly string[] }, length: number): void;
  /** Goes out at once. False: wait for onDrain. The chunk must not change until it is out; `lent`: what it lies in is given back then. */
  write(chunk: Buffer, lent?: Lending): boolean;
  /** It is complete. */
  end(): void;
  /** It ends before its length, behind what was written: all of that still reaches the client, and then the connection ends. */
  leave(): void;
  /** The connection ends at once; what was written may be lost. */
  cut(): void;
  onDrain: (() => void) | undefined;
  /** The client left before the answer was complete. */
  onGone: (() => void) | undefined;
}

/** One request that is a channel, admitted. */
export interface Channel {
  /** Unique, printable. */
  readonly id: string;
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly session: Session;
  /** Whom the gateway has checked. */
  readonly identity: Identity;
  /** undefined: none was announced. */
  readonly body: ChannelBody | undefined;
  readonly answer: ChannelAnswer;
}

/** What serves channels. */
export interface ChannelServer {
  /**
   * Serves a channel to its end. `legs`: of the user, in the order in which to try them. Failure: nothing was answered yet, and the
   * client is to be told; or the answer had begun, was ended here, and the log is to be told.
   */
  serve(channel: Channel, legs: readonly Leg[]): Promise<void>;
  close(): void;
}
