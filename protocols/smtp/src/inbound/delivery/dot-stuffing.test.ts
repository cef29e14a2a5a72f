import test from "ava";
import { array, assert, constantFrom, nat, property, string } from "fast-check";
import { Failure } from "@postern/contracts";
import { DotStuffing } from "./dot-stuffing.ts";

/** Lines of a message, of the characters that matter most. */
const lines = array(string({ unit: constantFrom(".", "a", "é", "\t", "..", "QUIT") }), { maxLength: 40 });
const cuts = array(nat(), { maxLength: 30 });

/** The bytes cut at these places. */
function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

/** What a server makes of it that follows RFC 5321 section 4.5.2 to the letter. */
function decoded(wire: string): string {
  const end = wire.startsWith(".\r\n") ? 0 : wire.indexOf("\r\n.\r\n") + 2;
  if (end === 1 || end + 3 !== wire.length) throw new Error(`It ends at ${end} of ${wire.length}`);
  return wire.slice(0, end).replaceAll(/(^|\r\n)\./g, "$1");
}

function encoded(chunks: readonly Buffer[]): string {
  const stuffing = new DotStuffing();
  const wire = chunks.map((chunk) => stuffing.encode(chunk).toString("latin1"));
  return `${wire.join("")}${stuffing.tail()}.\r\n`;
}

test("dot stuffing: however a message is cut, a server gets the same bytes, and one end", (t) => {
  const holds = property(lines, cuts, (lines, cuts) => {
    const message = Buffer.from(lines.map((line) => `${line}\r\n`).join(""));
    return decoded(encoded(chunksOf(message, cuts))) === message.toString("latin1");
  });
  t.notThrows(() => assert(holds, { numRuns: 2000 }));
});

test("dot stuffing: a last line without an end gets one", (t) => {
  t.is(encoded([Buffer.from("a\r\nb")]), "a\r\nb\r\n.\r\n");
  t.is(encoded([Buffer.from(".")]), "..\r\n.\r\n");
  t.is(encoded([]), ".\r\n");
  t.is(encoded([Buffer.alloc(0)]), ".\r\n");
  t.is(encoded([Buffer.from("a\r"), Buffer.from("\n"), Buffer.alloc(0), Buffer.from(".")]), "a\r\n..\r\n.\r\n");
});

test("dot stuffing: a chunk without a dot to double is not copied", (t) => {
  const chunk = Buffer.from("a.\r\n b.c\r\n");
  t.is(new DotStuffing().encode(chunk), chunk);
});

test("dot stuffing: whatever is a bare CR or LF is refused, however it is cut; everything else is not", (t) => {
  const bytes = string({ unit: constantFrom("\r", "\n", "\r\n", ".", "a") }).map((text) => Buffer.from(text));
  const holds = property(bytes, cuts, (message, cuts) => {
    const isBare = /\r(?!\n)|(?<!\r)\n/.test(message.toString());
    try {
      encoded(chunksOf(message, cuts));
      return !isBare;
    } catch (error) {
      return isBare && error instanceof Failure && error.kind === "internal";
    }
  });
  t.notThrows(() => assert(holds, { numRuns: 5000 }));
});
