import { once } from "node:events";
import test from "ava";
import * as fc from "fast-check";
import { BACKEND_ROLE, CLIENT_ROLE } from "./connection-role.ts";
import { arrived, collect, kindOf, LIMITS, manualClock, memoryConnection, plainConnection, socketPair } from "../test/helpers.ts";
import { Connection } from "./connection.ts";

type Read =
  | { readonly kind: "line"; readonly text: string; readonly end: string }
  | { readonly kind: "bytes"; readonly data: Buffer };

const lineText = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 40 });
const aRead: fc.Arbitrary<Read> = fc.oneof(
  fc.record({
    kind: fc.constant("line" as const),
    text: lineText.map((text) => text.replaceAll(/[\r\n]/g, "")),
    end: fc.constantFrom("\r\n", "\n"),
  }),
  fc.record({ kind: fc.constant("bytes" as const), data: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) }),
);

const wire = (read: Read): Buffer => (read.kind === "line" ? Buffer.from(read.text + read.end, "latin1") : read.data);

function chunks(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

test("connection: lines and counted bytes come out as they went in, however the bytes are cut", async (t) => {
  const script = fc.array(aRead, { maxLength: 12 });
  const cuts = fc.array(fc.nat(800), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(script, cuts, fc.uint8Array({ maxLength: 20 }), fc.boolean(), async (reads, at, rest, early) => {
      const [connection, peer] = memoryConnection();
      const bytes = Buffer.concat([...reads.map(wire), rest]);
      const feed = (): void => {
        for (const chunk of chunks(bytes, at)) if (chunk.length > 0) peer.write(chunk);
      };
      if (early) feed();
      const fed = new Promise<void>((resolve) => {
        setImmediate(() => {
          if (!early) feed();
          resolve();
        });
      });
      for (const read of reads) {
        if (read.kind === "line") t.is(await connection.readLine(), read.text);
        else t.deepEqual(await connection.readBytes(read.data.length), read.data);
      }
      await fed;
      await arrived(connection, rest.length);
      t.deepEqual(connection.handOver({ feed: () => true }), Buffer.from(rest));
    }),
    { numRuns: 200 },
  );
});

test("connection: a dialogue cut at every single byte boundary reads the same", async (t) => {
  const bytes = Buffer.from("a LOGIN {3+}\r\nx\r\n b\r\n\r\n\nz\r\n", "latin1");
  for (let cut = 0; cut <= bytes.length; cut++) {
    const [connection, peer] = memoryConnection();
    peer.write(bytes.subarray(0, cut));
    setImmediate(() => peer.write(bytes.subarray(cut)));
    t.is(await connection.readLine(), "a LOGIN {3+}");
    t.is((await connection.readBytes(3)).toString(), "x\r\n");
    t.deepEqual(
      [await connection.readLine(), await connection.readLine(), await connection.readLine(), await connection.readLine()],
      [" b", "", "", "z"],
      `cut at ${cut}`,
    );
  }
});

test("connection: two reads at a time are refused, and the first goes on", async (t) => {
  const [connection, peer] = memoryConnection();
  const first = connection.readLine();
  t.is(await kindOf(connection.readLine()), "internal");
  peer.write("x\r\n");
  t.is(await first, "x");
});

test("connection: the deadline fails the present read and later ones, but not lines that are there", async (t) => {
  const clock = manualClock();
  const [connection, peer] = memoryConnection();
  connection.deadline(clock, 1000, "login-timeout", "too slow");
  const read = kindOf(connection.readLine());
  clock.fire();
  t.is(await read, "login-timeout");
  peer.write("late\r\n");
  await arrived(connection, 6);
  t.is(await connection.readLine(), "late");
  t.is(await kindOf(connection.readLine()), "login-timeout");
});

test("connection: a deadline replaces the one before, zero removes it, and a handover ends it", (t) => {
  const clock = manualClock();
  const [connection] = memoryConnection();
  connection.deadline(clock, 1000, "login-timeout", "one");
  connection.deadline(clock, 2000, "login-timeout", "two");
  t.is(clock.pending, 1);
  connection.deadline(clock, 0, "login-timeout", "");
  t.is(clock.pending, 0);
  connection.deadline(clock, 1000, "login-timeout", "three");
  connection.handOver({ feed: () => true });
  t.is(clock.pending, 0);
});

for (const [role, kind] of [
  [CLIENT_ROLE, "client-gone"],
  [BACKEND_ROLE, "backend-lost"],
] as const) {
  test(`connection: when a peer is gone its last whole line is read first, then ${kind}`, async (t) => {
    const [accepted, dialled] = await socketPair(t);
    const connection = plainConnection(accepted, role);
    dialled.end("last\r\nhalf");
    t.is(await connection.readLine(), "last");
    t.is(await kindOf(connection.readLine()), kind);
    t.true(connection.ended);
  });

  test(`connection: a reset is ${kind} too`, async (t) => {
    const [accepted, dialled] = await socketPair(t);
    const connection = plainConnection(accepted, role);
    const read = kindOf(connection.readLine());
    dialled.resetAndDestroy();
    t.is(await read, kind);
  });

  test(`connection: bytes behind STARTTLS are refused before any handshake (${role.says})`, async (t) => {
    const [accepted, dialled] = await socketPair(t);
    const upgrade = (): never => t.fail();
    const connection = new Connection(accepted, role, LIMITS, { secure: false, upgrade });
    dialled.write("x");
    await arrived(connection, 1);
    t.is(await kindOf(connection.startTls()), role === CLIENT_ROLE ? "bytes-behind-starttls" : "backend-garbled");
    t.false(connection.secure);
  });
}

test("connection: a deadline ends a handshake that hangs, and the socket with it", async (t) => {
  const [accepted] = await socketPair(t);
  const clock = manualClock();
  const upgrade = (): Promise<never> => new Promise(() => {});
  const connection = new Connection(accepted, CLIENT_ROLE, LIMITS, { secure: false, upgrade });
  connection.deadline(clock, 1000, "login-timeout", "too slow");
  const started = kindOf(connection.startTls());
  clock.fire();
  t.is(await started, "login-timeout");
  t.true(accepted.destroyed);
  t.notThrows(() => connection.write("nobody hears this\r\n"));
});

test("connection: what is written in one turn leaves as one chunk, in order", async (t) => {
  const [accepted, dialled] = await socketPair(t);
  const connection = plainConnection(accepted, CLIENT_ROLE);
  connection.write("one\r\n");
  connection.writeSecret(Buffer.from("two\r\n"), "***");
  connection.write("thr\xe9e\r\n");
  const [chunk] = (await once(dialled, "data")) as [Buffer];
  t.is(chunk.toString("latin1"), "one\r\ntwo\r\nthr\xe9e\r\n");
});

test("connection: the trace shows what is written, and the mask in place of secrets", (t) => {
  const [connection] = memoryConnection(LIMITS, BACKEND_ROLE);
  const seen: string[] = [];
  connection.traceLine = (direction, text) => void seen.push(`${direction}: ${text}`);
  connection.write("a\r\nb\r\n");
  connection.writeSecret("PASS s3cret\r\n", "PASS ***");
  connection.trace("+OK");
  t.deepEqual(seen, ["G: a", "G: b", "G: PASS ***", "B: +OK"]);
});

test("connection: close sends what is queued and FIN, and cuts a peer that does not follow", async (t) => {
  const [accepted, dialled] = await socketPair(t);
  const clock = manualClock();
  const connection = plainConnection(accepted, CLIENT_ROLE);
  connection.write("bye\r\n");
  connection.close(clock);
  t.is((await collect(dialled)).toString(), "bye\r\n");
  dialled.on("error", () => {});
  t.false(accepted.destroyed);
  clock.fire();
  t.true(accepted.destroyed);
});

test("connection: a handover gives the unread bytes and leaves the socket silent and paused", async (t) => {
  const [accepted, dialled] = await socketPair(t);
  const connection = plainConnection(accepted, CLIENT_ROLE);
  dialled.write("a\r\nrest");
  t.is(await connection.readLine(), "a");
  await arrived(connection, 4);
  t.is(connection.handOver({ feed: () => true }).toString(), "rest");
  t.true(accepted.isPaused());
  t.is(accepted.listenerCount("data"), 0);
});
