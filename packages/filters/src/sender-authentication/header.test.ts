// What of a header is given to mailauth, and that the most costly header within the bounds does not take long.

import test from "ava";
import * as fc from "fast-check";
import { checkableHeader, HEADER_BOUNDS } from "./header.ts";
import { loadVerifiers } from "./mailauth.ts";

const SIGNATURE = "DKIM-Signature: v=1; d=a.example; s=s; h=from; bh=x; b=y\r\n";
const read = (text: string, most = 5) => checkableHeader(Buffer.from(text, "latin1"), most);

test("an ordinary header is given as it is", (t) => {
  const text = `Received: from x\r\n\tby y\r\n${SIGNATURE}From: a@a.example\r\nSubject: x\r\n`;
  const header = read(text);
  t.is(header.bytes.toString(), text);
  t.like(header, { leftOut: 0, isSigned: true, notChecked: undefined });
  t.is(header.from?.toString(), "From: a@a.example\r\n");
});

test("From fields are found as mailauth finds them", (t) => {
  const text = "FROM : a\r\n folded\r\nX: y\r\nfrom\r\n : b\r\nnonsense\r\nFrom: c";
  t.is(read(text).from?.toString(), "FROM : a\r\n folded\r\nfrom\r\n : b\r\nnonsense\r\nFrom: c");
});

test("a header with signatures or seals is signed, others are not", (t) => {
  t.true(read("ARC-Seal: i=1\r\n").isSigned);
  t.true(read(SIGNATURE).isSigned);
  t.false(read("From: a\r\nX-DKIM-Signature: v=1\r\n").isSigned);
  t.false(read("").isSigned);
});

test("signatures that are too many, too long, name too much, or are partial a second time, are left out", (t) => {
  const partial = SIGNATURE.replace("s=s;", "s=s; l=1;");
  const cases = [
    SIGNATURE.repeat(9),
    `${SIGNATURE.trimEnd()}${"A".repeat(9000)}\r\n`,
    SIGNATURE.replace("from", "x:".repeat(200)),
    partial.repeat(3),
  ];
  t.deepEqual(
    cases.map((text) => read(text).leftOut),
    [4, 1, 1, 2],
  );
  t.is(read(SIGNATURE.repeat(9)).bytes.toString(), SIGNATURE.repeat(5));
});

test("bounds", (t) => {
  t.is(read(`X: ${"y".repeat(HEADER_BOUNDS.bytes)}`).notChecked, "the header is too large");
  t.is(read("X: y\r\n z\r\n".repeat(HEADER_BOUNDS.lines)).notChecked, "the header has too many lines");
  t.is(read("X: y\r\n".repeat(HEADER_BOUNDS.fields + 1)).notChecked, "the header has too many fields");
  t.is(read(`From: ${"x".repeat(HEADER_BOUNDS.from)}`).notChecked, "From is too long");
  t.is(read(`From: ${"x".repeat(HEADER_BOUNDS.from)}`).from, undefined);
  t.is(read(`ARC-Seal: ${"x".repeat(HEADER_BOUNDS.signature)}`).notChecked, "an ARC field is too long");
});

test("any bytes are read, and what is kept is what came", (t) => {
  const pieces = fc.constantFrom("From", ":", " ", "\r\n", "\n", "\t", "DKIM-Signature:", "x", "\xff", "l=", ";");
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 80 }), (parts) => {
      const header = read(parts.join(""), 1);
      t.true(header.leftOut > 0 || header.bytes.toString("latin1") === parts.join(""));
    }),
  );
});

test("mailauth sees as many From fields as are found here", async (t) => {
  const { dkimVerify } = await loadVerifiers();
  const pieces = fc.constantFrom(
    "From",
    "from :",
    ": a@b.example",
    " ",
    "\r\n",
    "\n",
    "\t",
    "x",
    "To: y\r\n",
    "From: c@d.example\r\n",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 20 }), async (parts) => {
      // As the gateway gives it: its first line is a field, and no line is empty.
      const text = `X: y\r\n${parts.join("")}`;
      if (/\n\r?\n/.test(text)) return;
      const whole = await dkimVerify(Buffer.from(`${text}\r\n\r\n`));
      const alone = await dkimVerify(Buffer.concat([read(text).from ?? Buffer.alloc(0), Buffer.from("\r\n\r\n")]));
      t.deepEqual([alone.fromFields, alone.headerFrom], [whole.fromFields, whole.headerFrom]);
    }),
    { numRuns: 150 },
  );
});
