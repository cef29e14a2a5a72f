import test from "ava";
import { DESTINATIONS, rtsDestination, rtsNames, rtsPdu, rtsValues } from "./rts.ts";

const [connection, out, into, successor, group] = ["11", "22", "33", "44", "55"].map((octet) => octet.repeat(16));
const values = { connection: connection ?? "", lifetime: 1024 ** 3, window: 65_536, timeout: 900_000, keepAlive: 300_000 };

test("PDUs have the octets of the published vectors", (t) => {
  const a1 = rtsPdu("CONN/A1", { ...values, channel: out ?? "" }).toString("hex");
  t.is(a1, `05001403100000004c0000000000000000000400060000000100000003000000${connection}03000000${out}0000000000000100`);
  const b2 = rtsPdu("CONN/B2", { ...values, channel: into ?? "", group: group ?? "", client: "192.0.2.7" }).toString("hex");
  t.is(
    b2,
    `0500140310000000800000000000000008000700060000000100000003000000${connection}03000000${into}` +
      `000000000000010002000000a0bb0d000c000000${group}0b00000000000000c0000207${"00".repeat(12)}`,
  );
  const ack = rtsPdu("FlowControlAckWithDestination", {
    destination: DESTINATIONS.outProxy,
    received: 32_768,
    available: 65_536,
    channel: out ?? "",
  });
  t.is(ack.toString("hex"), `05001403100000003800000000000000020002000d00000003000000010000000080000000000100${out}`);
  t.is(rtsPdu("OUT_R2/B3").toString("hex"), "05001403100000001800000000000000200001000a000000");
});

test("what was written is read again, and nothing else is taken for it", (t) => {
  const pdu = rtsPdu("IN_R1/A1", { connection: connection ?? "", predecessor: into ?? "", successor: successor ?? "" });
  t.deepEqual(rtsValues("IN_R1/A1", pdu), { connection, predecessor: into, successor });
  t.is(rtsNames(pdu), "IN_R1/A1");
  t.is(rtsValues("CONN/B1", pdu), undefined);
  t.is(rtsValues("OUT_R1/A1", pdu), undefined);
  const marked = Buffer.from(pdu);
  marked[16] = 5;
  t.is(rtsValues("IN_R1/A1", marked), undefined);
  t.regex(rtsNames(marked), /^no known RTS PDU/);
});

test("only a first command tells the destination", (t) => {
  t.is(rtsDestination(rtsPdu("OUT_R1/A7", { destination: DESTINATIONS.server, successor: successor ?? "" })), 2);
  t.is(rtsDestination(rtsPdu("Ping")), undefined);
});
