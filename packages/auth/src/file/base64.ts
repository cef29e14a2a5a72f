// Strict base64 (RFC 4648 section 4), with or without padding, as password hashes have it. Never throws.

/** The bytes; undefined when the text is not what encoding them would give. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  const whole = bytes.toString("base64");
  return text === whole || text === whole.replace(/=+$/, "") ? bytes : undefined;
}

/** Without padding, as PHC strings have it. */
export const toBase64 = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");
