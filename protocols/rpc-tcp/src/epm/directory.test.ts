// The answers of the end-point mapper, octet by octet.

import test from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { BodyReader, INTERFACES, type Syntax } from "@postern/dcerpc";
import { createServices } from "../interfaces.ts";
import { answer, type Directory } from "./directory.ts";
import { Stub } from "./stub.ts";
import { readTower, tcpTower } from "./tower.ts";
import { towerOctets } from "./requests.ts";

const directory: Directory = { services: createServices({}).all, host: "192.0.2.1", portOf: () => 6001 };
const NOT_REGISTERED = 0x16c9a0d6;
const HANDLE = Buffer.alloc(20);

const mapStub = (tower: Buffer, max = 4): Buffer =>
  new Stub().u32(0, 1, tower.length, tower.length).octets(tower).align().octets(HANDLE).u32(max).bytes;

const map = (tower: Buffer, max = 4): Buffer => answer(3, mapStub(tower, max), directory) ?? Buffer.alloc(0);

const statusOf = (stub: Buffer): number => stub.readUInt32LE(stub.length - 4);

test("end-point mapper: ept_map tells the gateway's own port, to the octet", (t) => {
  const tower = tcpTower(INTERFACES.EMSMDB, 0, "0.0.0.0");
  const expected = [
    // No handle; one tower of four that there is room for.
    "00".repeat(20),
    "01000000",
    "04000000",
    "00000000",
    "01000000",
    "03000000",
    // 75 octets, and one to the next number.
    "4b000000",
    "4b000000",
    "050013000d00dbf1a447ca6710b31f00dd010662da000002005100",
    "13000d045d888aeb1cc9119fe808002b10486002000200000001000b02000000010007020017710100090400c0000201",
    "00",
    "00000000",
  ];
  t.is(map(tower).toString("hex"), expected.join(""));
});

test("end-point mapper: what is not served, or not by TCP, is not registered", (t) => {
  const samr: Syntax = { uuid: "12345778-1234-abcd-ef00-0123456789ac", major: 1, minor: 0 };
  const [other, newer] = [
    { ...INTERFACES.RFR, major: 2 },
    { ...INTERFACES.EMSMDB, minor: 82 },
  ];
  for (const asked of [samr, INTERFACES.epm, other, newer]) t.is(statusOf(map(tcpTower(asked, 0, "0.0.0.0"))), NOT_REGISTERED);
  const http = tcpTower(INTERFACES.EMSMDB, 0, "0.0.0.0");
  http[http.indexOf(Buffer.from([1, 0, 7])) + 2] = 0x1f;
  t.is(statusOf(map(http)), NOT_REGISTERED);
  t.is(statusOf(answer(3, new Stub().u32(0, 0).octets(HANDLE).u32(4).bytes, directory) ?? Buffer.alloc(0)), NOT_REGISTERED);
});

test("end-point mapper: a client without room for a tower gets none", (t) => {
  t.is(map(tcpTower(INTERFACES.EMSMDB, 0, "0.0.0.0"), 0).readUInt32LE(20), 0);
});

interface Page {
  readonly handle: Buffer;
  readonly names: readonly string[];
  readonly ports: readonly (number | undefined)[];
  readonly status: number;
}

function lookup(max: number, handle: Buffer, inquiry = 0, asked?: Syntax, versions = 1): Page {
  const stub = new Stub().u32(inquiry, 0);
  if (asked === undefined) stub.u32(0);
  else
    stub
      .u32(1)
      .octets(tcpTower(asked, 0, "0.0.0.0").subarray(5, 23))
      .octets(minorOf(asked));
  return readPage(answer(2, stub.u32(versions).octets(handle).u32(max).bytes, directory) ?? Buffer.alloc(0));
}

function minorOf({ minor }: Syntax): Buffer {
  const octets = Buffer.alloc(2);
  octets.writeUInt16LE(minor);
  return octets;
}

function readPage(stub: Buffer): Page {
  const reader = new BodyReader(stub);
  const handle = reader.octets(20);
  const count = reader.u32();
  reader.octets(12);
  const names = Array.from({ length: count }, () => {
    reader.align(4);
    reader.octets(24);
    return reader.octets(reader.u32()).toString("latin1").replace("\0", "");
  });
  const ports = names.map(() => {
    reader.align(4);
    return readTower(towerOctets(reader))?.port;
  });
  reader.align(4);
  return { handle, names, ports, status: reader.u32() };
}

test("end-point mapper: ept_lookup lists what is served, page by page, and then no more", (t) => {
  const first = lookup(3, HANDLE);
  t.deepEqual(first.names, ["emsmdb", "asyncemsmdb", "nspi"]);
  t.deepEqual(first.ports, [6001, 6001, 6001]);
  t.notDeepEqual(first.handle, HANDLE);
  t.deepEqual(lookup(3, first.handle), { handle: HANDLE, names: ["rfr"], ports: [6001], status: 0 });
  t.deepEqual(lookup(1000, HANDLE).names.length, 4);
});

test("end-point mapper: behind a page that is full to the end, there are no more", (t) => {
  const all = lookup(4, HANDLE);
  t.deepEqual([all.names.length, all.status], [4, 0]);
  t.notDeepEqual(all.handle, HANDLE);
  t.deepEqual(lookup(4, all.handle), { handle: HANDLE, names: [], ports: [], status: NOT_REGISTERED });
});

test("end-point mapper: a handle that somebody made up leads nowhere", (t) => {
  t.deepEqual(lookup(3, Buffer.alloc(20, 0xff)), { handle: HANDLE, names: [], ports: [], status: NOT_REGISTERED });
});

test("end-point mapper: ept_lookup by interface compares versions as it is asked to", (t) => {
  const names = (asked: Syntax, versions: number): number => lookup(10, HANDLE, 1, asked, versions).names.length;
  const { EMSMDB } = INTERFACES;
  t.deepEqual(
    [1, 2, 3, 4, 5, 6].map((versions) => names({ ...EMSMDB, minor: 80 }, versions)),
    [1, 1, 0, 1, 0, 0],
  );
  t.deepEqual(
    [1, 2, 3, 4, 5].map((versions) => names({ ...EMSMDB, major: 1, minor: 0 }, versions)),
    [1, 0, 0, 0, 1],
  );
  t.deepEqual(
    [1, 2, 3, 4, 5].map((versions) => names(EMSMDB, versions)),
    [1, 1, 1, 1, 1],
  );
});

test("end-point mapper: a handle is given back, other operations there are none", (t) => {
  t.deepEqual(answer(4, HANDLE, directory), Buffer.alloc(24));
  for (const operation of [0, 1, 5, 6, 65_535]) t.is(answer(operation, HANDLE, directory), undefined);
});

test("end-point mapper: whatever is asked, the answer is small, or the question is refused", (t) => {
  const good = mapStub(tcpTower(INTERFACES.EMSMDB, 0, "0.0.0.0"));
  const bends = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 });
  const operations = fc.constantFrom(2, 3, 4);
  fc.assert(
    fc.property(operations, bends, fc.nat(good.length), (operation, changes, length) => {
      const bent = Buffer.from(good.subarray(0, length));
      for (const [place, value] of changes) if (place < length) bent[place] = value;
      try {
        return (answer(operation, bent, directory)?.length ?? 0) < 6000;
      } catch (error) {
        return error instanceof Failure && error.kind === "syntax";
      }
    }),
    { numRuns: 3000 },
  );
  t.pass();
});
