import test from "ava";
import type { NtlmResponse } from "@postern/contracts";
import { checkNtlmv2, ntHash } from "./check.ts";
import { md4 } from "./md4.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

// RFC 1320, appendix A.5.
const MD4 = {
  "": "31d6cfe0d16ae931b73c59d7e0c089c0",
  a: "bde52cb31de33e46245e05fbdbd6fb24",
  abc: "a448017aaf21d8525fc10ae87aa6729d",
  "message digest": "d9130a8164549fe818874806e1c7014b",
  abcdefghijklmnopqrstuvwxyz: "d79e1c308aa5bbcdeea8ed63df412da9",
  ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789: "043f8582f241db351ce627e153e7f0e4",
  "12345678901234567890123456789012345678901234567890123456789012345678901234567890": "e33b4ddc9c38f2199c3e7b164fcc0536",
};

for (const [text, digest] of Object.entries(MD4)) {
  test(`md4: the RFC's digest of "${text}"`, (t) => {
    t.is(md4(Buffer.from(text)).toString("hex"), digest);
  });
}

// [MS-NLMP] section 4.2.4.
const PROOF = "68cd0ab851e51c96aabc927bebef6a1c";
const TEMP =
  "0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000" +
  "02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000 00000000";

const response = (over: Partial<NtlmResponse> = {}): NtlmResponse => ({
  user: "User",
  domain: "Domain",
  workstation: "COMPUTER",
  serverChallenge: hex("0123456789abcdef"),
  ntResponse: hex(PROOF + TEMP),
  lmResponse: Buffer.alloc(24),
  ...over,
});

test("ntHash: the hash of the published example", (t) => {
  t.is(ntHash("Password").toString("hex"), "a4f49c406510bdcab6824ee7c30fd852");
});

test("ntHash: a password outside of ASCII is hashed as UTF-16LE", (t) => {
  t.deepEqual(ntHash("pä😀"), md4(hex("7000 e400 3dd8 00de")));
});

test("checkNtlmv2: the published response gives the published session base key", (t) => {
  t.is(checkNtlmv2(response(), ntHash("Password"))?.toString("hex"), "8de40ccadbc14a82f15cb0ad0de95ca3");
});

test("checkNtlmv2: the case of the user does not matter, the case of the domain does", (t) => {
  t.truthy(checkNtlmv2(response({ user: "uSER" }), ntHash("Password")));
  t.is(checkNtlmv2(response({ domain: "DOMAIN" }), ntHash("Password")), undefined);
});

test("checkNtlmv2: another password, user, challenge or any changed byte is refused", (t) => {
  const hash = ntHash("Password");
  t.is(checkNtlmv2(response(), ntHash("password")), undefined);
  t.is(checkNtlmv2(response({ user: "User2" }), hash), undefined);
  t.is(checkNtlmv2(response({ serverChallenge: hex("0123456789abcdee") }), hash), undefined);
  for (let at = 0; at < response().ntResponse.length; at++) {
    const changed = Buffer.from(response().ntResponse);
    changed[at] = (changed[at] ?? 0) ^ 1;
    t.is(checkNtlmv2(response({ ntResponse: changed }), hash), undefined, `byte ${at}`);
  }
});

test("checkNtlmv2: a response that is too short for NTLMv2 is refused", (t) => {
  for (let length = 0; length < 44; length++)
    t.is(checkNtlmv2(response({ ntResponse: hex(PROOF + TEMP).subarray(0, length) }), ntHash("Password")), undefined);
});
