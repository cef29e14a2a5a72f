// Strict UTF-8, as RFC 4616 and its kin ask for: names that are not UTF-8 are refused, not mended.

import { Failure } from "@postern/contracts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes as text. Failure: exchange-malformed. */
export function utf8(bytes: Uint8Array, mechanism: string): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new Failure("exchange-malformed", `${mechanism}: not UTF-8`, { cause: error });
  }
}
