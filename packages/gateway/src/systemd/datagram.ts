// One datagram to a unix socket, which Node has no socket type for: libc's socket() and sendto() through node:ffi.
// Feature-detected: without node:ffi (an experimental module), or off Linux, there is no sender and the caller goes
// another way. Never used on the data path. Never waits: a full queue is an error, not a stalled event loop.

import type * as Ffi from "node:ffi";
import { endianness } from "node:os";

/** Sends one datagram; `path` is a file, or an abstract name behind "@". Throws when it was not taken. */
export type DatagramSender = (path: string, text: string) => void;

// Linux, all architectures that Node runs on (asm-generic).
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MAX_PATH = 108;

/** A struct sockaddr_un: the family, then the name; an abstract name begins with a zero byte and has none at its end. */
export function unixAddress(path: string): Buffer {
  const name = path.startsWith("@") ? Buffer.from(`\0${path.slice(1)}`) : Buffer.from(`${path}\0`);
  if (!/^[/@]./s.test(path) || name.length > MAX_PATH)
    throw new Error(`Cannot use "${path}" as a socket: it must begin with / or @ and have fewer than ${MAX_PATH} bytes`);
  const family = Buffer.alloc(2);
  if (endianness() === "LE") family.writeUInt16LE(AF_UNIX);
  else family.writeUInt16BE(AF_UNIX);
  return Buffer.concat([family, name]);
}

/** A sender, or undefined where this Node cannot call libc. */
export async function loadDatagramSender(): Promise<DatagramSender | undefined> {
  try {
    return process.platform === "linux" ? createSender(await import("node:ffi")) : undefined;
  } catch {
    return undefined; // No node:ffi in this Node, or switched off, or not permitted.
  }
}

function createSender(ffi: typeof Ffi): DatagramSender {
  const { functions: libc } = ffi.dlopen(null, {
    socket: { arguments: ["int32", "int32", "int32"], return: "int32" },
    sendto: { arguments: ["int32", "buffer", "uint64", "int32", "buffer", "uint32"], return: "int64" },
    close: { arguments: ["int32"], return: "int32" },
  });
  return (path, text) => {
    const address = unixAddress(path);
    const message = Buffer.from(text);
    const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw new Error("Cannot open a unix datagram socket");
    const sent = libc.sendto(fd, message, BigInt(message.length), MSG_DONTWAIT | MSG_NOSIGNAL, address, address.length);
    libc.close(fd);
    if (Number(sent) !== message.length) throw new Error(`Cannot send a datagram to "${path}"`);
  };
}
