import { createHash } from "node:crypto";
import test from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { AV, buildAvPairs, parseAvPairs } from "./av-pairs.ts";
import { buildChallenge, FLAG, isNtlmMessage, parseAuthenticate, parseNegotiate } from "./messages.ts";
import { channelBindingHash, exportedSessionKey, fileTime, fromFileTime, responsePairs } from "./ntlmv2.ts";
import { rc4 } from "./rc4.ts";
import { ntlmSignature } from "./signing.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

// RFC 6229 section 2 (the start of the key stream), and the well-known example of the plain text.
const RC4 = [
  { key: hex("0102030405"), data: Buffer.alloc(16), output: "b2396305f03dc027ccc3524a0a1118a8" },
  { key: hex("0102030405060708090a0b0c0d0e0f10"), data: Buffer.alloc(16), output: "9ac7cc9a609d1ef7b2932899cde41b97" },
  { key: hex("833222772a"), data: Buffer.alloc(16), output: "80ad97bdc973df8a2e879e92a497efda" },
  { key: Buffer.from("Key"), data: Buffer.from("Plaintext"), output: "bbf316e8d940af0ad3" },
];

for (const { key, data, output } of RC4) {
  test(`rc4: the published bytes for the key ${key.toString("hex")}`, (t) => {
    t.is(rc4(key, data).toString("hex"), output);
    t.deepEqual(rc4(key, rc4(key, data)), data);
  });
}

// [MS-NLMP] section 4.2.4.
const BASE_KEY = hex("8de40ccadbc14a82f15cb0ad0de95ca3");
const RANDOM_KEY = Buffer.alloc(16, 0x55);
const ENCRYPTED_KEY = hex("c5dad2544fc9799094ce1ce90bc9d03e");
const AUTHENTICATE = hex(
  "4e544c4d53535000 03000000 18001800 6c000000 54005400 84000000 0c000c00 48000000 08000800 54000000" +
    "10001000 5c000000 10001000 d8000000 358288e2 0501280a0000000f" +
    "44006f006d00610069006e00 5500730065007200 43004f004d0050005500540045005200" +
    "86c35097ac9cec102554764a57cccc19 aaaaaaaaaaaaaaaa" +
    "68cd0ab851e51c96aabc927bebef6a1c" +
    "0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000" +
    "02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000 00000000" +
    "c5dad2544fc9799094ce1ce90bc9d03e",
);

test("parseAuthenticate: the published message is read", (t) => {
  const parsed = parseAuthenticate(AUTHENTICATE);
  t.is(parsed.user, "User");
  t.is(parsed.domain, "Domain");
  t.is(parsed.workstation, "COMPUTER");
  t.is(parsed.flags, 0xe2888235);
  t.is(parsed.payloadAt, 72);
  t.deepEqual(parsed.encryptedSessionKey, ENCRYPTED_KEY);
  t.is(parsed.lmResponse.length, 24);
  const pairs = responsePairs(parsed.ntResponse);
  t.is(pairs.get(AV.netbiosDomain)?.toString("utf16le"), "Domain");
  t.is(pairs.get(AV.netbiosComputer)?.toString("utf16le"), "Server");
});

test("exportedSessionKey: the published key comes out; without a key exchange it is the base key", (t) => {
  t.deepEqual(exportedSessionKey(FLAG.keyExchange, BASE_KEY, ENCRYPTED_KEY), RANDOM_KEY);
  t.deepEqual(exportedSessionKey(0, BASE_KEY, ENCRYPTED_KEY), BASE_KEY);
  t.deepEqual(exportedSessionKey(FLAG.keyExchange, BASE_KEY, Buffer.alloc(0)), BASE_KEY);
  for (const length of [1, 15, 17, 256])
    t.throws(() => exportedSessionKey(FLAG.keyExchange, BASE_KEY, Buffer.alloc(length)), { instanceOf: Failure });
});

test("ntlmSignature: agrees with the published signature of a sealed message", (t) => {
  // The published message was sealed first, with the same key stream: its 18 bytes are skipped here.
  const flags = FLAG.extendedSecurity | FLAG.key128;
  const plain = Buffer.from("Plaintext", "utf16le");
  const digest = ntlmSignature({ key: RANDOM_KEY, flags }, "client", plain).subarray(4, 12);
  const sealingKey = hex("59f600973cc4960a25480a7c196e4c58");
  const stream = rc4(sealingKey, Buffer.concat([plain, digest]));
  t.is(stream.subarray(0, 18).toString("hex"), "54e50165bf1936dc996020c1811b0f06fb5f");
  t.is(stream.subarray(18).toString("hex"), "7fb38ec5c55d4976");
  const exchanged = ntlmSignature({ key: RANDOM_KEY, flags: flags | FLAG.keyExchange }, "client", plain);
  t.deepEqual(exchanged, Buffer.concat([hex("01000000"), rc4(sealingKey, digest), hex("00000000")]));
});

test("ntlmSignature: differs by side, and needs extended session security", (t) => {
  const session = { key: RANDOM_KEY, flags: FLAG.extendedSecurity | FLAG.key128 | FLAG.keyExchange };
  t.notDeepEqual(ntlmSignature(session, "client", Buffer.of(1)), ntlmSignature(session, "server", Buffer.of(1)));
  t.throws(() => ntlmSignature({ key: RANDOM_KEY, flags: FLAG.key128 }, "client", Buffer.of(1)), { instanceOf: Failure });
});

test("channelBindingHash: the value that others compute for the same certificate", (t) => {
  const endPoint = createHash("sha256").update("example certificate DER").digest();
  t.is(channelBindingHash(endPoint).toString("hex"), "3114e5aa676a506edb271fcc4b48f3d1");
});

