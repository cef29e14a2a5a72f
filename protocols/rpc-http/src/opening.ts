// The first PDU of a channel: which of the four it is, whether it fits the direction, and whether its numbers are those of the
// specification ([MS-RPCH] sections 2.2.3.5 and 3.2.2.4.2). Failure: syntax.

import { Failure } from "@postern/contracts";
import type { Opening } from "./parts.ts";
import { valuesOf } from "./rts/pdus.ts";
import type { Rts } from "./rts/read.ts";

const KB = 1024;
const MIN_WINDOW = 8 * KB;
const MAX_WINDOW = 256 * KB;
const MIN_LIFETIME = 128 * KB;
const MAX_LIFETIME = 2 * KB ** 3;
const MIN_KEEP_ALIVE = 60_000;

export function openingOf(direction: "in" | "out", rts: Rts): Opening {
  const opening = direction === "in" ? inOpening(rts) : outOpening(rts);
  if (opening === undefined)
    throw new Failure("syntax", `RPC: an RTS PDU that does not begin an ${direction.toUpperCase()} channel`);
  return opening;
}

function inOpening(rts: Rts): Opening | undefined {
  const recycled = valuesOf("IN_R1/A1", rts);
  if (recycled !== undefined) return { kind: "in-r-a1", ...recycled };
  const opened = valuesOf("CONN/B1", rts);
  if (opened === undefined) return undefined;
  within("lifetime", opened.lifetime, MIN_LIFETIME, MAX_LIFETIME);
  if (opened.keepAlive !== 0) within("keep-alive", opened.keepAlive, MIN_KEEP_ALIVE, Infinity);
  return { kind: "conn-b1", ...opened };
}

function outOpening(rts: Rts): Opening | undefined {
  const recycled = valuesOf("OUT_R1/A3", rts);
  const opened = valuesOf("CONN/A1", rts);
  const window = (recycled ?? opened)?.window;
  if (window !== undefined) within("window", window, MIN_WINDOW, MAX_WINDOW);
  if (recycled !== undefined) return { kind: "out-r-a3", ...recycled };
  return opened && { kind: "conn-a1", ...opened };
}

function within(what: string, value: number, min: number, max: number): void {
  if (value < min || value > max) throw new Failure("syntax", `RPC: a ${what} of ${value}`);
}
