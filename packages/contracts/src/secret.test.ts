import { format, inspect } from "node:util";
import test from "ava";
import { Secret } from "./secret.ts";

const WORD = "correct horse \u00fc";

test("secret: gives the bytes to who asks for them", (t) => {
  t.is(new Secret(WORD).reveal().toString("utf8"), WORD);
  const bytes = Buffer.from([0xff, 0x00]);
  t.is(new Secret(bytes).reveal(), bytes);
});

test("secret: no log, JSON or inspector prints it", (t) => {
  const secret = new Secret(WORD);
  const hex = Buffer.from(WORD)
    .toString("hex")
    .replaceAll(/(..)(?!$)/g, "$1 ");
  const printed = [String(secret), JSON.stringify({ secret }), inspect({ secret }), format("%s %j %o", secret, secret, secret)];
  for (const text of [...printed, inspect(secret, { showHidden: true, depth: 9, customInspect: false })]) {
    t.false(text.includes("horse"), text);
    t.false(text.includes(hex.slice(0, 20)), text);
  }
});

test("secret: wiping overwrites the bytes where they are, and once more is harmless", (t) => {
  const bytes = Buffer.from(WORD);
  const secret = new Secret(bytes);
  secret.wipe();
  t.true(bytes.every((byte) => byte === 0));
  t.is(secret.reveal().length, 0);
  secret.wipe();
  t.is(secret.reveal().length, 0);
});
