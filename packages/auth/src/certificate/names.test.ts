import { X509Certificate } from "node:crypto";
import test from "ava";
import * as fc from "fast-check";
import { element, integer, octets, SEQUENCE, SET } from "../ldap/ber.ts";
import { PEM } from "./openssl-certificate.ts";
import { namesIn, type NameKind } from "./names.ts";

const KINDS: readonly NameKind[] = ["san-email", "san-upn", "san-dns", "subject-cn", "subject-email"];
const CN = Buffer.from("0603550403", "hex");
const SAN = Buffer.from("0603551d11", "hex");
const UPN = Buffer.from("060a2b060104018237140203", "hex");
const OTHER = Buffer.from("06032a0304", "hex");

const sequence = (...contents: readonly Buffer[]): Buffer => element(SEQUENCE, ...contents);
const utf8 = (text: string): Buffer => octets(text, 0x0c);
const common = (value: Buffer): Buffer => element(SET, sequence(CN, value));
const alternative = (...names: readonly Buffer[]): Buffer => sequence(SAN, octets(sequence(...names)));
const principal = (type: Buffer, value: Buffer): Buffer => element(0xa0, type, element(0xa0, value));

interface Certificate {
  readonly subject?: readonly Buffer[];
  readonly extensions?: readonly Buffer[];
  readonly version?: boolean;
}

/** As much of a certificate as names are looked for in. */
function certificate({ subject = [], extensions, version = true }: Certificate): Buffer {
  const body = sequence(
    ...(version ? [element(0xa0, integer(2))] : []),
    integer(1),
    sequence(),
    sequence(common(utf8("the issuer"))),
    sequence(),
    sequence(...subject),
    sequence(),
    ...(extensions === undefined ? [] : [element(0xa3, sequence(...extensions))]),
  );
  return sequence(body, sequence(), octets("signature", 0x03));
}

const DER = new X509Certificate(PEM).raw;

for (const [kind, names] of [
  ["san-email", ["alice@example.com"]],
  ["san-upn", ["alice@ad.example.com"]],
  ["san-dns", ["laptop.example.com"]],
  ["subject-cn", ["Alice Ångström"]],
  ["subject-email", ["Alice@example.com"]],
] as const) {
  test(`certificate names: ${kind} of a certificate that openssl made`, (t) => t.deepEqual(namesIn(DER, kind), names));
}

const mail = (text: string): Buffer => octets(text, 0x81);

for (const [title, kind, der, names] of [
  ["without names there are none", "san-email", certificate({}), []],
  ["without a subject's name there is none", "subject-cn", certificate({ extensions: [alternative(mail("a@b"))] }), []],
  [
    "without a version the subject is found too",
    "subject-cn",
    certificate({ subject: [common(utf8("a"))], version: false }),
    ["a"],
  ],
  ["two common names are two", "subject-cn", certificate({ subject: [common(utf8("a")), common(utf8("b"))] }), ["a", "b"]],
  [
    "two in one set are two",
    "subject-cn",
    certificate({ subject: [element(SET, sequence(CN, utf8("a")), sequence(CN, utf8("b")))] }),
    ["a", "b"],
  ],
  ["a line end does not make two of one", "subject-cn", certificate({ subject: [common(utf8("a\nCN=root"))] }), ["a\nCN=root"]],
  ["UTF-16 is read", "subject-cn", certificate({ subject: [common(octets(Buffer.from("00e40062", "hex"), 0x1e))] }), ["äb"]],
  [
    "a comma does not make two of one",
    "san-email",
    certificate({ extensions: [alternative(mail('a", email:root@b'))] }),
    ['a", email:root@b'],
  ],
  [
    "a NUL does not cut",
    "san-dns",
    certificate({ extensions: [alternative(octets("root\0.example.com", 0x82))] }),
    ["root\0.example.com"],
  ],
  [
    "two extensions count both",
    "san-email",
    certificate({ extensions: [alternative(mail("a@b")), alternative(mail("c@d"))] }),
    ["a@b", "c@d"],
  ],
  ["another extension is none", "san-email", certificate({ extensions: [sequence(OTHER, octets(sequence(mail("a@b"))))] }), []],
  [
    "a critical extension is read",
    "san-email",
    certificate({ extensions: [sequence(SAN, octets(Buffer.from([0xff]), 1), octets(sequence(mail("a@b"))))] }),
    ["a@b"],
  ],
  [
    "another otherName is none",
    "san-upn",
    certificate({ extensions: [alternative(principal(OTHER, utf8("root")), principal(UPN, utf8("a@b")))] }),
    ["a@b"],
  ],
  ["a mail address is no principal", "san-upn", certificate({ extensions: [alternative(mail("a@b"))] }), []],
] as const satisfies readonly (readonly [string, NameKind, Buffer, readonly string[]])[]) {
  test(`certificate names: ${title}`, (t) => t.deepEqual(namesIn(der, kind), [...names]));
}

for (const [title, kind, der] of [
  ["nothing", "subject-cn", Buffer.alloc(0)],
  ["a certificate that is cut", "subject-cn", DER.subarray(0, 120)],
  ["a body without a subject", "subject-cn", sequence(sequence(integer(1)))],
  ["a common name in Teletex", "subject-cn", certificate({ subject: [common(octets("a", 0x14))] })],
  ["a common name without a value", "subject-cn", certificate({ subject: [element(SET, sequence(CN))] })],
  ["a common name that is not UTF-8", "subject-cn", certificate({ subject: [common(octets(Buffer.from([0xff]), 0x0c))] })],
  ["half a UTF-16 character", "subject-cn", certificate({ subject: [common(octets(Buffer.from([0x00]), 0x1e))] })],
  ["a mail address that is not ASCII", "san-email", certificate({ extensions: [alternative(mail("ä@b"))] })],
  ["names without their sequence", "san-email", certificate({ extensions: [sequence(SAN, octets(mail("a@b")))] })],
  ["an extension without a value", "san-email", certificate({ extensions: [sequence(SAN)] })],
  ["a kind of name that there is not", "san-email", certificate({ extensions: [alternative(mail("a@b"), octets("x", 0x8f))] })],
  ["a principal that is a number", "san-upn", certificate({ extensions: [alternative(principal(UPN, integer(1)))] })],
  ["a principal without a value", "san-upn", certificate({ extensions: [alternative(element(0xa0, UPN, element(0xa0)))] })],
] as const satisfies readonly (readonly [string, NameKind, Buffer])[]) {
  test(`certificate names: ${title} is refused`, (t) => {
    t.throws(() => namesIn(der, kind), { instanceOf: Error });
  });
}

test("certificate names: damaged certificates give names or an error, and no crash", (t) => {
  const damaged = fc
    .tuple(fc.nat(DER.length - 1), fc.array(fc.tuple(fc.nat(DER.length - 1), fc.nat(255)), { maxLength: 6 }))
    .map(([cut, changes]) => {
      const bytes = Buffer.from(DER);
      for (const [at, value] of changes) bytes[at] = value;
      return cut % 4 === 0 ? bytes.subarray(0, cut) : bytes;
    });
  const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(damaged, random), fc.constantFrom(...KINDS), (bytes, kind) => {
      try {
        for (const name of namesIn(bytes, kind)) t.is(typeof name, "string");
      } catch (error) {
        t.true(error instanceof Error && !(error instanceof RangeError), String(error));
      }
    }),
    { numRuns: 3000 },
  );
});
