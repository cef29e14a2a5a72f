// All PDUs of RPC over HTTP ([MS-RPCH] section 2.2.4): a table, from which they are known, read and written. Several look alike
// (CONN/C1 and C2; OUT_R1/A9, A10, A11 and OUT_R2/B1): which one came, the state of the channel has to tell.

import { RTS_FLAGS } from "./commands.ts";
import { commandOf, PARTS, takes, type PartName, type Values } from "./pdu-parts.ts";
import type { Rts } from "./read.ts";
import { writeRts } from "./write.ts";

const { ping, otherCommand, recycle, inChannel, outChannel, eof, echo } = RTS_FLAGS;

const row = <const P extends readonly PartName[]>(
  flags: number,
  ...commands: P
): { readonly flags: number; readonly commands: P } => ({
  flags,
  commands,
});

const recycleIn = row(recycle, "version", "connection", "predecessor", "channel");
const recycleOut = row(recycle, "version", "connection", "predecessor", "channel", "window");
const newInProxy = row(0, "toClient", "version", "window", "timeout");
const newOutProxy = row(outChannel, "toClient", "version", "timeout");
const opened = row(0, "version", "window", "timeout");
const pleaseRecycle = row(recycle, "toClient");
const successor = row(0, "successor");
const established = row(0, "ance");
const establishedForClient = row(0, "toClient", "ance");
const successorForServer = row(outChannel, "toServer", "successor");

/** Flags and commands, in their order. Two names of one PDU that is only passed on are two rows. */
export const RTS_PDUS = {
  "CONN/A1": row(0, "version", "connection", "channel", "window"),
  "CONN/A2": row(outChannel, "version", "connection", "channel", "lifetime", "window"),
  "CONN/A3": row(0, "timeout"),
  "CONN/B1": row(0, "version", "connection", "channel", "lifetime", "keepAlive", "group"),
  "CONN/B2": row(inChannel, "version", "connection", "channel", "window", "timeout", "group", "client"),
  "CONN/B3": row(0, "window", "version"),
  "CONN/C1": opened,
  "CONN/C2": opened,
  "IN_R1/A1": recycleIn,
  "IN_R1/A2": row(recycle | inChannel, "version", "connection", "predecessor", "channel", "window", "timeout"),
  "IN_R1/A3": newInProxy,
  "IN_R1/A4": newInProxy,
  "IN_R1/A5": successor,
  "IN_R1/A6": successor,
  "IN_R1/B1": row(0, "empty"),
  "IN_R1/B2": row(0, "window"),
  "IN_R2/A1": recycleIn,
  "IN_R2/A2": successor,
  "IN_R2/A3": row(0, "toClient"),
  "IN_R2/A4": row(0, "toClient"),
  "IN_R2/A5": successor,
  "OUT_R1/A1": pleaseRecycle,
  "OUT_R1/A2": pleaseRecycle,
  "OUT_R1/A3": recycleOut,
  "OUT_R1/A4": row(recycle | outChannel, "version", "connection", "predecessor", "channel", "lifetime", "window", "timeout"),
  "OUT_R1/A5": newOutProxy,
  "OUT_R1/A6": newOutProxy,
  "OUT_R1/A7": successorForServer,
  "OUT_R1/A8": successorForServer,
  "OUT_R1/A9": established,
  "OUT_R1/A10": established,
  "OUT_R1/A11": established,
  "OUT_R2/A1": pleaseRecycle,
  "OUT_R2/A2": pleaseRecycle,
  "OUT_R2/A3": recycleOut,
  "OUT_R2/A4": successor,
  "OUT_R2/A5": establishedForClient,
  "OUT_R2/A6": establishedForClient,
  "OUT_R2/A7": row(outChannel, "toServer", "successor", "version"),
  "OUT_R2/A8": successorForServer,
  "OUT_R2/B1": established,
  "OUT_R2/B2": row(0, "negativeAnce"),
  "OUT_R2/B3": row(eof, "ance"),
  "OUT_R2/C1": row(ping, "filler"),
  "Keep-Alive": row(otherCommand, "keepAlive"),
  PingTrafficSentNotify: row(otherCommand, "octets"),
  Echo: row(echo),
  Ping: row(ping),
  FlowControlAck: row(otherCommand, "ack"),
  FlowControlAckWithDestination: row(otherCommand, "destination", "ack"),
} as const;

export type RtsName = keyof typeof RTS_PDUS;

/** Values of one PDU, by name. */
export type RtsValues<N extends RtsName> = Readonly<
  Pick<Values, (typeof PARTS)[(typeof RTS_PDUS)[N]["commands"][number]]["values"][number]>
>;

/** undefined: it is no such PDU. */
export function valuesOf<N extends RtsName>(name: N, rts: Rts): RtsValues<N> | undefined {
  const { flags, commands }: { flags: number; commands: readonly PartName[] } = RTS_PDUS[name];
  if (rts.flags !== flags || rts.commands.length !== commands.length) return undefined;
  const values: Record<string, string | number> = {};
  for (const [index, command] of rts.commands.entries()) {
    const name = commands[index];
    if (name === undefined || !takes(PARTS[name], command, values)) return undefined;
  }
  // The table of parts says which values there are now.
  return values as unknown as RtsValues<N>;
}

/** Throws Error for a cookie that is none, and a number beyond 32 bits. */
export function rtsPdu<N extends RtsName>(name: N, values: RtsValues<N>): Buffer {
  const { flags, commands }: { flags: number; commands: readonly PartName[] } = RTS_PDUS[name];
  return writeRts({ flags, commands: commands.map((part) => commandOf(PARTS[part], values as Partial<Values>)) });
}
