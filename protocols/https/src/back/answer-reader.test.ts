import test from "ava";
import { array, assert, constantFrom, integer, property, uint8Array } from "fast-check";
import { HttpProblem } from "@postern/http";
import { Recorder } from "../../test/back-scene.ts";
import { AnswerReader } from "./answer-reader.ts";

const LIMITS = { maxHead: 4096, maxFields: 50, maxTarget: 0 };
const CHUNKED =
  "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nA: b\r\n\r\n";
const LENGTH = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
const TO_CLOSE = "HTTP/1.1 200 OK\r\n\r\nhello world";
const GARBLED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\nworld";

interface Heard {
  readonly events: readonly string[];
  readonly text: string;
  readonly trailers: readonly string[];
  /** Bytes behind the answer; "garbled" or "goes on". */
  readonly end: string;
}

/** Reads the bytes cut at these places. */
function readCut(bytes: Buffer, cuts: readonly number[]): Heard {
  const reader = new AnswerReader(LIMITS);
  const taker = new Recorder();
  reader.expect("GET", false, taker);
  const at = [...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length])].toSorted((a, b) => a - b);
  let end = "goes on";
  for (const [index, from] of at.entries()) {
    const to = at[index + 1] ?? bytes.length;
    try {
      const behind = reader.read(bytes.subarray(from, to));
      if (behind === -1) continue;
      end = String(bytes.length - from - behind);
    } catch (error) {
      if (!(error instanceof HttpProblem)) throw error;
      end = "garbled";
    }
    break;
  }
  return { events: taker.events, text: taker.text, trailers: reader.trailers, end };
}

for (const [title, answer] of Object.entries({ CHUNKED, LENGTH, TO_CLOSE, GARBLED, BEHIND: `${LENGTH}${LENGTH}` })) {
  test(`answer reader: ${title} is read the same however its bytes are cut`, (t) => {
    const bytes = Buffer.from(answer);
    const whole = readCut(bytes, []);
    t.deepEqual(readCut(bytes, [...bytes.keys()]), { ...whole });
    assert(
      property(array(integer({ min: 0, max: bytes.length }), { maxLength: 10 }), (cuts) => {
        t.deepEqual(readCut(bytes, cuts), whole);
      }),
      { numRuns: 500 },
    );
  });
}

test("answer reader: random bytes are an answer or garbled, and nothing else", (t) => {
  const beginnings = [
    "",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    LENGTH,
    "HTTP/1.1 101 S\r\n\r\n",
  ];
  assert(
    property(constantFrom(...beginnings), uint8Array({ maxLength: 200 }), (beginning, rest) => {
      const bytes = Buffer.concat([Buffer.from(beginning), rest]);
      t.notThrows(() => readCut(bytes, [beginning.length]));
    }),
    { numRuns: 2000 },
  );
});

test("answer reader: pieces are parts of what was read, not copies", (t) => {
  const reader = new AnswerReader(LIMITS);
  const pieces: Buffer[] = [];
  const taker = new Recorder();
  taker.data = (piece) => pieces.push(piece) > 0;
  reader.expect("GET", false, taker);
  const bytes = Buffer.from(LENGTH);
  t.is(reader.read(bytes), bytes.length);
  t.is(pieces[0]?.buffer, bytes.buffer);
});

test("answer reader: a taker that stops it inside a chunk hears nothing more", (t) => {
  const reader = new AnswerReader(LIMITS);
  const taker = new Recorder();
  taker.onData = () => reader.stop();
  reader.expect("GET", false, taker);
  t.is(reader.read(Buffer.from(CHUNKED)), -1);
  t.deepEqual(taker.events, ["inform 103", "head 200 ?", "data"]);
  t.is(taker.text, "hello");
});
