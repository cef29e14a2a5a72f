// Messages cut into pieces, for tests: whatever reads a stream must not care where it was cut.

import * as fc from "fast-check";

/** Where to cut: lengths of pieces, one byte each more often than not. */
export const cuts = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 })), { maxLength: 80, size: "max" });

/** Copies, so that no piece sees the bytes beside it; the last one is what the cuts leave. */
export function* pieces(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (const length of [...lengths, bytes.length]) {
    yield Buffer.from(bytes.subarray(at, at + length));
    at = Math.min(at + length, bytes.length);
  }
}

/** Texts out of the pieces that matter to a header or a body. */
export const mail = (...tokens: string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof(fc.constantFrom(...tokens), fc.string({ maxLength: 12 })), { maxLength: 40, size: "max" })
    .map((parts) => parts.join(""));
