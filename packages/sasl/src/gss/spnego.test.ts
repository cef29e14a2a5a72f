import test from "ava";
import type { ExecutionContext } from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { der } from "./der.ts";
import { buildAnswer, mechanismsOf, readNegotiateToken } from "./spnego.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** What Windows sends with NTLM: one mechanism, with its first message. */
const NTLM_MESSAGE = "4e544c4d53535000 01000000 978208e2 00000000000000000000000000000000 0a0039380000000f";
const NTLM_INIT = hex(`60 48 06062b0601050502 a03e 303c a00e 300c 060a2b06010401823702020a a22a 0428 ${NTLM_MESSAGE}`);

/** What it offers where Kerberos works: both spellings of Kerberos, NEGOEX, NTLM. */
const LIST = "302e 06092a864882f712010202 06092a864886f712010202 060a2b06010401823702021e 060a2b06010401823702020a";
const KERBEROS_INIT = hex(`60 43 06062b0601050502 a039 3037 a030 ${LIST} a203 0401 60`);

function refused(t: ExecutionContext, token: Buffer, pattern: RegExp): void {
  const error = t.throws(() => readNegotiateToken(token), { instanceOf: Failure }, token.toString("hex"));
  t.is(error?.kind, "exchange-malformed");
  t.regex(error?.message ?? "", pattern);
}

test("spnego: the client's list of mechanisms is read in its order, Windows' misspelling of Kerberos included", (t) => {
  t.deepEqual(mechanismsOf(KERBEROS_INIT), ["kerberos", "kerberos", "other", "ntlm"]);
  t.deepEqual(mechanismsOf(NTLM_INIT), ["ntlm"]);
});

test("spnego: the first message of a mechanism comes out whole, and the list as it stands", (t) => {
  const ntlm = readNegotiateToken(NTLM_INIT);
  if (ntlm.kind !== "init") return t.fail();
  t.deepEqual(ntlm.mechanismToken, hex(NTLM_MESSAGE));
  const kerberos = readNegotiateToken(KERBEROS_INIT);
  if (kerberos.kind !== "init") return t.fail();
  t.deepEqual(kerberos.mechanismList, hex(LIST));
  return t.deepEqual(kerberos.mechanismToken, hex("60"));
});

test("spnego: messages without SPNEGO around them are told apart", (t) => {
  t.deepEqual(mechanismsOf(hex(NTLM_MESSAGE)), ["ntlm"]);
  t.deepEqual(mechanismsOf(hex("60 0d 06092a864886f712010202 0100")), ["kerberos"]);
  t.deepEqual(mechanismsOf(hex("60 0d 06092a864882f712010202 0100")), ["kerberos"]);
});

test("spnego: an answer is read back as it was built", (t) => {
  const [token, mechanismListMic] = [Buffer.alloc(40_000, 7), Buffer.alloc(16, 1)];
  const answer = buildAnswer({ state: "accept-incomplete", mechanism: "ntlm", token, mechanismListMic });
  t.deepEqual(readNegotiateToken(answer), { kind: "response", state: "accept-incomplete", token, mechanismListMic });
  t.deepEqual(mechanismsOf(answer), []);
  t.deepEqual(buildAnswer({ state: "accept-completed" }), hex("a107 3005 a003 0a0100"));
  t.deepEqual(
    buildAnswer({ state: "request-mic", mechanism: "ntlm" }),
    hex("a115 3013 a003 0a0103 a10c 060a2b06010401823702020a"),
  );
});

test("spnego: lengths of one, two and three octets are built and read", (t) => {
  for (const length of [0, 1, 100, 127, 128, 200, 255, 256, 5000, 65_535, 65_536, 100_000]) {
    const token = Buffer.alloc(length, 5);
    const read = readNegotiateToken(buildAnswer({ state: "accept-incomplete", token }));
    t.deepEqual(read.kind === "response" && read.token, token);
  }
});

test("spnego: what is not DER, or lies about its length, is refused", (t) => {
  for (const token of ["", "60", "6005", "6080 0000", "60 84 00000001 00", "60 8101 00", "60 820001 00", "7f 01 00", "60 ff"])
    refused(t, hex(token), /SPNEGO: /);
  refused(t, Buffer.concat([NTLM_INIT, hex("00")]), /not just one element/);
  refused(t, NTLM_INIT.subarray(0, -1), /longer than what holds it/);
});

test("spnego: fields that are unknown, doubled, missing or of another type are refused", (t) => {
  const init = (fields: string): Buffer => der(0x60, hex("06062b0601050502"), der(0xa0, der(0x30, hex(fields))));
  refused(t, init(""), /no list/);
  refused(t, init("a002 3000"), /a list of mechanisms that is none/);
  refused(t, init("a004 3002 0400"), /a list of mechanisms that is none/);
  refused(t, init("a004 3002 0600 a004 3002 0600"), /out of order/);
  refused(t, init("a202 0400 a004 3002 0600"), /no list|out of order/);
  refused(t, init("a004 3002 0600 a402 0400"), /unknown/);
  refused(t, init("a004 3002 0600 a202 0c00"), /not just one element/);
  refused(t, hex("a107 3005 a003 0a0104"), /state/);
  refused(t, hex("a106 3004 a002 0a00"), /state/);
  refused(t, hex("60 07 06052b06010505"), /not known here/);
  refused(t, hex("60 02 0400"), /which mechanism/);
});

test("spnego: a list of very many mechanisms is refused", (t) => {
  const init = (count: number): Buffer => {
    const list = der(0x30, hex("0600".repeat(count)));
    return der(0x60, hex("06062b0601050502"), der(0xa0, der(0x30, der(0xa0, list))));
  };
  t.is(mechanismsOf(init(64)).length, 64);
  refused(t, init(65), /too many/);
});

test("spnego: any bytes, and any change to a good token, are read or refused", (t) => {
  const changed = fc
    .tuple(fc.constantFrom(NTLM_INIT, KERBEROS_INIT), fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { minLength: 1, maxLength: 4 }))
    .map(([token, changes]) => {
      const copy = Buffer.from(token);
      for (const [at, byte] of changes) copy[at % copy.length] = byte;
      return copy;
    });
  const bytes = fc.oneof(
    changed,
    fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array)),
    fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from([0x60, array.length, ...array])),
    fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from([0xa1, array.length + 2, 0x30, array.length, ...array])),
  );
  fc.assert(
    fc.property(bytes, (token) => {
      try {
        readNegotiateToken(token);
      } catch (error) {
        t.true(error instanceof Failure && error.kind === "exchange-malformed", String(error));
      }
    }),
    { numRuns: 3000 },
  );
  t.pass();
});
