// ClientHellos of Node's own TLS client, whole, cut and bent.

import { Duplex } from "node:stream";
import { connect } from "node:tls";
import test from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { serverNameOf } from "./client-hello.ts";
import { readHello } from "./read-hello.ts";

/** What a client sends first. */
async function helloOf(servername: string | undefined): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk);
        done();
      },
    });
    const socket = connect({ socket: wire, ...(servername !== undefined && { servername }) });
    socket.on("error", () => {});
  });
}

const RECORD_HEAD = 5;
const named = await helloOf("Mail.Example.com");
const message = named.subarray(RECORD_HEAD);

/** Gives the bytes as a connection does. */
function reader(bytes: Buffer): { readBytes(count: number): Promise<Buffer> } {
  let at = 0;
  return {
    readBytes(count) {
      if (at + count > bytes.length) return Promise.reject(new Failure("client-gone", "no more"));
      at += count;
      return Promise.resolve(bytes.subarray(at - count, at));
    },
  };
}

/** The same message in records of `size` bytes. */
function inRecords(bytes: Buffer, size: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const fragment = bytes.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, fragment.length >> 8, fragment.length & 255]), fragment);
  }
  return Buffer.concat(records);
}

test("client hello: the server name is found, in small letters", (t) => {
  t.is(serverNameOf(message), "mail.example.com");
});

test("client hello: a client without SNI has no name", async (t) => {
  t.is(serverNameOf((await helloOf(undefined)).subarray(RECORD_HEAD)), undefined);
});

test("client hello: one that is cut anywhere is refused", (t) => {
  for (let length = 0; length < message.length; length += 1)
    t.is(t.throws(() => serverNameOf(message.subarray(0, length)), { instanceOf: Failure })?.kind, "tls-handshake");
});

test("client hello: bytes behind it are refused", (t) => {
  t.throws(() => serverNameOf(Buffer.concat([message, Buffer.alloc(1)])), { message: /left over/ });
});

test("client hello: whatever is bent, it gives a host name, none, or a refusal", (t) => {
  const bends = fc.array(fc.tuple(fc.nat(message.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(bends, (changes) => {
      const bent = Buffer.from(message);
      for (const [at, value] of changes) bent[at] = value;
      try {
        const name = serverNameOf(bent);
        return name === undefined || /^[a-z0-9._-]+$/.test(name);
      } catch (error) {
        return error instanceof Failure && error.kind === "tls-handshake";
      }
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

for (const [title, name] of [
  ["an end of line", "mail\r\n.example.com"],
  ["a NUL", "mail.example.com\0x"],
  ["a dot at its end", "mail.example.com."],
  ["an empty label", "mail..example.com"],
] as const) {
  test(`client hello: a name with ${title} is refused`, (t) => {
    const host = Buffer.from(name);
    const list = Buffer.concat([Buffer.from([0, host.length >> 8, host.length & 255]), host]);
    const extension = Buffer.concat([Buffer.from([list.length >> 8, list.length & 255]), list]);
    const extensions = Buffer.concat([Buffer.from([0, 0, extension.length >> 8, extension.length & 255]), extension]);
    const body = Buffer.concat([
      Buffer.from([3, 3]),
      Buffer.alloc(32),
      Buffer.from([0, 0, 2, 0x13, 0x01, 1, 0]),
      Buffer.from([extensions.length >> 8, extensions.length & 255]),
      extensions,
    ]);
    const whole = Buffer.concat([Buffer.from([1, 0, body.length >> 8, body.length & 255]), body]);
    t.throws(() => serverNameOf(whole), { message: /no host name/ });
  });
}

test("client hello: it may come in many records, and goes on to the byte", async (t) => {
  for (const size of [1, 3, 100]) {
    const bytes = inRecords(message, size);
    if (bytes.length > 16 * 1024) continue;
    const hello = await readHello(reader(Buffer.concat([bytes, Buffer.from("behind it")])));
    t.deepEqual(hello.bytes, bytes);
    t.is(hello.serverName, "mail.example.com");
  }
});

test("client hello: what is too long, empty or no TLS is refused before it is read", async (t) => {
  const kindOf = async (bytes: Buffer): Promise<string | undefined> =>
    (await t.throwsAsync(readHello(reader(bytes)), { instanceOf: Failure }))?.kind;
  t.is(await kindOf(Buffer.from("GET / HTTP/1.1\r\n\r\n")), "wrong-protocol");
  t.is(await kindOf(Buffer.from([22, 3, 1, 0, 0])), "tls-handshake");
  t.is(await kindOf(Buffer.from([22, 3, 1, 0x40, 1])), "tls-handshake");
  t.is(await kindOf(Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff])), "tls-handshake");
  t.is(
    await kindOf(Buffer.concat([inRecords(message.subarray(0, 100), 100), Buffer.from([23, 3, 3, 0, 1, 0])])),
    "tls-handshake",
  );
  t.is(await kindOf(Buffer.concat(Array.from({ length: 3000 }, () => Buffer.from([22, 3, 1, 0, 1, 1])))), "tls-handshake");
});
