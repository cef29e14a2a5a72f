import test from "ava";
import * as fc from "fast-check";
import { activeSyncUser, parseActiveSync, type ActiveSyncRequest } from "./activesync.ts";
import { base64, requestOf } from "./test/request.ts";

const parse = (query: string, ...fields: string[]): ActiveSyncRequest | undefined =>
  parseActiveSync(requestOf(`/Microsoft-Server-ActiveSync?${query}`, ...fields));

interface Packed {
  readonly version?: number;
  readonly command?: number;
  readonly id?: Buffer;
  readonly key?: Buffer;
  readonly type?: string;
  readonly parameters?: readonly (readonly [tag: number, value: string])[];
}

const piece = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([bytes.length]), bytes]);

function packed({
  version = 141,
  command = 18,
  id = Buffer.from("Dev1"),
  key = Buffer.alloc(0),
  type = "Phone",
  parameters = [],
}: Packed): string {
  const rest = parameters.map(([tag, value]) => Buffer.concat([Buffer.from([tag]), piece(Buffer.from(value))]));
  const head = Buffer.from([version, command, 9, 4]);
  return base64(Buffer.concat([head, piece(id), piece(key), piece(Buffer.from(type)), ...rest]));
}

test("activesync: the published packed query is read", (t) => {
  t.deepEqual(parse("jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l"), {
    version: "14.0",
    command: "Sync",
    user: undefined,
    deviceId: "v140Device",
    deviceType: "SmartPhone",
  });
});

test("activesync: a packed query has the policy key and the user", (t) => {
  const key = Buffer.from([1, 2, 0, 0]);
  const parameters = [
    [1, "5"],
    [8, "EXAMPLE\\alice"],
    [7, "\x02"],
  ] as const;
  const query = packed({ version: 121, command: 19, key, parameters });
  const expected = {
    version: "12.1",
    command: "ItemOperations",
    user: "EXAMPLE\\alice",
    deviceId: "Dev1",
    deviceType: "Phone",
    policyKey: 513,
  };
  t.deepEqual(parse(query), expected);
  t.deepEqual(parse(query.replaceAll("=", "%3D").replaceAll("+", "%2B")), expected);
  t.is(activeSyncUser(requestOf(`/x?${query}`)), "alice");
});

test("activesync: a query that is written out is read, its names in any case of letters", (t) => {
  const version = ["MS-ASProtocolVersion", "16.1"];
  t.deepEqual(parse("Cmd=Ping&User=alice%40example.com&DeviceId=Appl123&DeviceType=iPhone", ...version), {
    version: "16.1",
    command: "Ping",
    user: "alice@example.com",
    deviceId: "Appl123",
    deviceType: "iPhone",
  });
  t.is(parse("cmd=sync&user=a")?.command, "Sync");
  t.is(parse("cmd=sync&user=a")?.version, "");
  t.is(parse("Cmd=Sync", "MS-ASProtocolVersion", "14.1\u00a0x")?.version, "");
});

const USERS: readonly (readonly [sent: string, user: string | undefined])[] = [
  ["alice", "alice"],
  ["alice%40example.com", "alice@example.com"],
  ["a+b%40example.com", "a+b@example.com"],
  ["EXAMPLE%5Calice", "alice"],
  ["example.com%5Calice", "alice@example.com"],
  ["%C3%A9va%40example.com", "éva@example.com"],
  ["", undefined],
  ["%E9va", undefined],
  ["%zz", undefined],
  ["a%0D%0Ab", undefined],
  ["a%00", undefined],
  ["a%E2%80%A8b", undefined],
  ["alice&User=bob", undefined],
  ["a".repeat(600), undefined],
];

for (const [sent, user] of USERS)
  test(`activesync: User=${sent.slice(0, 40)} is ${user ?? "nobody"}`, (t) =>
    t.is(activeSyncUser(requestOf(`/Microsoft-Server-ActiveSync?Cmd=Sync&User=${sent}&DeviceId=1`)), user));

test("activesync: what is cut short, or no such query, is none", (t) => {
  const whole = packed({ parameters: [[8, "alice"]] });
  const bytes = Buffer.from(whole, "base64");
  t.is(parse(whole)?.user, "alice");
  for (let length = 0; length < bytes.length; length += 1) {
    const read = parse(base64(bytes.subarray(0, length)));
    t.true(read === undefined || read.user === undefined, `${length} bytes`);
  }
  for (const query of ["", "x=y", "User=alice", packed({ version: 20 }), packed({ key: Buffer.alloc(3) }), "jAAJ*BAp2"])
    t.is(parse(query), undefined, query);
  t.is(parseActiveSync(requestOf("/Microsoft-Server-ActiveSync")), undefined);
});

test("activesync: a user that is there twice is not told", (t) => {
  const parameters = [[8, "alice"] as const, [8, "bob"] as const];
  t.is(parse(packed({ parameters }))?.user, undefined);
});

test("activesync: ids and types that could not stand in a log do not get there", (t) => {
  t.is(parse(packed({ id: Buffer.from([0, 1, 10, 255]) }))?.deviceId, "00010aff");
  t.is(parse(packed({ type: "Pho\nne" }))?.deviceType, Buffer.from("Pho\nne").toString("hex"));
  t.is(parse("Cmd=Sync&DeviceId=a%0Ab&DeviceType=%C3%A9")?.deviceId, "");
  t.is(parse(`Cmd=Sync&DeviceId=${"a".repeat(65)}`)?.deviceId, "");
});

test("activesync: whatever is sent, what is read of it is printable and short", (t) => {
  const query = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => base64(Buffer.concat([Buffer.from([141, 0, 9, 4]), bytes]))),
    fc.string({ unit: "binary-ascii" }).map((text) => `Cmd=Sync&DeviceId=${encodeURIComponent(text)}&DeviceType=${text}`),
  );
  const property = fc.property(query, (text) => {
    const read = parse(text);
    return read === undefined || [read.deviceId, read.deviceType].every((word) => /^[ -~]{0,64}$/.test(word));
  });
  t.notThrows(() => fc.assert(property, { numRuns: 2000 }));
});
