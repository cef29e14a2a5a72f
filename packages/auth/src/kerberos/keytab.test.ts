import test from "ava";
import * as fc from "fast-check";
import { parseKeytab } from "./keytab.ts";

const counted = (text: string): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
};

function sized(size: number, entry: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(size);
  return Buffer.concat([length, entry]);
}

/** An entry with a name type, a time, a key version and a key of zeros behind its names. */
function entry(...parts: readonly string[]): Buffer {
  const body = Buffer.concat([Buffer.from([0, parts.length]), counted("EXAMPLE.COM"), ...parts.map(counted), Buffer.alloc(29)]);
  return sized(body.length, body);
}

const MAGIC = Buffer.from([5, 2]);
const IMAP = entry("imap", "mail.example.com");

test("keytab: the services of all entries are found, as they are spelled", (t) => {
  const bytes = Buffer.concat([MAGIC, IMAP, entry("HTTP", "mail.example.com"), IMAP, entry("host")]);
  t.deepEqual([...parseKeytab(bytes)], ["imap", "HTTP", "host"]);
});

test("keytab: removed entries are left out, and zeros are the end", (t) => {
  const removed = sized(-8, Buffer.alloc(8));
  t.deepEqual([...parseKeytab(Buffer.concat([MAGIC, removed, IMAP, Buffer.alloc(40)]))], ["imap"]);
  t.deepEqual([...parseKeytab(MAGIC)], []);
});

test("keytab: what is no keytab, is of another version or is cut off is refused", (t) => {
  for (const bytes of [Buffer.alloc(0), Buffer.from("5"), Buffer.from("-----BEGIN"), Buffer.from([5, 1, 0, 0])])
    t.throws(() => parseKeytab(bytes), { message: /not a keytab of version 5\.2/ });
  t.throws(() => parseKeytab(Buffer.concat([MAGIC, IMAP.subarray(0, -1)])), { message: /cut off/ });
});

test("keytab: an entry whose lengths lie names nothing", (t) => {
  const lies = [
    Buffer.alloc(3),
    Buffer.from([0, 0, 0, 0]),
    Buffer.from([0, 1, 255, 255, 1]),
    Buffer.from([0, 1, 0, 0, 0, 9, 65]),
  ];
  for (const lie of lies) t.is(parseKeytab(Buffer.concat([MAGIC, sized(lie.length, lie)])).size, 0);
});

test("keytab: any bytes are read or refused with a sentence", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        parseKeytab(Buffer.concat([MAGIC, bytes]));
      } catch (error) {
        t.regex(String(error), /is a keytab that was cut off/);
      }
    }),
    { numRuns: 1000 },
  );
  t.pass();
});
