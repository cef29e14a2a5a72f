import test from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { MAX_RTS, newPdu, PDU_TYPES } from "@postern/dcerpc";
import { DESTINATIONS, RTS_COMMANDS, type RtsCommand } from "./commands.ts";
import { RTS_PDUS, rtsPdu, valuesOf, type RtsName, type RtsValues } from "./pdus.ts";
import { destinationOf, readRts } from "./read.ts";
import { writeRts } from "./write.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const id = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString("hex"));

/** Values for every name that a PDU may ask for. */
const anyValues = fc.record({
  connection: id,
  channel: id,
  predecessor: id,
  successor: id,
  group: id,
  window: u32,
  timeout: u32,
  lifetime: u32,
  keepAlive: u32,
  received: u32,
  available: u32,
  octets: u32,
  client: fc.oneof(fc.ipV4(), fc.constantFrom("2001:db8:0:0:0:0:0:7", "fe80:1:2:3:4:5:6:789a")),
  destination: fc.constantFrom(...DESTINATIONS),
});

const names = Object.keys(RTS_PDUS) as RtsName[];

test("every PDU of the table is written and read back, for all values", (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...names), anyValues, (name, all) => {
      const pdu = rtsPdu(name, all as unknown as RtsValues<RtsName>);
      const values = valuesOf(name, readRts(pdu));
      t.truthy(values, name);
      const known: Record<string, string | number> = all;
      for (const [key, value] of Object.entries(values ?? {})) t.true(value === known[key], `${name} ${key}`);
      t.deepEqual(rtsPdu(name, (values ?? {}) as unknown as RtsValues<RtsName>), pdu);
    }),
  );
});

const command: fc.Arbitrary<RtsCommand> = fc.constantFrom(...RTS_COMMANDS).chain(([type, carries]): fc.Arbitrary<RtsCommand> => {
  const of = (value: fc.Arbitrary<object>): fc.Arbitrary<RtsCommand> => value.map((rest) => ({ type, ...rest }) as RtsCommand);
  switch (carries) {
    case "number":
      return of(fc.record({ value: u32 }));
    case "padding":
      return of(fc.record({ value: fc.integer({ min: 0, max: 40 }) }));
    case "id":
      return of(fc.record({ id }));
    case "nothing":
      return of(fc.constant({}));
    case "ack":
      return of(fc.record({ received: u32, window: u32, channel: id }));
    case "address":
      return of(fc.record({ address: fc.constantFrom("192.0.2.7", "2001:db8:0:0:0:0:0:7") }));
  }
});

test("any commands are read as they were written", (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff }), fc.array(command, { maxLength: 10 }), (flags, commands) => {
      t.deepEqual(readRts(writeRts({ flags, commands })), { flags, commands });
    }),
  );
});

test("what is no RTS PDU is a Failure and nothing else, whatever octets are changed", (t) => {
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      anyValues,
      fc.array(change, { maxLength: 6 }),
      fc.nat({ max: 160 }),
      (name, all, changes, cut) => {
        const pdu = rtsPdu(name, all as unknown as RtsValues<RtsName>);
        for (const [at, octet] of changes) pdu[at % pdu.length] = octet;
        for (const bytes of [pdu, pdu.subarray(0, cut)]) {
          try {
            for (const other of names) valuesOf(other, readRts(bytes));
          } catch (error) {
            if (!(error instanceof Failure) || error.kind !== "syntax") throw error;
          }
        }
        t.pass();
      },
    ),
    { numRuns: 300 },
  );
});

test("a PDU that says more commands than it has, or has more than it says, is refused", (t) => {
  const pdu = rtsPdu("CONN/A3", { timeout: 1 });
  for (const count of [0, 2, 0xffff]) {
    const bent = Buffer.from(pdu);
    bent.writeUInt16LE(count, 18);
    t.throws(() => readRts(bent), { instanceOf: Failure }, String(count));
  }
  t.throws(() => readRts(Buffer.concat([pdu, pdu])), { instanceOf: Failure });
});

test("a PDU of a thousand empty commands is read, and a larger one is refused", (t) => {
  const empties = (count: number): Buffer =>
    writeRts({ flags: 0, commands: Array.from({ length: count }, () => ({ type: "Empty" }) as const) });
  const most = (MAX_RTS - 20) / 4;
  t.is(readRts(empties(most)).commands.length, most);
  t.throws(() => readRts(empties(most + 1)), { instanceOf: Failure });
});

test("a PDU of another type, of a call, of more than one fragment, or with an auth trailer is refused", (t) => {
  t.throws(() => readRts(newPdu(PDU_TYPES.request, 0, 4)), { instanceOf: Failure });
  t.throws(() => readRts(newPdu(PDU_TYPES.rts, 0, 4, 1)), { instanceOf: Failure });
  t.throws(() => readRts(newPdu(PDU_TYPES.rts, 1, 4)), { instanceOf: Failure });
  const trailed = newPdu(PDU_TYPES.rts, 0, 40);
  trailed.writeUInt16LE(16, 10);
  t.throws(() => readRts(trailed), { instanceOf: Failure });
});

test("another version, and another destination than the PDU's own, make no such PDU", (t) => {
  const a1 = rtsPdu("CONN/A1", { connection: "1".repeat(32), channel: "2".repeat(32), window: 65_536 });
  a1.writeUInt32LE(2, 24);
  t.is(valuesOf("CONN/A1", readRts(a1)), undefined);
  const a7 = rtsPdu("OUT_R1/A7", { successor: "1".repeat(32) });
  t.is(destinationOf(readRts(a7)), "server");
  a7.writeUInt32LE(3, 24);
  t.is(valuesOf("OUT_R1/A7", readRts(a7)), undefined);
  t.is(destinationOf(readRts(a7)), "out-proxy");
  a7.writeUInt32LE(4, 24);
  t.is(destinationOf(readRts(a7)), undefined);
  t.is(destinationOf(readRts(rtsPdu("Ping", {}))), undefined);
});

test("OUT_R2/C1 may have padding in place of the empty command", (t) => {
  const padded = writeRts({ flags: 1, commands: [{ type: "Padding", value: 8 }] });
  t.deepEqual(valuesOf("OUT_R2/C1", readRts(padded)), {});
});

test("an address is told in the form of its family; what has none is 0.0.0.0", (t) => {
  const told = (client: string): string | undefined => {
    const b2 = rtsPdu("CONN/B2", {
      connection: "1".repeat(32),
      channel: "2".repeat(32),
      window: 1,
      timeout: 1,
      group: "3".repeat(32),
      client,
    });
    return valuesOf("CONN/B2", readRts(b2))?.client;
  };
  t.is(told("::ffff:192.0.2.7"), "192.0.2.7");
  t.is(told("2001:db8::7%eth0"), "2001:db8:0:0:0:0:0:7");
  t.is(told(""), "0.0.0.0");
});

test("a cookie that is none is never written", (t) => {
  for (const successor of ["", "11", "zz".repeat(16), "1".repeat(31), "1".repeat(34)])
    t.throws(() => rtsPdu("IN_R1/A5", { successor }), { instanceOf: Error }, successor);
});
