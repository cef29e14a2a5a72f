import { once } from "node:events";
import test from "ava";
import { CLIENT_ROLE } from "./connection-role.ts";
import { kindOf, LIMITS, manualClock, memoryConnection, plainConnection, settled, socketPair } from "../test/helpers.ts";
import { Connection } from "./connection.ts";

test("connection: a line of the longest length passes, one byte more does not", async (t) => {
  const [fits, peer] = memoryConnection({ maxLine: 10, maxUnread: 100 });
  peer.write("0123456789\r\n");
  t.is(await fits.readLine(), "0123456789");
  for (const long of ["0123456789a\r\n", "0123456789ab", "0123456789abcdefgh"]) {
    const [connection, sender] = memoryConnection({ maxLine: 10, maxUnread: 100 });
    const read = kindOf(connection.readLine());
    sender.write(long);
    t.is(await read, "line-too-long", long);
  }
});

test("connection: counted bytes may be more than what is kept unread", async (t) => {
  const [accepted, dialled] = await socketPair(t);
  const connection = new Connection(
    accepted,
    CLIENT_ROLE,
    { maxLine: 100, maxUnread: 2048 },
    { secure: false, upgrade: undefined },
  );
  const sent = Buffer.alloc(300_000, "x");
  dialled.write(sent);
  t.deepEqual(await connection.readBytes(sent.length), sent);
});

test("connection: a peer that nobody reads from is paused, and nothing of it is lost", async (t) => {
  const [accepted, dialled] = await socketPair(t);
  const connection = plainConnection(accepted, CLIENT_ROLE);
  const sent = Buffer.alloc(4 * 1024 * 1024, "0123456789abcdef\n");
  dialled.write(sent);
  await settled(() => connection.pending);
  t.true(connection.pending <= LIMITS.maxUnread + 256 * 1024, `${connection.pending} bytes are kept`);
  for (let line = 0; line < 20_000; line++) t.is(await connection.readLine(), "0123456789abcdef");
});

test("connection: a peer that does not read its answers is not listened to until it does, or until the deadline", async (t) => {
  for (const reads of [true, false]) {
    const [client, server] = await socketPair(t);
    const clock = manualClock();
    const connection = plainConnection(server, CLIENT_ROLE);
    connection.deadline(clock, 1000, "login-timeout", "too slow");
    client.pause();
    client.write("a\r\n".repeat(50_000));
    const answer = "x".repeat(1000);
    let answered = 0;
    const dialogue = (async () => {
      for (;;) {
        await connection.readLine();
        connection.write(answer);
        answered++;
      }
    })();
    dialogue.catch(() => {});
    // The system takes some of it into its own buffers; then nothing moves.
    await settled(() => answered);
    t.true(answered > 0);
    t.true(answered < 50_000, `${answered} answers`);
    t.true(server.writableLength < 256 * 1024, `${server.writableLength} bytes are kept`);
    if (reads) {
      let got = 0;
      client.on("data", (chunk: Buffer) => (got += chunk.length));
      client.resume();
      while (got < 50_000 * answer.length) await once(client, "data");
      client.destroy();
      t.is(await kindOf(dialogue), "client-gone");
    } else {
      clock.fire();
      t.is(await kindOf(dialogue), "login-timeout");
    }
  }
});

test("connection: after close a peer that goes on sending is not kept in memory", async (t) => {
  const [accepted, dialled] = await socketPair(t);
  const connection = plainConnection(accepted, CLIENT_ROLE);
  connection.close(manualClock());
  dialled.write(Buffer.alloc(8 * 1024 * 1024));
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.true(connection.pending <= LIMITS.maxUnread + 256 * 1024, `${connection.pending} bytes are kept`);
});

test("connection: a peer that asks and never takes the answers fills no memory, and is answered when it does", async (t) => {
  const [accepted, dialled] = await socketPair(t);
  const connection = plainConnection(accepted, CLIENT_ROLE);
  const questions = 200_000;
  dialled.write("q\r\n".repeat(questions));
  let answered = 0;
  const answering = (async () => {
    for (; answered < questions; answered++) {
      await connection.readLine();
      connection.write(`${"a".repeat(98)}\r\n`);
    }
  })();
  const before = await settled(() => answered);
  t.true(before < questions, "every answer was written");
  t.true(accepted.writableLength < 2 * 1024 * 1024, `${accepted.writableLength} bytes of answers are kept`);
  t.true(connection.pending <= LIMITS.maxUnread + 256 * 1024, `${connection.pending} bytes of questions are kept`);
  let taken = 0;
  dialled.on("data", (chunk: Buffer) => void (taken += chunk.length));
  await answering;
  while (taken < questions * 100) await once(dialled, "data");
  t.is(taken, questions * 100);
});