test("fileTime: counts from 1601, and comes back", (t) => {
  t.is(fileTime(0).readBigUInt64LE(), 116_444_736_000_000_000n);
  t.is(fromFileTime(fileTime(1_760_000_000_123)), 1_760_000_000_123);
  t.throws(() => fromFileTime(Buffer.alloc(7)), { instanceOf: Failure });
});

test("parseNegotiate: a message of 16 bytes is enough; another type or signature is refused", (t) => {
  const message = Buffer.from("NTLMSSP\0\x01\0\0\0\x07\x82\x08\0", "latin1");
  t.is(parseNegotiate(message), 0x00088207);
  t.true(isNtlmMessage(message));
  t.false(isNtlmMessage(Buffer.from("NTLMSSP")));
  for (const bad of [message.subarray(0, 15), Buffer.alloc(0), Buffer.alloc(40), AUTHENTICATE, Buffer.from("YIIB")])
    t.throws(() => parseNegotiate(bad), { instanceOf: Failure });
});

test("parseAuthenticate: a field that points outside of the message, or into its header, is refused", (t) => {
  for (const place of [12, 20, 28, 36, 44, 52]) {
    for (const offset of [0, 12, 63, AUTHENTICATE.length, AUTHENTICATE.length - 1, 0x7fffffff, 0xffffffff]) {
      const bent = Buffer.from(AUTHENTICATE);
      bent.writeUInt32LE(offset, place + 4);
      t.throws(() => parseAuthenticate(bent), { instanceOf: Failure }, `${place} ${offset}`);
    }
    const long = Buffer.from(AUTHENTICATE);
    long.writeUInt16LE(0xffff, place);
    t.throws(() => parseAuthenticate(long), { instanceOf: Failure });
  }
});

test("parseAuthenticate: the offset of an empty field does not matter", (t) => {
  const bent = Buffer.from(AUTHENTICATE);
  bent.writeUInt16LE(0, 44);
  bent.writeUInt32LE(0xffffffff, 48);
  t.is(parseAuthenticate(bent).workstation, "");
});

test("parseAuthenticate: half a UTF-16 unit and lone surrogates are refused", (t) => {
  for (const bytes of [hex("550073006500 00d8"), hex("00dc73006500 7200")]) {
    const bent = Buffer.from(AUTHENTICATE);
    bytes.copy(bent, 0x54);
    t.throws(() => parseAuthenticate(bent), { instanceOf: Failure });
  }
  const odd = Buffer.from(AUTHENTICATE);
  odd.writeUInt16LE(7, 36);
  t.throws(() => parseAuthenticate(odd), { instanceOf: Failure });
});

test("parseAuthenticate: OEM names are read as ASCII, and refused beyond it", (t) => {
  const bent = Buffer.from(AUTHENTICATE);
  bent.writeUInt32LE(0xe2888234, 60);
  bent.write("Userxxxx", 0x54, "latin1");
  t.is(parseAuthenticate(bent).user, "Userxxxx");
  bent[0x54] = 0xe9;
  t.throws(() => parseAuthenticate(bent), { instanceOf: Failure, message: /ASCII/ });
});

test("parseAvPairs: what has no end is refused; the first of two values counts", (t) => {
  const value = Buffer.from("ab");
  t.deepEqual(
    parseAvPairs(
      buildAvPairs([
        [2, value],
        [2, Buffer.from("c")],
      ]),
    ).get(2),
    value,
  );
  for (const bad of ["", "00", "0000", "000000", "02000200", "0200020061", "020002006162", "0200ffff6162 00000000"])
    t.throws(() => parseAvPairs(hex(bad)), { instanceOf: Failure }, bad);
});

/** True when the work ends well or in a Failure; any other error is a bug. */
function orFailure(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    return error instanceof Failure && error.kind === "exchange-malformed";
  }
}

test("parsers: random bytes and bent messages end in a value or in a failure of the exchange", (t) => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
  const bent = fc.array(fc.tuple(fc.nat(AUTHENTICATE.length - 1), fc.nat(255)), { maxLength: 8 }).map((changes) => {
    const message = Buffer.from(AUTHENTICATE);
    for (const [at, byte] of changes) message[at] = byte;
    return message;
  });
  const framed = bytes.map((rest) => Buffer.concat([AUTHENTICATE.subarray(0, 12), rest]));
  fc.assert(
    fc.property(fc.oneof(bytes, bent, framed), (message) => {
      t.true(orFailure(() => parseNegotiate(message)));
      t.true(orFailure(() => parseAuthenticate(message)));
      t.true(orFailure(() => parseAvPairs(message)));
      t.true(orFailure(() => responsePairs(message)));
    }),
    { numRuns: 2000 },
  );
});

test("parseAuthenticate: a message that is cut anywhere is refused", (t) => {
  for (let length = 0; length < AUTHENTICATE.length; length++)
    t.throws(() => parseAuthenticate(AUTHENTICATE.subarray(0, length)), { instanceOf: Failure }, String(length));
});

test("buildChallenge: the published challenge of NTLMv2, but for its version and the order of its payload", (t) => {
  const info = buildAvPairs([
    [AV.netbiosDomain, Buffer.from("Domain", "utf16le")],
    [AV.netbiosComputer, Buffer.from("Server", "utf16le")],
  ]);
  const challenge = buildChallenge(0xe28a8233, hex("0123456789abcdef"), "Server", info);
  t.is(
    challenge.toString("hex"),
    hex(
      "4e544c4d53535000 02000000 0c000c00 38000000 33828ae2 0123456789abcdef 0000000000000000 24002400 44000000" +
        "000000000000000f 530065007200760065007200" +
        "02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000",
    ).toString("hex"),
  );
});
