import { once } from "node:events";
import { stat } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import test from "ava";
import { Failure, systemClock } from "@postern/contracts";
import { dialWorker, openWorkerDoor } from "./doors.ts";
import { joinKeys } from "./keys.ts";
import { BEGINS, letterBytes, readLetter, readVerdict, refusalBytes, type Letter } from "./letter.ts";

const keys = joinKeys(Buffer.alloc(32, 1));
const LETTER: Letter = {
  from: "node",
  request: "r1",
  session: "s1",
  user: "alice@example.com",
  client: { host: "192.0.2.7", port: 4711 },
  local: { host: "192.0.2.1", port: 443 },
  direction: "in",
  legs: [{ backend: "mbx1", port: 6001 }],
};

test("letter: it is read as it was written, in any pieces, and what comes behind it is kept", (t) => {
  const bytes = Buffer.concat([letterBytes(LETTER, keys), Buffer.from("behind")]);
  const whole = bytes.length - "behind".length;
  for (let end = 0; end < whole; end++) t.is(readLetter(bytes.subarray(0, end), keys), undefined);
  t.deepEqual(readLetter(bytes, keys), { letter: LETTER, rest: Buffer.from("behind") });
});

test("letter: one that was changed, or is of another array, is refused", (t) => {
  const bytes = letterBytes(LETTER, keys);
  for (let at = 2; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    t.throws(() => readLetter(changed, keys), { instanceOf: Failure });
  }
  t.throws(() => readLetter(letterBytes(LETTER, joinKeys(Buffer.alloc(32, 2))), keys), { instanceOf: Failure });
});

test("letter: a length that no letter has is refused before anything is kept", (t) => {
  t.throws(() => readLetter(Buffer.of(0xff, 0xff), keys), { instanceOf: Failure });
  t.throws(() => letterBytes({ ...LETTER, user: "a".repeat(9000) }, keys), { instanceOf: Failure });
});

test("letter: a refusal has the kind and the reason of the failure, in any pieces", (t) => {
  const bytes = refusalBytes(new Failure("too-many-of-user", "5 of alice"));
  for (let end = 1; end < bytes.length; end++) t.is(readVerdict(bytes.subarray(0, end)), undefined);
  const failure = t.throws(() => readVerdict(bytes), { instanceOf: Failure });
  t.is(failure.kind, "too-many-of-user");
  t.deepEqual(readVerdict(Buffer.of(BEGINS, 5)), { rest: Buffer.of(5) });
});

test("keys: a virtual connection is named by its user and its cookie, and the name tells neither", (t) => {
  const cookie = "11".repeat(16);
  const id = keys.idOf("alice@example.com", cookie);
  t.is(id, keys.idOf("alice@example.com", cookie));
  t.not(id, keys.idOf("bob@example.com", cookie));
  t.not(id, keys.idOf("alice@example.com", "22".repeat(16)));
  t.not(id, joinKeys(Buffer.alloc(32, 2)).idOf("alice@example.com", cookie));
  t.regex(id, /^[0-9a-f]{64}$/);
});

test("keys: the order of nodes is that of the virtual connection, in whatever order they are named, and each is first for its share", (t) => {
  const nodes = ["a:1", "b:1", "c:1"];
  const firsts = new Map<string, number>();
  for (let number = 0; number < 600; number++) {
    const order = keys.orderOf(String(number), nodes);
    t.deepEqual(order, keys.orderOf(String(number), nodes.toReversed()));
    firsts.set(order[0] ?? "", (firsts.get(order[0] ?? "") ?? 0) + 1);
  }
  for (const node of nodes) t.true((firsts.get(node) ?? 0) > 130, node);
});

test("doors: the one between workers is in a folder that nobody else can enter, and leaves nothing behind", async (t) => {
  const door = await openWorkerDoor((socket) => socket.destroy());
  const folder = dirname(door.address);
  t.is((await stat(folder)).mode & 0o777, 0o700);
  const socket = await dialWorker(door.address, systemClock);
  if (!socket.closed) await once(socket, "close");
  door.close();
  await t.throwsAsync(stat(folder));
  await t.throwsAsync(once(connect({ path: door.address }), "connect"));
});
