import test from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { INTERFACES, NDR } from "@postern/dcerpc";
import { readTower, tcpTower } from "./tower.ts";

/** 75 octets, as other programs write it. */
const EMSMDB_TOWER = Buffer.from(
  "050013000d00dbf1a447ca6710b31f00dd010662da00000200510013000d045d888aeb1cc9119fe808002b1048600200020000000100" +
    "0b020000000100070200" +
    "177501000904007f000001",
  "hex",
);

test("tower: EMSMDB at a port of TCP is written as everybody writes it", (t) => {
  t.deepEqual(tcpTower(INTERFACES.EMSMDB, 6005, "127.0.0.1"), EMSMDB_TOWER);
  t.is(EMSMDB_TOWER.length, 75);
});

test("tower: what was written is read", (t) => {
  t.deepEqual(readTower(EMSMDB_TOWER), { interface: INTERFACES.EMSMDB, transfer: NDR, port: 6005 });
});

test("tower: an address that is not IPv4 is told as none", (t) => {
  t.deepEqual(tcpTower(INTERFACES.NSPI, 135, "2001:db8::1").subarray(-4), Buffer.alloc(4));
});

test("tower: one of HTTP, or of named pipes, has no port of TCP", (t) => {
  const http = Buffer.from(EMSMDB_TOWER);
  http[http.indexOf(Buffer.from([1, 0, 7])) + 2] = 0x1f;
  t.is(readTower(http)?.port, undefined);
});

test("tower: one that is no interface's, or has too few or too many floors, is none", (t) => {
  t.is(readTower(Buffer.from("0000", "hex")), undefined);
  t.is(readTower(Buffer.from("ffff", "hex")), undefined);
  const other = Buffer.from(EMSMDB_TOWER);
  other[4] = 0x0c;
  t.is(readTower(other), undefined);
});

test("tower: one that is cut anywhere is refused", (t) => {
  for (let length = 0; length < EMSMDB_TOWER.length; length += 1)
    t.is(t.throws(() => readTower(EMSMDB_TOWER.subarray(0, length)), { instanceOf: Failure })?.kind, "syntax");
});

test("tower: whatever the octets are, it is a tower, none, or refused", (t) => {
  const bends = fc.array(fc.tuple(fc.nat(EMSMDB_TOWER.length - 1), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(bends, (changes) => {
      const bent = Buffer.from(EMSMDB_TOWER);
      for (const [place, value] of changes) bent[place] = value;
      try {
        readTower(bent);
        return true;
      } catch (error) {
        return error instanceof Failure && error.kind === "syntax";
      }
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
