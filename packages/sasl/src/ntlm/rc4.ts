// RC4, which OpenSSL 3 no longer has. Only for what NTLM still does with it ([MS-NLMP] sections 3.2.5.1.2 and 3.4): the
// session key that the client chose, and checksums. It hides nothing that matters; nothing else may use it. Never throws.

/** The bytes, encrypted or decrypted with a key of 1 to 256 bytes, from the start of the key stream. */
export function rc4(key: Buffer, data: Buffer): Buffer {
  const state = schedule(key);
  let i = 0;
  let j = 0;
  const output = data.map((byte) => {
    i = (i + 1) & 255;
    j = (j + at(state, i)) & 255;
    swap(state, i, j);
    return byte ^ at(state, (at(state, i) + at(state, j)) & 255);
  });
  state.fill(0);
  return Buffer.from(output);
}

function schedule(key: Buffer): Uint8Array {
  const state = Uint8Array.from({ length: 256 }, (_, index) => index);
  let j = 0;
  for (let i = 0; i < 256; i++) {
    j = (j + at(state, i) + at(key, i % key.length)) & 255;
    swap(state, i, j);
  }
  return state;
}

const at = (bytes: Uint8Array, index: number): number => bytes[index] ?? 0;

function swap(state: Uint8Array, i: number, j: number): void {
  const kept = at(state, i);
  state[i] = at(state, j);
  state[j] = kept;
}
