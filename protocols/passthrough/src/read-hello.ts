// Reads a client's first TLS message off the wire, which may come in several records (RFC 8446 section 5.1), and keeps the bytes:
// the backend gets them as they are. What comes behind them stays unread. Never more than 16 kB. Failure: wrong-protocol,
// tls-handshake, client-gone, and the connection's deadline.

import { Failure } from "@postern/contracts";
import type { Connection } from "@postern/core";
import { serverNameOf } from "./client-hello.ts";

export interface Hello {
  /** The records, to the byte. */
  readonly bytes: Buffer;
  readonly serverName: string | undefined;
}

const HANDSHAKE = 22;
const MAJOR_VERSION = 3;
const RECORD_HEAD = 5;
const MESSAGE_HEAD = 4;
/** Post-quantum key shares and tickets make some kB; nothing makes this. */
const MAX_BYTES = 16 * 1024;

export async function readHello(client: Pick<Connection, "readBytes">): Promise<Hello> {
  const records: Buffer[] = [];
  const fragments: Buffer[] = [];
  let total = 0;
  for (;;) {
    const head = await client.readBytes(RECORD_HEAD);
    if (head[0] !== HANDSHAKE || head[1] !== MAJOR_VERSION)
      throw new Failure(total === 0 ? "wrong-protocol" : "tls-handshake", "The client does not begin with a TLS handshake");
    const length = head.readUInt16BE(3);
    total += RECORD_HEAD + length;
    if (length === 0 || total > MAX_BYTES)
      throw new Failure("tls-handshake", length === 0 ? "An empty TLS record" : `A ClientHello of more than ${MAX_BYTES} bytes`);
    const fragment = await client.readBytes(length);
    records.push(head, fragment);
    fragments.push(fragment);
    const message = Buffer.concat(fragments);
    if (isWhole(message)) return { bytes: Buffer.concat(records), serverName: serverNameOf(message) };
  }
}

function isWhole(message: Buffer): boolean {
  if (message.length < MESSAGE_HEAD) return false;
  const length = message.readUIntBE(1, 3);
  if (length > MAX_BYTES) throw new Failure("tls-handshake", `A ClientHello of more than ${MAX_BYTES} bytes`);
  return message.length >= MESSAGE_HEAD + length;
}
