// MD4 (RFC 1320), which OpenSSL 3 no longer has. Only for NT hashes ([MS-NLMP] section 3.3.1): MD4 is broken, and nothing
// else may use it. Never throws.

const BLOCK = 64;
const F = (x: number, y: number, z: number): number => (x & y) | (~x & z);
const G = (x: number, y: number, z: number): number => (x & y) | (x & z) | (y & z);
const H = (x: number, y: number, z: number): number => x ^ y ^ z;

/** The three rounds of section 3.4: the function, what is added, the order of the words, the shifts. */
const ROUNDS = [
  { mix: F, add: 0, order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], shifts: [3, 7, 11, 19] },
  { mix: G, add: 0x5a827999, order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15], shifts: [3, 5, 9, 13] },
  { mix: H, add: 0x6ed9eba1, order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], shifts: [3, 9, 11, 15] },
] as const;

type State = readonly [a: number, b: number, c: number, d: number];

/** The digest: 16 bytes. */
export function md4(message: Buffer): Buffer {
  const padded = pad(message);
  let state: State = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let at = 0; at < padded.length; at += BLOCK) state = digestBlock(state, padded, at);
  padded.fill(0);
  const digest = Buffer.alloc(16);
  for (const [index, word] of state.entries()) digest.writeUInt32LE(word >>> 0, index * 4);
  return digest;
}

/** A one bit, zeros, and the length in bits (sections 3.1 and 3.2). */
function pad(message: Buffer): Buffer {
  const padded = Buffer.alloc((Math.floor((message.length + 8) / BLOCK) + 1) * BLOCK);
  message.copy(padded);
  padded[message.length] = 0x80;
  padded.writeBigUInt64LE(BigInt(message.length) * 8n, padded.length - 8);
  return padded;
}

function digestBlock(before: State, bytes: Buffer, at: number): State {
  let [a, b, c, d] = before;
  for (const { mix, add, order, shifts } of ROUNDS) {
    for (const [step, word] of order.entries()) {
      const sum = (a + mix(b, c, d) + bytes.readUInt32LE(at + word * 4) + add) | 0;
      const shift = shifts[step % 4] ?? 0;
      [a, b, c, d] = [d, (sum << shift) | (sum >>> (32 - shift)), b, c];
    }
  }
  return [(before[0] + a) | 0, (before[1] + b) | 0, (before[2] + c) | 0, (before[3] + d) | 0];
}
