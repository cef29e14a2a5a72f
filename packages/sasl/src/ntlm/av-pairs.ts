// AV pairs ([MS-NLMP] section 2.2.2.1): {id u16, length u16, value}, ended by id 0. Throws Failure exchange-malformed.

import { Failure } from "@postern/contracts";

export const AV = {
  end: 0,
  netbiosComputer: 1,
  netbiosDomain: 2,
  dnsComputer: 3,
  dnsDomain: 4,
  flags: 6,
  timestamp: 7,
  channelBindings: 10,
} as const;

/** In AV.flags: the AUTHENTICATE message has a MIC. */
export const AV_FLAG_MIC = 0x2;

const HEADER = 4;

/** Values by id; of an id that comes twice, the first. What stands behind the end is not read. */
export function parseAvPairs(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const pairs = new Map<number, Buffer>();
  for (let at = 0; at + HEADER <= bytes.length;) {
    const id = bytes.readUInt16LE(at);
    const end = at + HEADER + bytes.readUInt16LE(at + 2);
    if (id === AV.end) return pairs;
    if (end > bytes.length) break;
    if (!pairs.has(id)) pairs.set(id, bytes.subarray(at + HEADER, end));
    at = end;
  }
  throw new Failure("exchange-malformed", "NTLM: the AV pairs have no end");
}

export function buildAvPairs(pairs: readonly (readonly [id: number, value: Buffer])[]): Buffer {
  const parts = [...pairs, [AV.end, Buffer.alloc(0)] as const].map(([id, value]) => {
    const header = Buffer.alloc(HEADER);
    header.writeUInt16LE(id);
    header.writeUInt16LE(value.length, 2);
    return Buffer.concat([header, value]);
  });
  return Buffer.concat(parts);
}
