// Streams of PDUs in any pieces, through a gate.

import type { Socket } from "node:net";
import test from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import type { Reader } from "@postern/core";
import { INTERFACES, PDU_TYPES } from "@postern/dcerpc";
import { auth3Of, bindOf, requestOf } from "../test/pdus.ts";
import { Gate } from "./gate.ts";

const nowhere = undefined as unknown as Socket;
const alter = bindOf([INTERFACES.NSPI], { type: "alterContext", callId: 9 });

interface Scene {
  readonly gate: Gate;
  readonly out: () => Buffer;
  readonly taken: Buffer[];
  readonly broken: (readonly [string, number | undefined])[];
  readonly fed: Buffer[];
}

/** Alter_contexts are kept back; those with this call id must not pass. */
function scene(forbidden?: number): Scene {
  const fed: Buffer[] = [];
  const taken: Buffer[] = [];
  const broken: [string, number | undefined][] = [];
  const target: Reader = {
    feed(chunk) {
      fed.push(chunk);
      return true;
    },
  };
  const gate = new Gate(target, {
    wants(type) {
      if (type === PDU_TYPES.response) throw new Failure("syntax", "a client that answers");
      return type === PDU_TYPES.alterContext;
    },
    take(pdu) {
      taken.push(pdu);
      if (pdu.readUInt32LE(12) === forbidden) throw new Failure("route-refused", "no");
    },
    broken: (failure, callId) => void broken.push([failure.kind, callId]),
  });
  return { gate, out: () => Buffer.concat(fed), taken, broken, fed };
}

function feed(gate: Gate, bytes: Buffer, cuts: readonly number[]): void {
  let from = 0;
  for (const cut of [...cuts.map((one) => one % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    if (cut > from) gate.feed(Buffer.from(bytes.subarray(from, cut)), undefined, nowhere);
    from = Math.max(from, cut);
  }
}

const kinds = fc.constantFrom("request", "large", "alter", "auth3");
const pduFor = (kind: string): Buffer => {
  if (kind === "alter") return alter;
  return kind === "auth3" ? auth3Of(Buffer.alloc(24, 3)) : requestOf(Buffer.alloc(kind === "large" ? 5000 : 3, 1));
};

test("gate: whatever passes comes out as it went in, however it is cut", (t) => {
  const streams = fc.array(kinds, { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(streams, fc.array(fc.nat(), { maxLength: 40 }), (names, cuts) => {
      const { gate, out, taken, broken } = scene();
      const bytes = Buffer.concat(names.map(pduFor));
      feed(gate, bytes, cuts);
      const wanted = names.filter((name) => name === "alter").length;
      return (
        out().equals(bytes) &&
        gate.isBetween &&
        broken.length === 0 &&
        taken.length === wanted &&
        taken.every((one) => one.equals(alter))
      );
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

test("gate: of a PDU that is refused no more than a part of its header leaves, and nothing behind it", (t) => {
  const before = requestOf(Buffer.alloc(10, 1));
  const bytes = Buffer.concat([before, alter, requestOf(Buffer.alloc(100, 2))]);
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 20 }), (cuts) => {
      const { gate, out, broken } = scene(9);
      feed(gate, bytes, cuts);
      const left = out().subarray(before.length);
      t.deepEqual(broken, [["route-refused", 9]]);
      return left.length < 16 && left.equals(alter.subarray(0, left.length));
    }),
    { numRuns: 300 },
  );
});

test("gate: what passes is handed on as it lies in memory", (t) => {
  const { gate, fed } = scene();
  const chunk = Buffer.concat([requestOf(Buffer.alloc(5000)), requestOf(Buffer.alloc(5000)).subarray(0, 7)]);
  gate.feed(chunk, undefined, nowhere);
  t.is(fed[0], chunk);
  t.false(gate.isBetween);
});

test("gate: a PDU of a type that may not come is refused by its header, with its call", (t) => {
  const { gate, broken, out } = scene();
  const answer = requestOf(Buffer.alloc(10), { callId: 77 });
  answer[2] = PDU_TYPES.response;
  gate.feed(answer, undefined, nowhere);
  gate.feed(requestOf(Buffer.alloc(10)), undefined, nowhere);
  t.deepEqual(broken, [["syntax", 77]]);
  t.is(out().length, 0);
});

test("gate: what is no PDU ends it, and is nobody's call", (t) => {
  for (const [at, value] of [
    [0, 4],
    [1, 2],
    [2, 99],
    [4, 0],
    [8, 15],
    [10, 200],
  ] as const) {
    const { gate, broken } = scene();
    const bad = requestOf(Buffer.alloc(10));
    bad[at] = value;
    if (at === 8) bad[9] = 0;
    gate.feed(bad, undefined, nowhere);
    t.deepEqual(broken, [["syntax", undefined]], `octet ${at}`);
  }
});

test("gate: a large PDU that comes octet by octet is put together once", (t) => {
  const { gate, taken, out } = scene();
  const large = bindOf(
    Array.from({ length: 255 }, () => INTERFACES.NSPI),
    { type: "alterContext" },
  );
  for (const octet of large) gate.feed(Buffer.from([octet]), undefined, nowhere);
  t.is(taken.length, 1);
  t.deepEqual(out(), large);
});

test("gate: whatever comes, it never throws, and hands on nothing but what came", (t) => {
  const noise = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((octets) => Buffer.from(octets)),
      kinds.map(pduFor),
    ),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(noise, fc.array(fc.nat(), { maxLength: 12 }), (pieces, cuts) => {
      const { gate, out, broken } = scene();
      const bytes = Buffer.concat(pieces);
      feed(gate, bytes, cuts);
      return broken.length <= 1 && bytes.subarray(0, out().length).equals(out());
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
