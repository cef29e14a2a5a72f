// The way of a message's bytes to the verifier: back-pressure, giving up, and a verifier that breaks.

import { setImmediate } from "node:timers/promises";
import test from "ava";
import type { DKIMVerifyResult } from "./mailauth.ts";
import { SignatureScan, type SignatureScanOptions, type Signatures } from "./signature-scan.ts";

const HEADER = Buffer.from("From: a@example.com\r\n");
const RESULT = { results: [] } as unknown as DKIMVerifyResult;

function scanWith(verify: SignatureScanOptions["verify"], maxMessage = 1024 ** 2) {
  const told: Signatures[] = [];
  const scan = new SignatureScan({
    maxSignatures: 5,
    maxMessage,
    verify,
    done: (signatures) => void told.push(signatures),
  });
  return { scan, told };
}

test("the verifier sees the same bytes, however they are cut, and a buffer that is used again does no harm", async (t) => {
  const message = Buffer.concat([HEADER, Buffer.from(`\r\n${"line of text\r\n".repeat(20_000)}`)]);
  for (const piece of [1000, 65_536, 200_000]) {
    const seen: Buffer[] = [];
    const { scan, told } = scanWith(async (stream) => {
      for await (const chunk of stream) seen.push(Buffer.from(chunk as Buffer));
      return RESULT;
    });
    const lent = Buffer.alloc(piece);
    for (let at = 0; at < message.length; at += piece) {
      const length = message.copy(lent, 0, at);
      await scan.write(lent.subarray(0, length));
      lent.fill(0);
    }
    t.is(await scan.end(), undefined);
    t.deepEqual(Buffer.concat(seen), message);
    t.deepEqual(told, [{ checked: RESULT }]);
  }
});

test("a slow verifier makes the sender wait", async (t) => {
  let go = (): void => undefined;
  const { scan } = scanWith(async (stream) => {
    await new Promise<void>((resolve) => (go = resolve));
    stream.resume();
    return RESULT;
  });
  const wait = scan.write(Buffer.concat([HEADER, Buffer.from("\r\n"), Buffer.alloc(300_000, "a\n")]));
  t.true(wait instanceof Promise);
  let through = false;
  void wait?.then(() => (through = true));
  await setImmediate();
  t.false(through);
  go();
  await wait;
  t.true(through);
});

test("a verifier that breaks lets go of whoever waits, and is told", async (t) => {
  const { scan, told } = scanWith(async () => {
    await setImmediate();
    throw new Error("broken");
  });
  await scan.write(Buffer.concat([HEADER, Buffer.from("\r\n"), Buffer.alloc(300_000, "a\n")]));
  await scan.write(Buffer.alloc(300_000, "a\n"));
  await scan.end();
  t.like(told[0], { notChecked: { why: "error", error: { message: "broken" } } });
});

test("too many bytes and a line without end are given up at once, and nothing more is taken", async (t) => {
  const forever = async (stream: Parameters<SignatureScanOptions["verify"]>[0]): Promise<DKIMVerifyResult> => {
    for await (const _ of stream);
    return RESULT;
  };
  const large = scanWith(forever, 100_000);
  await large.scan.write(Buffer.concat([HEADER, Buffer.alloc(100_001, "a\n")]));
  t.is(large.scan.write(Buffer.alloc(1000)), undefined);
  await large.scan.end();
  t.deepEqual(large.told, [{ notChecked: { why: "size" } }]);
  const endless = scanWith(forever);
  await endless.scan.write(Buffer.concat([HEADER, Buffer.from("\r\n")]));
  for (let at = 0; at < 10; at++) await endless.scan.write(Buffer.alloc(30_000, "a"));
  await endless.scan.end();
  t.like(endless.told[0], { notChecked: { why: "shape" } });
});

test("what is aborted says nothing", async (t) => {
  let failed = false;
  const { scan, told } = scanWith(async (stream) => {
    try {
      for await (const _ of stream);
    } catch (error) {
      failed = true;
      throw error;
    }
    return RESULT;
  });
  await scan.write(HEADER);
  scan.abort();
  await setImmediate();
  await setImmediate();
  t.true(failed);
  t.deepEqual(told, []);
});

test("a header without end is given up, a message without a body is none", async (t) => {
  const forever = async (stream: Parameters<SignatureScanOptions["verify"]>[0]): Promise<DKIMVerifyResult> => {
    for await (const _ of stream);
    return RESULT;
  };
  const endless = scanWith(forever);
  for (let at = 0; at < 10; at++) await endless.scan.write(Buffer.from("X: y\r\n".repeat(10_000)));
  await endless.scan.end();
  t.like(endless.told[0], { notChecked: { why: "shape" } });
  const bodiless = scanWith(forever);
  await bodiless.scan.write(HEADER);
  await bodiless.scan.end();
  t.deepEqual(bodiless.told, [{ checked: RESULT }]);
});
