// RTS PDUs octet by octet, as the tables of [MS-RPCH] section 2.2.4 have them.

import test from "ava";
import { RTS_PDUS, rtsPdu, valuesOf, type RtsName } from "./pdus.ts";
import { readRts } from "./read.ts";

const cookie = (octet: string): string => octet.repeat(16);
const VC = cookie("11");
const OUT = cookie("22");
const IN = cookie("33");
const NEXT = cookie("44");
const group = cookie("55");
const window = 65_536;
const lifetime = 0x40000000;
const timeout = 900_000;
const keepAlive = 300_000;

const VECTORS: readonly (readonly [RtsName, Buffer, string])[] = [
  [
    "CONN/A1",
    rtsPdu("CONN/A1", { connection: VC, channel: OUT, window }),
    "05001403100000004c00000000000000000004000600000001000000030000001111111111111111111111111111111103000000222222222222222222222222222222220000000000000100",
  ],
  [
    "CONN/A2",
    rtsPdu("CONN/A2", { connection: VC, channel: OUT, lifetime, window }),
    "050014031000000054000000000000001000050006000000010000000300000011111111111111111111111111111111030000002222222222222222222222222222222204000000000000400000000000000100",
  ],
  ["CONN/A3", rtsPdu("CONN/A3", { timeout }), "05001403100000001c000000000000000000010002000000a0bb0d00"],
  [
    "CONN/B1",
    rtsPdu("CONN/B1", { connection: VC, channel: IN, lifetime, keepAlive, group }),
    "0500140310000000680000000000000000000600060000000100000003000000111111111111111111111111111111110300000033333333333333333333333333333333040000000000004005000000e09304000c00000055555555555555555555555555555555",
  ],
  [
    "CONN/B2",
    rtsPdu("CONN/B2", { connection: VC, channel: IN, window, timeout, group, client: "192.0.2.7" }),
    "0500140310000000800000000000000008000700060000000100000003000000111111111111111111111111111111110300000033333333333333333333333333333333000000000000010002000000a0bb0d000c000000555555555555555555555555555555550b00000000000000c0000207000000000000000000000000",
  ],
  ["CONN/B3", rtsPdu("CONN/B3", { window }), "050014031000000024000000000000000000020000000000000001000600000001000000"],
  [
    "CONN/C1",
    rtsPdu("CONN/C1", { window, timeout }),
    "05001403100000002c00000000000000000003000600000001000000000000000000010002000000a0bb0d00",
  ],
  ["OUT_R1/A1", rtsPdu("OUT_R1/A1", {}), "05001403100000001c00000000000000040001000d00000000000000"],
  [
    "OUT_R1/A3",
    rtsPdu("OUT_R1/A3", { connection: VC, predecessor: OUT, channel: NEXT, window }),
    "050014031000000060000000000000000400050006000000010000000300000011111111111111111111111111111111030000002222222222222222222222222222222203000000444444444444444444444444444444440000000000000100",
  ],
  [
    "OUT_R1/A4",
    rtsPdu("OUT_R1/A4", { connection: VC, predecessor: OUT, channel: NEXT, lifetime, window, timeout }),
    "050014031000000070000000000000001400070006000000010000000300000011111111111111111111111111111111030000002222222222222222222222222222222203000000444444444444444444444444444444440400000000000040000000000000010002000000a0bb0d00",
  ],
  ["OUT_R2/B3", rtsPdu("OUT_R2/B3", {}), "05001403100000001800000000000000200001000a000000"],
  ["OUT_R2/C1", rtsPdu("OUT_R2/C1", {}), "050014031000000018000000000000000100010007000000"],
  [
    "OUT_R2/A7",
    rtsPdu("OUT_R2/A7", { successor: NEXT }),
    "05001403100000003800000000000000100003000d0000000200000003000000444444444444444444444444444444440600000001000000",
  ],
  [
    "IN_R1/A1",
    rtsPdu("IN_R1/A1", { connection: VC, predecessor: IN, channel: NEXT }),
    "05001403100000005800000000000000040004000600000001000000030000001111111111111111111111111111111103000000333333333333333333333333333333330300000044444444444444444444444444444444",
  ],
  [
    "IN_R1/A2",
    rtsPdu("IN_R1/A2", { connection: VC, predecessor: IN, channel: NEXT, window, timeout }),
    "050014031000000068000000000000000c0006000600000001000000030000001111111111111111111111111111111103000000333333333333333333333333333333330300000044444444444444444444444444444444000000000000010002000000a0bb0d00",
  ],
  [
    "FlowControlAck",
    rtsPdu("FlowControlAck", { received: 32_768, available: window, channel: OUT }),
    "050014031000000030000000000000000200010001000000008000000000010022222222222222222222222222222222",
  ],
  [
    "FlowControlAckWithDestination",
    rtsPdu("FlowControlAckWithDestination", { destination: "out-proxy", received: 32_768, available: window, channel: OUT }),
    "05001403100000003800000000000000020002000d0000000300000001000000008000000000010022222222222222222222222222222222",
  ],
  ["Keep-Alive", rtsPdu("Keep-Alive", { keepAlive }), "05001403100000001c000000000000000200010005000000e0930400"],
  [
    "PingTrafficSentNotify",
    rtsPdu("PingTrafficSentNotify", { octets: 1031 }),
    "05001403100000001c00000000000000020001000e00000007040000",
  ],
  ["Ping", rtsPdu("Ping", {}), "0500140310000000140000000000000001000000"],
  ["Echo", rtsPdu("Echo", {}), "0500140310000000140000000000000040000000"],
];

test("vectors: every PDU is written to the octet", (t) => {
  for (const [name, written, hex] of VECTORS) t.is(written.toString("hex"), hex, name);
});

test("vectors: every PDU is known again, and is no other but those that look alike", (t) => {
  const shape = (name: RtsName): string => JSON.stringify(RTS_PDUS[name]);
  const names = Object.keys(RTS_PDUS) as RtsName[];
  for (const [name, , hex] of VECTORS) {
    const rts = readRts(Buffer.from(hex, "hex"));
    const found = names.filter((other) => valuesOf(other, rts) !== undefined);
    t.deepEqual(
      found,
      names.filter((other) => shape(other) === shape(name)),
      name,
    );
  }
});

test("vectors: values come back as they were given", (t) => {
  const b2 = VECTORS.find(([name]) => name === "CONN/B2")?.[1] ?? Buffer.alloc(0);
  t.deepEqual(valuesOf("CONN/B2", readRts(b2)), { connection: VC, channel: IN, window, timeout, group, client: "192.0.2.7" });
  const ack = VECTORS.find(([name]) => name === "FlowControlAckWithDestination")?.[1] ?? Buffer.alloc(0);
  t.deepEqual(valuesOf("FlowControlAckWithDestination", readRts(ack)), {
    destination: "out-proxy",
    received: 32_768,
    available: window,
    channel: OUT,
  });
});
