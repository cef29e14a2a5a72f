// Addresses and parameters: what gets through is whole, and cannot end anything.

import test from "ava";
import * as fc from "fast-check";
import { checkRecipient, checkSender } from "./parameters.ts";
import { parsePath, type Path } from "./path.ts";
import { MailError } from "./words.ts";

const ALL = new Set(["SIZE", "8BITMIME", "SMTPUTF8", "DSN", "REQUIRETLS"]);

function sender(text: string | Buffer): Path | number {
  try {
    const path = parsePath(Buffer.from(text), "FROM");
    checkSender(path, ALL, 1000);
    return path;
  } catch (error) {
    if (error instanceof MailError) return error.reply.code;
    throw error;
  }
}

const part = fc.oneof(
  fc.constantFrom(
    "<",
    ">",
    '"',
    "\\",
    "@",
    ":",
    ",",
    " ",
    ".",
    "[",
    "]",
    "a",
    "example.net",
    "SIZE=1",
    "\r",
    "\n",
    "\0",
    "é",
    "\u200b",
    "+0A",
  ),
  fc.string({ maxLength: 3 }),
);

test("path: whatever is accepted is one path and parameters without anything that could end them", (t) => {
  let accepted = 0;
  const text = fc.array(part, { maxLength: 8 }).map((parts) => `FROM:<${parts.join("")}`);
  const near = fc.tuple(part, part).map(([one, two]) => `FROM:<a${one}@example.net> ENVID=${two}`);
  fc.assert(
    fc.property(fc.oneof(text, near), (one) => {
      const path = sender(one);
      if (typeof path === "number") return;
      accepted++;
      t.notRegex(path.address, /[\u0000-\u001f\u007f]/);
      t.notRegex(path.address.replaceAll(/"(?:[^"\\]|\\.)*"/g, ""), /[<> ]/);
      for (const [name, value] of path.parameters) t.regex(`${name}=${value ?? ""}`, /^[A-Z0-9-]+=[^\s=]*$/);
    }),
    { numRuns: 5000 },
  );
  t.true(accepted > 100);
});

test("path: bytes are read as UTF-8, and nothing else", (t) => {
  const path = sender("FROM:<жанна@example.net> SMTPUTF8");
  t.is(typeof path === "number" ? path : path.address, "жанна@example.net");
  t.is(sender(Buffer.from("FROM:<\xe9@example.net> SMTPUTF8", "latin1")), 501);
});

test("path: white space that is not ASCII gets through nowhere, as programs behind us may take it for an end", (t) => {
  for (const blank of "\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\ufeff") {
    const name = JSON.stringify(blank);
    for (const text of [
      `<a${blank}b@example.net>`,
      `<"a${blank}b"@example.net>`,
      `<a@b${blank}c.example>`,
      `<> ENVID=a${blank}b`,
    ])
      t.is(sender(`FROM:${text} SMTPUTF8`), 501, name);
  }
});

test("path: an address is as long as RFC 5321 has it, and no longer", (t) => {
  const long = `${"x".repeat(254 - "@example.net".length)}@example.net`;
  t.not(typeof sender(`FROM:<${long}>`), "number");
  t.is(sender(`FROM:<x${long}>`), 501);
});

test("path: a recipient's address beyond ASCII needs a transaction that began with SMTPUTF8", (t) => {
  const path = parsePath(Buffer.from("TO:<боб@example.com> ORCPT=rfc822;a+2Bb"), "TO");
  t.notThrows(() => checkRecipient(path, ALL, true));
  t.throws(() => checkRecipient(path, ALL, false), { instanceOf: MailError, message: /SMTPUTF8/ });
  t.throws(() => checkRecipient(path, new Set(), true), { message: "ORCPT is not known here" });
});
