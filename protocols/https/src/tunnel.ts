// After an upgrade: copies bytes both ways between the client's stream and the backend's, with half-close and back-pressure.
// Knows nothing of what they say. Never throws.

import type { Duplex } from "node:stream";
import type { Clock, Timer } from "@postern/contracts";
import { flushReads, Lent, readBy } from "@postern/core";

export interface TunnelEnd {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

interface Side {
  readonly stream: Duplex;
  readonly early: Buffer;
}

/** A tunnel is looked at so often, of its idle time. */
const LOOKS = 4;

/** One side has ended, and the other says nothing more for so long: it has forgotten to. */
const HALF_CLOSED_MS = 60_000;

/** Settles when both sides are closed. Without a byte for `idleMs` (0: no limit) both are cut. */
export function tunnel(client: Side, backend: Side, idleMs: number, clock: Clock): Promise<TunnelEnd> {
  return new Promise((resolve) => {
    const moved = { bytesIn: 0, bytesOut: 0 };
    let open = 2;
    let seen = -1;
    let quiet = 0;
    const look = (): void => {
      const all = moved.bytesIn + moved.bytesOut;
      quiet = all === seen ? quiet + 1 : 0;
      seen = all;
      if (quiet > LOOKS) cut();
      else watch();
    };
    const watch = (): void => {
      const isHalf = client.stream.readableEnded || backend.stream.readableEnded;
      const limit = isHalf ? Math.min(idleMs || HALF_CLOSED_MS, HALF_CLOSED_MS) : idleMs;
      timer?.cancel();
      timer = limit > 0 ? clock.after(limit / LOOKS, look) : undefined;
    };
    let timer: Timer | undefined;
    watch();
    const cut = (): void => {
      client.stream.destroy();
      backend.stream.destroy();
    };
    const closed = (stream: Duplex, other: Duplex): void => {
      if (stream.readableEnded) letGo(other);
      else other.destroy();
      if (--open > 0) return;
      timer?.cancel();
      resolve(moved);
    };
    copy(client, backend, (size) => (moved.bytesIn += size));
    copy(backend, client, (size) => (moved.bytesOut += size));
    for (const [{ stream }, other] of [
      [client, backend.stream],
      [backend, client.stream],
    ] as const) {
      stream.on("error", cut);
      stream.once("end", watch);
      if (stream.closed) closed(stream, other);
      else stream.once("close", () => closed(stream, other));
    }
  });
}

/** Nobody is at the other end any more: what was said last still goes out. */
function letGo(stream: Duplex): void {
  stream.end();
  if (stream.writableFinished) stream.destroy();
  else stream.once("finish", () => stream.destroy());
}

function copy({ stream: from, early }: Side, { stream: to }: Side, count: (size: number) => void): void {
  const lents = new Lent();
  readBy(from, {
    feed(chunk, lent) {
      count(chunk.length);
      const hasRoom = lent === undefined ? to.write(chunk) : to.write(chunk, lents.until(lent));
      if (!hasRoom) from.pause();
      return hasRoom;
    },
  });
  to.on("drain", () => from.resume());
  from.on("end", () => {
    flushReads(from);
    to.end();
  });
  if (early.length > 0) {
    count(early.length);
    to.write(early);
  }
  if (from.readableEnded) to.end();
  else from.resume();
}
