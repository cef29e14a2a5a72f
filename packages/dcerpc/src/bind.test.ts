import test from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { bindAck, bindNak, BIND_NAK, fault, FAULT_STATUS, response } from "./answers.ts";
import { readBind, readBindAck, type BindAck } from "./bind.ts";
import { HEADER_SIZE, headerOf, newPdu, PDU_FLAGS, PDU_TYPES, pdusOf } from "./header.ts";
import { INTERFACES, NDR } from "./interfaces.ts";
import { uuidBytes, uuidText } from "./uuid.ts";

/** A bind for EMSMDB as a client writes it, with room for 5840 octets and a new group. */
const BIND = Buffer.from(
  [
    "05000b03100000004800000002000000",
    "d016d016000000000100000000000100",
    "00dbf1a447ca6710b31f00dd010662da00005100",
    "045d888aeb1cc9119fe808002b10486002000000",
  ].join(""),
  "hex",
);

test("a bind is read: sizes, group, contexts", (t) => {
  t.deepEqual(readBind(BIND), {
    maxTransmit: 5840,
    maxReceive: 5840,
    group: 0,
    contexts: [{ id: 0, interface: INTERFACES.EMSMDB, transfers: [NDR] }],
  });
});

test("a bind is read however it is cut or changed, or refused, and nothing else", (t) => {
  const change = fc.tuple(fc.nat({ max: BIND.length - 1 }), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 5 }), (changes) => {
      const bytes = Buffer.from(BIND);
      for (const [at, octet] of changes) bytes[at] = octet;
      for (const read of [readBind, readBindAck]) {
        try {
          read(bytes);
        } catch (error) {
          if (!(error instanceof Failure) || error.kind !== "syntax") throw error;
        }
      }
      t.pass();
    }),
    { numRuns: 500 },
  );
});

test("a bind that counts more contexts than there are, or into its auth trailer, is refused", (t) => {
  const many = Buffer.from(BIND);
  many[24] = 255;
  t.throws(() => readBind(many), { instanceOf: Failure });
  const trailed = Buffer.from(BIND);
  trailed.writeUInt16LE(8, 10);
  t.throws(() => readBind(trailed), { instanceOf: Failure });
  t.throws(() => readBind(newPdu(PDU_TYPES.request, 1, 60)), { instanceOf: Failure });
});

const ack: BindAck = {
  maxTransmit: 5840,
  maxReceive: 4280,
  group: 0xfedcba98,
  address: "6001",
  results: [
    { result: 0, reason: 0, transfer: NDR },
    { result: 2, reason: 2, transfer: { uuid: "00000000-0000-0000-0000-000000000000", major: 0, minor: 0 } },
  ],
};

test("a bind_ack is written and read back, with and without an address", (t) => {
  for (const address of ["", "6001", "135"]) {
    t.deepEqual(readBindAck(bindAck(7, { ...ack, address })), { ...ack, address });
    t.is(headerOf(bindAck(7, { ...ack, address }, "alterContext")).type, PDU_TYPES.alterContextResponse);
  }
});

test("an address that is no printable text is read up to there", (t) => {
  const bytes = bindAck(7, { ...ack, address: "60\n1" });
  t.is(readBindAck(bytes).address, "60");
});

test("a bind_nak and a fault say what they are told", (t) => {
  const nak = bindNak(9, BIND_NAK.localLimit);
  t.deepEqual(headerOf(nak), { type: PDU_TYPES.bindNak, flags: 3, length: nak.length, authLength: 0, callId: 9 });
  t.is(nak.readUInt16LE(HEADER_SIZE), 2);
  const failed = fault(9, 3, FAULT_STATUS.tooBusy);
  t.is(headerOf(failed).flags, PDU_FLAGS.first | PDU_FLAGS.last | PDU_FLAGS.didNotExecute);
  t.is(failed.readUInt16LE(20), 3);
  t.is(failed.readUInt32LE(24), 0x1c010014);
  t.is(failed.length, 32);
});

test("a response that is too long for one fragment is cut, and its stub is whole", (t) => {
  const stub = Buffer.from(Array.from({ length: 1000 }, (_, at) => at & 0xff));
  for (const size of [0, 1, 495, 496, 497, 1000]) {
    const fragments = pdusOf(response(5, 1, stub.subarray(0, size), 520));
    t.deepEqual(Buffer.concat(fragments.map((one) => one.subarray(24))), stub.subarray(0, size));
    t.true(fragments.every((one) => one.length <= 520));
    const flags = fragments.map((one) => headerOf(one).flags);
    t.is(flags.filter((flag) => (flag & PDU_FLAGS.first) !== 0).length, 1);
    t.is((flags.at(-1) ?? 0) & PDU_FLAGS.last, PDU_FLAGS.last);
    t.is(fragments.length, Math.max(1, Math.ceil(size / 496)));
  }
});

test("a UUID is the same as text and as octets, and its first fields are little-endian", (t) => {
  t.is(uuidBytes(INTERFACES.EMSMDB.uuid).toString("hex"), "00dbf1a447ca6710b31f00dd010662da");
  fc.assert(fc.property(fc.uuid(), (uuid) => t.is(uuidText(uuidBytes(uuid.toUpperCase())), uuid)));
  for (const text of ["", "a4f1db00", `${INTERFACES.NSPI.uuid}0`]) t.throws(() => uuidBytes(text), { instanceOf: Failure });
  t.throws(() => uuidText(Buffer.alloc(20), 5), { instanceOf: Failure });
});
