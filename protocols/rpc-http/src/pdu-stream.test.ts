import test from "ava";
import type { Lending } from "@postern/contracts";
import { giveBack } from "@postern/core";
import { newPdu, PDU_TYPES } from "@postern/dcerpc";
import { PduStream } from "./pdu-stream.ts";
import { rtsPdu } from "./rts/pdus.ts";

const rpc = (octet: number): Buffer => newPdu(PDU_TYPES.request, 1, 100).fill(octet, 16);
const ping = rtsPdu("Ping", {});

/** What a socket has read: `bytes`, in a buffer that it reads into itself and has lent once. */
function read(bytes: Buffer): { readonly chunk: Buffer; readonly lent: Lending } {
  const buffer = Buffer.allocUnsafeSlow(1024);
  bytes.copy(buffer);
  return { chunk: buffer.subarray(0, bytes.length), lent: { buffer, spare: [], users: 2 } };
}

function listening() {
  const runs: { readonly run: Buffer; readonly lent: Lending | undefined }[] = [];
  const words: Buffer[] = [];
  const stream = new PduStream({
    rpc: (run, lent) => void runs.push({ run, lent }),
    rts: (pdu) => void words.push(pdu),
  });
  return { stream, runs, words };
}

test("each run has a share in what it lies in; the buffer is free when all of them are written", (t) => {
  const { stream, runs } = listening();
  const { chunk, lent } = read(Buffer.concat([rpc(1), rpc(2), ping, rpc(3)]));
  stream.feed(chunk, lent);
  t.deepEqual(
    runs.map(({ run }) => run),
    [Buffer.concat([rpc(1), rpc(2)]), rpc(3)],
  );
  giveBack(lent); // the socket reads elsewhere
  for (const each of runs) {
    t.is(lent.spare.length, 0);
    if (each.lent !== undefined) giveBack(each.lent);
  }
  t.is(lent.spare.length, 1);
});

test("a PDU that was cut in two, and an RTS PDU, have octets of their own", (t) => {
  const { stream, runs, words } = listening();
  const all = Buffer.concat([rpc(1), ping]);
  for (const part of [all.subarray(0, 40), all.subarray(40)]) {
    const { chunk, lent } = read(part);
    stream.feed(chunk, lent);
    giveBack(lent);
    t.is(lent.spare.length, 1);
    lent.buffer.fill(0xff);
  }
  t.deepEqual(runs, [{ run: rpc(1), lent: undefined }]);
  t.deepEqual(words, [ping]);
});

test("what is no PDU gives back what it lay in", (t) => {
  const { stream } = listening();
  const { chunk, lent } = read(Buffer.alloc(100, 0xff));
  t.throws(() => stream.feed(chunk, lent));
  t.is(lent.users, 1);
});
