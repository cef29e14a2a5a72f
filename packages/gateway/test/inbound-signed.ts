// A message with a DKIM signature, made with nothing but Node's own crypto: rsa-sha256, simple/simple (RFC 6376 section 3).

import { createHash, createSign, generateKeyPairSync } from "node:crypto";

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const SIGNED = ["From", "To", "Subject", "Date", "Message-ID"];

/** The DNS record of the key. */
export const KEY_RECORD = `v=DKIM1; k=rsa; p=${pair.publicKey.export({ type: "spki", format: "der" }).toString("base64")}`;

/** The message with its signature on top. Its header has one field of each name, not folded; its body ends with one CRLF. */
export function signed(message: string, domain: string, selector: string): string {
  const end = message.indexOf("\r\n\r\n");
  const fields = message.slice(0, end).split("\r\n");
  const bodyHash = createHash("sha256")
    .update(message.slice(end + 4), "latin1")
    .digest("base64");
  const tags = [
    "v=1",
    "a=rsa-sha256",
    "c=simple/simple",
    `d=${domain}`,
    `s=${selector}`,
    `h=${SIGNED.join(":")}`,
    `bh=${bodyHash}`,
    "b=",
  ];
  const own = `DKIM-Signature: ${tags.join("; ")}`;
  const seen = SIGNED.map((name) => `${fields.find((field) => field.startsWith(`${name}: `)) ?? ""}\r\n`);
  const signature = createSign("sha256").update(seen.join("") + own, "latin1");
  return `${own}${signature.sign(pair.privateKey, "base64")}\r\n${message}`;
}
