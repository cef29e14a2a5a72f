// Reads one PDU off a connection: its header first, so that no more is waited for, or kept, than it says. Failure: syntax, and what
// the connection reads with.

import type { Connection } from "@postern/core";
import { HEADER_SIZE, lengthAt } from "@postern/dcerpc";

/** Nobody reads lines; of what a peer sends ahead one PDU waits. */
export const READ_LIMITS = { maxLine: 1024, maxUnread: 64 * 1024 };

/** `seen` hears of the header before anything is made of it. */
export async function readPdu(from: Pick<Connection, "readBytes">, seen?: (header: Buffer) => void): Promise<Buffer> {
  const header = await from.readBytes(HEADER_SIZE);
  seen?.(header);
  const body = await from.readBytes(lengthAt(header, 0) - HEADER_SIZE);
  return Buffer.concat([header, body]);
}
