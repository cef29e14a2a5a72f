// What an HTTP/2 client may do, against those that only want to keep us busy: few streams, small windows, few resets (rapid reset,
// CVE-2023-44487), few settings and pings that want an answer, bounded headers (CONTINUATION floods). node:http2 and nghttp2
// enforce it, and end the connection.

import type { ServerSessionOptions } from "node:http2";
import type { HttpsSettings } from "../settings.ts";

/** Of a body that nobody reads, a client may send so much on one stream, and on all. */
const STREAM_WINDOW = 128 * 1024;
export const WINDOW = 1024 * 1024;

/** Streams that were reset by the client: so many at once, and so many each second from then on. */
const RESETS = { streamResetBurst: 200, streamResetRate: 20 };

type Options = ServerSessionOptions & typeof RESETS & { readonly strictSingleValueFields: boolean };

export function sessionOptions({ maxFields, maxHead, streams }: HttpsSettings): Options {
  return {
    ...RESETS,
    // A backend may say a field twice.
    strictSingleValueFields: false,
    // With the pseudo-fields.
    maxHeaderListPairs: maxFields + 8,
    maxOutstandingPings: 10,
    maxSettings: 32,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    // Megabytes.
    maxSessionMemory: 16 + Math.ceil(streams / 4),
    settings: {
      enableConnectProtocol: true,
      enablePush: false,
      maxConcurrentStreams: streams,
      maxHeaderListSize: maxHead,
      initialWindowSize: STREAM_WINDOW,
    },
  };
}
