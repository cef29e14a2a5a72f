import test from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { authTrailerOf, ntlmUserOf } from "./auth-trailer.ts";
import { AUTH_HEAD, HEADER_SIZE, newPdu, PDU_TYPES } from "./header.ts";

/** An NTLM message of type 3 that names somebody, in UTF-16; what proves it is left out. */
function authenticate(user: string, domain: string): Buffer {
  const names = [domain, user, "PC"].map((name) => Buffer.from(name, "utf16le"));
  const head = Buffer.alloc(64);
  head.write("NTLMSSP\0", "latin1");
  head.writeUInt32LE(3, 8);
  head.writeUInt32LE(1, 60);
  let at = head.length;
  for (const [index, name] of names.entries()) {
    head.writeUInt16LE(name.length, 28 + 8 * index);
    head.writeUInt16LE(name.length, 30 + 8 * index);
    head.writeUInt32LE(at, 32 + 8 * index);
    at += name.length;
  }
  return Buffer.concat([head, ...names]);
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [0x81, body.length];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

/** SPNEGO's second message of the client, around a token. */
const wrapped = (token: Buffer): Buffer => der(0xa1, der(0x30, der(0xa2, der(0x04, token))));

const CONTEXT = 0x01020304;

function withTrailer(token: Buffer, type: number, level: number, padding = 0): Buffer {
  const pdu = newPdu(PDU_TYPES.auth3, 2, 4 + padding + AUTH_HEAD + token.length);
  const at = HEADER_SIZE + 4 + padding;
  pdu.writeUInt16LE(token.length, 10);
  pdu[at] = type;
  pdu[at + 1] = level;
  pdu[at + 2] = padding;
  pdu.writeUInt32LE(CONTEXT, at + 4);
  token.copy(pdu, at + AUTH_HEAD);
  return pdu;
}

test("a trailer is found at the end of its PDU, whatever is behind it in the run", (t) => {
  const token = Buffer.from("token");
  const pdu = withTrailer(token, 10, 6, 3);
  for (const bytes of [pdu, Buffer.concat([pdu, pdu])])
    t.deepEqual(authTrailerOf(bytes), { type: 10, level: 6, context: CONTEXT, token });
  t.is(authTrailerOf(newPdu(PDU_TYPES.request, 1, 40)), undefined);
});

test("a trailer that does not fit is refused", (t) => {
  const pdu = withTrailer(Buffer.from("token"), 10, 6);
  pdu.writeUInt16LE(pdu.length - HEADER_SIZE - AUTH_HEAD + 1, 10);
  t.throws(() => authTrailerOf(pdu), { instanceOf: Failure });
});

test("the user of NTLM is read, bare and inside SPNEGO", (t) => {
  const message = authenticate("alice", "EXAMPLE");
  for (const token of [message, wrapped(message)]) t.deepEqual(ntlmUserOf(token), { user: "alice", domain: "EXAMPLE" });
  t.deepEqual(ntlmUserOf(authenticate("älice@example.com", "")), { user: "älice@example.com", domain: "" });
});

test("nobody is named by other messages, by an anonymous login, and by what a log must not see", (t) => {
  const negotiate = Buffer.from("4e544c4d5353500001000000978208e2", "hex");
  const names = [authenticate("", "EXAMPLE"), authenticate("a\nb", "X"), authenticate("a", "X\0"), authenticate("a\u2028", "X")];
  const long = authenticate("a".repeat(513), "");
  for (const token of [Buffer.alloc(0), Buffer.from("what"), negotiate, wrapped(negotiate), long, ...names])
    t.is(ntlmUserOf(token), undefined);
});

test("any octets name somebody or nobody, and never throw", (t) => {
  const message = authenticate("alice", "EXAMPLE");
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(
      fc.constantFrom(message, wrapped(message)),
      fc.array(change, { maxLength: 6 }),
      fc.nat(),
      (whole, changes, cut) => {
        const token = Buffer.from(whole);
        for (const [at, octet] of changes) token[at % token.length] = octet;
        t.notThrows(() => ntlmUserOf(token));
        t.notThrows(() => ntlmUserOf(token.subarray(0, cut % token.length)));
      },
    ),
    { numRuns: 500 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => t.notThrows(() => ntlmUserOf(Buffer.from(bytes)))));
});
