import { once } from "node:events";
import { isIPv4 } from "node:net";
import { connect as connectTls } from "node:tls";
import test from "ava";
import * as fc from "fast-check";
import { selfSigned } from "@postern/certs";
import { systemClock, type FailureKind, type TlsFacts } from "@postern/contracts";
import { kindOf, manualClock, socketPair } from "../test/helpers.ts";
import { crc32c } from "./crc32c.ts";
import { buildProxyHeader, parseProxyHeader, readProxyHeader } from "./proxy-header.ts";
import { TlsServer } from "./tls-server.ts";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const TLS: TlsFacts = {
  version: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  serverName: undefined,
  alpn: undefined,
  resumed: false,
  clientCertificate: undefined,
};

const port = fc.integer({ min: 0, max: 65_535 });
const address4 = fc.record({ host: fc.ipV4(), port });
const address6 = fc.record({ host: fc.ipV6(), port });

/** 16 bytes of an address, so that two spellings of one address are equal. */
function canonical(host: string): string {
  if (isIPv4(host)) return host;
  const text = new URL(`http://[${host}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text);
  if (mapped === null) return text;
  const numbers = [mapped[1], mapped[2]].map((part) => Number.parseInt(part ?? "0", 16));
  return numbers.flatMap((number) => [number >> 8, number & 255]).join(".");
}

const kindOfParse = (bytes: Buffer): FailureKind | "more" | "parsed" => {
  try {
    return parseProxyHeader(bytes) === undefined ? "more" : "parsed";
  } catch (error) {
    return (error as { kind: FailureKind }).kind;
  }
};

/** A version 2 header with correct length. */
function v2(command: number, family: number, body: Buffer): Buffer {
  const head = Buffer.from([command, family, body.length >> 8, body.length & 255]);
  return Buffer.concat([SIGNATURE, head, body]);
}

const IPV4_BODY = Buffer.from("c0000207c00002011267008f", "hex");
const tlv = (type: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 255]), value]);

function withChecksum(body: Buffer): Buffer {
  const zeroed = v2(0x21, 0x11, Buffer.concat([body, tlv(3, Buffer.alloc(4))]));
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32c(zeroed));
  return v2(0x21, 0x11, Buffer.concat([body, tlv(3, sum)]));
}

for (const version of ["v1", "v2"] as const) {
  test(`proxy header ${version}: what is built is parsed back, whatever follows it`, (t) => {
    fc.assert(
      fc.property(
        fc.oneof(fc.tuple(address4, address4), fc.tuple(address6, address6), fc.tuple(address4, address6)),
        fc.uint8Array({ maxLength: 40 }),
        fc.boolean(),
        ([source, destination], rest, tls) => {
          const header = buildProxyHeader(version, { source, destination, tls: tls ? TLS : undefined });
          const parsed = parseProxyHeader(Buffer.concat([header, rest]));
          t.is(parsed?.length, header.length);
          t.is(canonical(parsed?.info.source?.host ?? ""), canonical(source.host));
          t.is(canonical(parsed?.info.destination?.host ?? ""), canonical(destination.host));
          t.is(parsed?.info.source?.port, source.port);
          t.is(parsed?.info.destination?.port, destination.port);
        },
      ),
    );
  });

  test(`proxy header ${version}: any beginning of one asks for more`, (t) => {
    const source = { host: "192.0.2.7", port: 4711 };
    const header = buildProxyHeader(version, { source, destination: { host: "192.0.2.1", port: 143 }, tls: TLS });
    for (let length = 0; length < header.length; length++)
      t.is(kindOfParse(header.subarray(0, length)), "more", `${length} bytes`);
  });

  test(`proxy header ${version}: without a client it names nobody`, (t) => {
    const nobody = { host: "", port: 0 };
    const parsed = parseProxyHeader(buildProxyHeader(version, { source: nobody, destination: nobody, tls: undefined }));
    t.deepEqual(parsed?.info, { source: undefined, destination: undefined });
  });
}

test("proxy header: random bytes never do anything but parse, ask for more or fail as proxy-header", (t) => {
  const start = fc.constantFrom(
    Buffer.alloc(0),
    SIGNATURE,
    Buffer.from("PROXY "),
    Buffer.from("PROXY TCP4 "),
    v2(0x21, 0x11, IPV4_BODY),
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (head, tail) => {
      t.true(["more", "parsed", "proxy-header"].includes(kindOfParse(Buffer.concat([head, tail]))));
    }),
    { numRuns: 500 },
  );
});

for (const [title, line] of [
  ["no header at all", "a001 NOOP\r\n"],
  ["lower case", "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n"],
  ["an unknown family", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n"],
  ["an IPv6 address as TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n"],
  ["an IPv4 address as TCP6", "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n"],
  ["a host name", "PROXY TCP4 localhost 1.2.3.4 1 2\r\n"],
  ["leading zeros", "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n"],
  ["a port out of range", "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n"],
  ["a negative port", "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n"],
  ["two spaces", "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n"],
  ["too few words", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"],
  ["too many words", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"],
  ["a bare line feed", `PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n${" ".repeat(80)}`],
  ["a line that does not end", `PROXY UNKNOWN ${"x".repeat(100)}`],
  ["a line of 108 bytes", `PROXY UNKNOWN ${"x".repeat(92)}\r\n`],
] as const) {
  test(`proxy header v1: ${title} is refused`, (t) => {
    t.is(kindOfParse(Buffer.from(line)), "proxy-header");
  });
}

test("proxy header v1: UNKNOWN names nobody, and what stands behind it is left out", (t) => {
  for (const line of ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", `PROXY UNKNOWN ${"x".repeat(91)}\r\n`])
    t.deepEqual(parseProxyHeader(Buffer.from(`${line}rest`))?.info, { source: undefined, destination: undefined });
});

for (const [title, bytes] of [
  ["another version", v2(0x11, 0x11, IPV4_BODY)],
  ["an unknown command", v2(0x22, 0x11, IPV4_BODY)],
  ["addresses that are cut off", v2(0x21, 0x11, IPV4_BODY.subarray(0, 11))],
  ["IPv6 addresses that are cut off", v2(0x21, 0x21, IPV4_BODY)],
  ["unix addresses that are cut off", v2(0x21, 0x31, Buffer.alloc(215))],
  ["a TLV head that is cut off", v2(0x21, 0x11, Buffer.concat([IPV4_BODY, Buffer.from([4, 0])]))],
  ["a TLV longer than the header", v2(0x21, 0x11, Buffer.concat([IPV4_BODY, Buffer.from([4, 0, 9, 1])]))],
  ["a wrong checksum", v2(0x21, 0x11, Buffer.concat([IPV4_BODY, tlv(3, Buffer.from("deadbeef", "hex"))]))],
  ["a checksum of three bytes", v2(0x21, 0x11, Buffer.concat([IPV4_BODY, tlv(3, Buffer.alloc(3))]))],
  ["more than 4 kB", Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0xff, 0xff])])],
  ["a wrong signature", Buffer.from("0d0a0d0a000d0a515549540b", "hex")],
] as const) {
  test(`proxy header v2: ${title} is refused`, (t) => {
    t.is(kindOfParse(bytes), "proxy-header");
  });
}

test("proxy header v2: TLVs are walked, and a right checksum passes", (t) => {
  const body = Buffer.concat([IPV4_BODY, tlv(4, Buffer.alloc(10)), tlv(0xee, Buffer.alloc(0)), tlv(5, Buffer.from("unique"))]);
  const header = withChecksum(body);
  t.deepEqual(parseProxyHeader(header), {
    info: { source: { host: "192.0.2.7", port: 4711 }, destination: { host: "192.0.2.1", port: 143 } },
    length: header.length,
  });
});

test("proxy header v2: LOCAL, unspecified and unix families name nobody", (t) => {
  for (const header of [
    v2(0x20, 0x00, Buffer.alloc(0)),
    v2(0x20, 0x11, Buffer.alloc(3)),
    v2(0x21, 0x00, Buffer.alloc(0)),
    v2(0x21, 0x31, Buffer.alloc(216)),
  ])
    t.deepEqual(parseProxyHeader(header), { info: { source: undefined, destination: undefined }, length: header.length });
});

test("proxy header v2: an IPv4-mapped address is plain IPv4", (t) => {
  const mapped = Buffer.from("00000000000000000000ffffc0000207", "hex");
  const header = v2(0x21, 0x21, Buffer.concat([mapped, mapped, Buffer.from("1267008f", "hex")]));
  t.is(parseProxyHeader(header)?.info.source?.host, "192.0.2.7");
});

test("proxy header v2: tells a backend of the client's TLS in the TLV for it", (t) => {
  const address = { host: "192.0.2.7", port: 1 };
  const header = buildProxyHeader("v2", { source: address, destination: address, tls: TLS });
  const tls = header.subarray(16 + 12);
  t.is(tls[0], 0x20);
  t.is(tls[3], 0x01);
  t.is(tls.readUInt32BE(4), 0);
  t.true(tls.includes("TLSv1.3") && tls.includes("TLS_AES_128_GCM_SHA256"));
});

test("crc32c: matches the vectors of RFC 3720", (t) => {
  t.is(crc32c(Buffer.from("123456789")), 0xe3069283);
  t.is(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  t.is(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  t.is(crc32c(Buffer.from(Array.from({ length: 32 }, (_, index) => index))), 0x46dd794e);
});

test("reading a proxy header: byte by byte, and what follows stays on the socket", async (t) => {
  const [accepted, dialled] = await socketPair(t);
  const read = readProxyHeader(accepted, systemClock, 5000);
  for (const byte of Buffer.from("PROXY TCP4 192.0.2.7 192.0.2.1 4711 143\r\nrest")) {
    dialled.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.deepEqual((await read).source, { host: "192.0.2.7", port: 4711 });
  dialled.end(" and more");
  const chunks: Buffer[] = [];
  accepted.on("data", (chunk: Buffer) => void chunks.push(chunk)).resume();
  await once(accepted, "end");
  t.is(Buffer.concat(chunks).toString(), "rest and more");
});

test("reading a proxy header: with a ClientHello in the same packet the handshake succeeds", async (t) => {
  const certificate = { ...selfSigned(["localhost"]), names: ["localhost"] };
  const server = new TlsServer({
    certificates: [certificate],
    minVersion: "TLSv1.2",
    ciphers: undefined,
    clientCa: undefined,
    ticketKeys: Buffer.alloc(48),
  });
  const [accepted, dialled] = await socketPair(t);
  dialled.cork();
  dialled.write("PROXY TCP6 2001:db8::7 2001:db8::1 4711 993\r\n");
  const client = connectTls({ socket: dialled, rejectUnauthorized: false });
  client.on("error", () => {});
  setImmediate(() => dialled.uncork());
  const info = await readProxyHeader(accepted, systemClock, 5000);
  t.is(info.source?.host, "2001:db8::7");
  const secured = await server.secure(accepted, [], "none");
  t.teardown(() => secured.destroy());
  secured.end("hello");
  const [hello] = (await once(client, "data")) as [Buffer];
  t.is(hello.toString(), "hello");
});

test("reading a proxy header: a silent peer is refused at the deadline, one that leaves is gone", async (t) => {
  const clock = manualClock();
  const [silent] = await socketPair(t);
  const slow = kindOf(readProxyHeader(silent, clock, 1000));
  clock.fire();
  t.is(await slow, "proxy-header");
  const [accepted, dialled] = await socketPair(t);
  const gone = kindOf(readProxyHeader(accepted, clock, 1000));
  dialled.end("PROXY TCP4 192");
  t.is(await gone, "client-gone");
  t.is(clock.pending, 0);
});
