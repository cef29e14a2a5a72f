import test from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { PduFramer } from "./framer.ts";
import { HEADER_SIZE, headerOf, MAX_PDU, MAX_RTS, newPdu, PDU_FLAGS, PDU_TYPES, pdusOf, type PduType } from "./header.ts";

interface Found {
  readonly pdus: string[];
  readonly runs: Buffer[];
  readonly framer: PduFramer;
}

function framerOf(): Found {
  const found: string[] = [];
  const runs: Buffer[] = [];
  const framer = new PduFramer({
    rpc(bytes) {
      runs.push(bytes);
      for (const pdu of pdusOf(bytes)) found.push(`rpc ${pdu.toString("hex")}`);
    },
    rts: (pdu) => found.push(`rts ${pdu.toString("hex")}`),
  });
  return { pdus: found, runs, framer };
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const types = Object.values(PDU_TYPES);
const pdu = fc
  .tuple(
    fc.constantFrom<PduType>(...types, PDU_TYPES.rts),
    fc.uint8Array({ maxLength: 300 }),
    fc.integer({ min: 0, max: 0xffffffff }),
  )
  .map(([type, body, callId]) => {
    const bytes = newPdu(type, callId, body.length);
    Buffer.from(body).copy(bytes, HEADER_SIZE);
    return bytes;
  });

test("any fragmentation gives the same PDUs in the same order, octet by octet", (t) => {
  fc.assert(
    fc.property(fc.array(pdu, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 30 }), (pdus, cuts) => {
      const { framer, pdus: found } = framerOf();
      for (const piece of cut(Buffer.concat(pdus), cuts)) framer.feed(piece);
      t.deepEqual(
        found,
        pdus.map((one) => `${one[2] === PDU_TYPES.rts ? "rts" : "rpc"} ${one.toString("hex")}`),
      );
      t.true(framer.isBetween);
    }),
  );
});

test("octets that come one by one give the same PDUs", (t) => {
  const { framer, pdus } = framerOf();
  const all = Buffer.concat([newPdu(PDU_TYPES.rts, 0, 4), newPdu(PDU_TYPES.request, 1, 0), newPdu(PDU_TYPES.request, 2, 30)]);
  for (const [at] of all.entries()) {
    framer.feed(all.subarray(at, at + 1));
    t.is(framer.isBetween, [19, 35, 81].includes(at));
  }
  t.is(pdus.length, 3);
});

test("a run of whole PDUs is handed on as one slice of what came, without a copy", (t) => {
  const { framer, runs } = framerOf();
  const chunk = Buffer.concat([newPdu(PDU_TYPES.request, 1, 10), newPdu(PDU_TYPES.request, 2, 20)]);
  framer.feed(chunk);
  t.is(runs[0], chunk);
  framer.feed(Buffer.concat([chunk, newPdu(PDU_TYPES.rts, 0, 4), chunk, chunk.subarray(0, 20)]));
  t.deepEqual(
    runs.slice(1).map(({ length }) => length),
    [chunk.length, chunk.length],
  );
  t.is(runs[1]?.buffer, runs[2]?.buffer);
  t.false(framer.isBetween);
});

test("a PDU of the largest length passes, in any pieces", (t) => {
  const { framer, runs } = framerOf();
  const largest = newPdu(PDU_TYPES.response, 7, MAX_PDU - HEADER_SIZE);
  for (const piece of cut(largest, [1, 15, 16, 17, 40_000])) framer.feed(piece);
  t.is(runs.length, 1);
  t.deepEqual(runs[0], largest);
});

function bent(change: (bytes: Buffer) => void, type: PduType = PDU_TYPES.request, body = 32): Buffer {
  const bytes = newPdu(type, 1, body);
  change(bytes);
  return bytes;
}

const NONSENSE: readonly (readonly [string, Buffer])[] = [
  ["another version", bent((bytes) => bytes.writeUInt8(4, 0))],
  ["another minor version", bent((bytes) => bytes.writeUInt8(2, 1))],
  ["an unknown type", bent((bytes) => bytes.writeUInt8(21, 2))],
  ["a datagram's type", bent((bytes) => bytes.writeUInt8(1, 2))],
  ["big-endian integers", bent((bytes) => bytes.writeUInt8(0, 4))],
  ["a length below the header's", bent((bytes) => bytes.writeUInt16LE(15, 8))],
  ["no length", bent((bytes) => bytes.writeUInt16LE(0, 8))],
  ["an auth trailer longer than the PDU", bent((bytes) => bytes.writeUInt16LE(25, 10))],
  ["an RTS PDU that is too large", bent(() => {}, PDU_TYPES.rts, MAX_RTS - HEADER_SIZE + 1)],
  ["text", Buffer.from("GET / HTTP/1.1\r\n")],
];

for (const [what, bytes] of NONSENSE)
  test(`nonsense is refused as soon as a header is there: ${what}`, (t) => {
    const { framer, pdus } = framerOf();
    framer.feed(bytes.subarray(0, HEADER_SIZE - 1));
    t.throws(() => framer.feed(bytes.subarray(HEADER_SIZE - 1, HEADER_SIZE)), { instanceOf: Failure });
    t.throws(() => framerOf().framer.feed(bytes), { instanceOf: Failure });
    t.deepEqual(pdus, []);
  });

test("garbage gives Failure syntax and no other error, and what was handed on is whole", (t) => {
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
  const garbage = fc.tuple(fc.array(pdu, { maxLength: 4 }), fc.array(change, { maxLength: 8 }), fc.uint8Array({ maxLength: 40 }));
  fc.assert(
    fc.property(garbage, fc.array(fc.nat(), { maxLength: 10 }), ([pdus, changes, tail], cuts) => {
      const bytes = Buffer.concat([...pdus, tail]);
      for (const [at, octet] of changes) if (bytes.length > 0) bytes[at % bytes.length] = octet;
      const { framer } = framerOf();
      try {
        for (const piece of cut(bytes, cuts)) framer.feed(piece);
      } catch (error) {
        if (!(error instanceof Failure) || error.kind !== "syntax") throw error;
      }
      t.pass();
    }),
    { numRuns: 300 },
  );
});

test("what a header says is read, and a run is taken apart", (t) => {
  const second = newPdu(PDU_TYPES.fault, 0xfffffffe, 16, PDU_FLAGS.last);
  const run = Buffer.concat([newPdu(PDU_TYPES.request, 1, 8), second]);
  t.deepEqual(headerOf(run, 24), { type: 3, flags: 2, length: 32, authLength: 0, callId: 0xfffffffe });
  t.deepEqual(pdusOf(run)[1], second);
  t.throws(() => pdusOf(run.subarray(0, 40)), { instanceOf: Failure });
  t.throws(() => pdusOf(run.subarray(0, 30)), { instanceOf: Failure });
  t.deepEqual(pdusOf(Buffer.alloc(0)), []);
});
