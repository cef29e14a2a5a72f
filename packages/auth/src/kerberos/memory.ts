// The structures of the GSS-API C bindings (RFC 2744, appendix A; MIT's credential store), for 64-bit little-endian
// machines. Each is one block with its data behind it and pointers into itself, so that it lives exactly as long as the
// one Buffer that a caller holds. Never throws.

import type { GssLibrary } from "./library.ts";

type Where = Pick<GssLibrary, "address">;

/** A block of zeros that begins with a structure of `size` bytes, and has `tail` behind it. */
function block(where: Where, size: number, tail: Buffer): { readonly bytes: Buffer; readonly tailAt: bigint } {
  const bytes = Buffer.alloc(size + tail.length);
  tail.copy(bytes, size);
  return { bytes, tailAt: where.address(bytes) + BigInt(size) };
}

/** gss_buffer_desc that holds a copy of the data. */
export function bufferOf(where: Where, data: Buffer): Buffer {
  const { bytes, tailAt } = block(where, 16, data);
  bytes.writeBigUInt64LE(BigInt(data.length), 0);
  bytes.writeBigUInt64LE(tailAt, 8);
  return bytes;
}

/** gss_channel_bindings_struct with application data only. */
export function bindingsOf(where: Where, data: Buffer): Buffer {
  const { bytes, tailAt } = block(where, 64, data);
  bytes.writeBigUInt64LE(BigInt(data.length), 48);
  bytes.writeBigUInt64LE(tailAt, 56);
  return bytes;
}

/** gss_OID_set_desc; each identifier is the value of its DER. */
export function oidSetOf(where: Where, oids: readonly Buffer[]): Buffer {
  const size = 16 + 16 * oids.length;
  const { bytes, tailAt } = block(where, size, Buffer.concat(oids));
  bytes.writeBigUInt64LE(BigInt(oids.length), 0);
  bytes.writeBigUInt64LE(tailAt - BigInt(size - 16), 8);
  let at = tailAt;
  for (const [index, oid] of oids.entries()) {
    bytes.writeUInt32LE(oid.length, 16 + 16 * index);
    bytes.writeBigUInt64LE(at, 24 + 16 * index);
    at += BigInt(oid.length);
  }
  return bytes;
}

/** gss_OID_desc. */
export function oidOf(where: Where, oid: Buffer): Buffer {
  const { bytes, tailAt } = block(where, 16, oid);
  bytes.writeUInt32LE(oid.length, 0);
  bytes.writeBigUInt64LE(tailAt, 8);
  return bytes;
}

/** gss_key_value_set_desc of one pair. */
export function credentialStoreOf(where: Where, key: string, value: string): Buffer {
  const { bytes, tailAt } = block(where, 32, Buffer.from(`${key}\0${value}\0`));
  bytes.writeUInt32LE(1, 0);
  bytes.writeBigUInt64LE(tailAt - 16n, 8);
  bytes.writeBigUInt64LE(tailAt, 16);
  bytes.writeBigUInt64LE(tailAt + BigInt(Buffer.byteLength(key) + 1), 24);
  return bytes;
}

/** Room for a pointer or a 32-bit number that the library writes. */
export const slot = (): Buffer => Buffer.alloc(8);
/** An empty gss_buffer_desc, which the library fills. */
export const emptyBuffer = (): Buffer => Buffer.alloc(16);

export const pointerIn = (bytes: Buffer): bigint => bytes.readBigUInt64LE(0);
