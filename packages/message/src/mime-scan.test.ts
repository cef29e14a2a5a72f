// Parts of messages, as honest programs write them and as those do who hide something.

import test from "ava";
import * as fc from "fast-check";
import { createMimeScan, type MimeBounds } from "./mime-scan.ts";
import type { MimePart } from "./mime-part.ts";

const crlf = (...lines: string[]): string => lines.map((line) => `${line}\r\n`).join("");
const MZ = Buffer.from("MZ\x90\0\x03\0\0\0 this is a program", "latin1");

function partsOf(
  message: string | Buffer,
  piece = Infinity,
  bounds: Partial<MimeBounds> = {},
): { parts: MimePart[]; tooComplex: string | undefined } {
  const parts: MimePart[] = [];
  const scan = createMimeScan((part) => void parts.push(part), bounds);
  const bytes = Buffer.isBuffer(message) ? message : Buffer.from(message, "latin1");
  const step = Math.min(piece, bytes.length || 1);
  // The same buffer for each piece, as a stream may do it.
  const lent = Buffer.alloc(step);
  for (let at = 0; at < bytes.length; at += step) {
    const length = bytes.copy(lent, 0, at);
    scan.write(lent.subarray(0, length));
    lent.fill(0xff);
  }
  scan.end();
  return { parts, tooComplex: scan.tooComplex };
}

const shown = (message: string): string[] =>
  partsOf(message).parts.map(({ depth, type, names }) => `${depth} ${type} ${names.join(",")}`.trim());

const multipart = (boundary: string, ...parts: string[]): string =>
  crlf(`Content-Type: multipart/mixed; boundary=${boundary}`, "", "preamble") +
  parts.map((part) => crlf(`--${boundary.replaceAll('"', "")}`) + part).join("") +
  crlf(`--${boundary.replaceAll('"', "")}--`, "epilogue");

const attachment = (name: string, content: Buffer = MZ): string =>
  crlf(
    `Content-Type: application/octet-stream`,
    `Content-Disposition: attachment; filename=${name}`,
    "Content-Transfer-Encoding: base64",
    "",
    content.toString("base64"),
  );

test("a plain message is one part", (t) => {
  const { parts } = partsOf(crlf("Subject: x", "", "Hello"));
  t.is(parts.length, 1);
  t.like(parts[0], { depth: 0, type: "text/plain", types: ["text/plain"], disposition: "", names: [], disguised: false });
  t.is(parts[0]?.head.toString(), "Hello\r\n");
});

test("parts of a multipart come with types, names and first bytes, decoded", (t) => {
  const { parts } = partsOf(
    multipart(
      '"=_b"',
      crlf("Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "", "<p>caf=C3=A9=", "!</p>"),
      attachment("a.exe"),
    ),
  );
  t.deepEqual(
    parts.map(({ depth, type }) => [depth, type]),
    [
      [0, "multipart/mixed"],
      [1, "text/html"],
      [1, "application/octet-stream"],
    ],
  );
  t.is(parts[1]?.head.toString(), "<p>café!</p>\r\n");
  t.deepEqual(parts[2]?.head, MZ);
  t.deepEqual(parts[2]?.names, ["a.exe"]);
  t.is(parts[2]?.disposition, "attachment");
});

test("multiparts in multiparts, and boundaries that begin alike", (t) => {
  const inner = multipart("ab", attachment("inner.exe"), attachment("second.exe"));
  t.deepEqual(shown(multipart("a", inner, attachment("outer.exe"))), [
    "0 multipart/mixed",
    "1 multipart/mixed",
    "2 application/octet-stream inner.exe",
    "2 application/octet-stream second.exe",
    "1 application/octet-stream outer.exe",
  ]);
  t.true(
    shown(multipart("ab", multipart("a", attachment("inner.exe")), attachment("outer.exe")))
      .join()
      .includes("outer.exe"),
  );
});

test("a message in a message is looked into, also in a digest, also when it is encoded", (t) => {
  const message = crlf("Subject: inner") + multipart("i", attachment("hidden.exe"));
  const plain = crlf("Content-Type: message/rfc822", "") + message;
  t.true(shown(multipart("o", plain)).includes("3 application/octet-stream hidden.exe"));
  const digest = multipart("o", crlf("") + message).replace("multipart/mixed", "multipart/digest");
  t.true(shown(digest).join().includes("hidden.exe"));
  for (const [encoding, text] of [
    ["base64", Buffer.from(message).toString("base64").replace(/.{60}/g, "$&\r\n")],
    ["quoted-printable", message.replaceAll("=", "=3D")],
  ]) {
    const encoded = crlf("Content-Type: message/rfc822", `Content-Transfer-Encoding: ${encoding}`, "", text ?? "");
    t.true(shown(multipart("o", encoded)).join().includes("hidden.exe"), encoding);
  }
  const within = multipart("i", attachment("hidden.exe"));
  const body = within.slice(within.indexOf("\r\n\r\n") + 4);
  const encoded = crlf(
    "Content-Type: multipart/mixed; boundary=i",
    "Content-Transfer-Encoding: base64",
    "",
    Buffer.from(body).toString("base64"),
  );
  t.true(shown(encoded).join().includes("hidden.exe"));
});

test("boundaries as they are written to be missed", (t) => {
  const exe = attachment("x.exe");
  const messages = {
    "no closing delimiter": crlf("Content-Type: multipart/mixed; boundary=b", "", "--b") + exe,
    "no line end at all": (crlf("Content-Type: multipart/mixed; boundary=b", "", "--b") + exe).trimEnd(),
    folded: crlf("Content-Type: multipart/mixed;", "\tboundary=", ' "b"', "", "--b") + exe,
    "blanks around": crlf('Content-Type: multipart/mixed ; boundary = "b" ', "", "--b \t") + exe,
    "quoted with an escape": crlf('Content-Type: multipart/mixed; boundary="b\\c"', "", "--bc") + exe,
    "quote without an end": crlf('Content-Type: multipart/mixed; boundary="b; x=y', "", "--b") + exe,
    "a comment": crlf('Content-Type: multipart/(hi)mixed; (x) boundary=(y)"b"(z)', "", "--b") + exe,
    "two boundaries": crlf("Content-Type: multipart/mixed; boundary=a; boundary=b", "", "--b") + exe,
    "two types": crlf("Content-Type: multipart/mixed; boundary=a", "Content-Type: multipart/mixed; boundary=b", "", "--b") + exe,
    "RFC 2231": crlf("Content-Type: multipart/mixed; boundary*0=lo; boundary*1=ng", "", "--long") + exe,
    "a part after the end": crlf("Content-Type: multipart/mixed; boundary=b", "", "--b--", "--b") + exe,
    "the first line of the body": crlf("Content-Type: multipart/mixed; boundary=b", "", "--b") + exe,
    "more behind the delimiter": crlf("Content-Type: multipart/mixed; boundary=b", "", "--b and more") + exe,
    "much more behind it": crlf("Content-Type: multipart/mixed; boundary=b", "", `--b${"x".repeat(5000)}`) + exe,
    "an outer one that is not ended":
      crlf(
        "Content-Type: multipart/mixed; boundary=b",
        "",
        "--b",
        "Content-Type: multipart/mixed; boundary=c",
        "",
        "--bogus",
        "--c",
      ) + exe,
    "in the header of a part":
      crlf("Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain", "--b") + exe,
    "8-bit": crlf("Content-Type: multipart/mixed; boundary=b\xff", "", "--b\xff") + exe,
    "without CR": (crlf("Content-Type: multipart/mixed; boundary=b", "", "--b") + exe).replaceAll("\r\n", "\n"),
    capitals: crlf("CONTENT-TYPE : Multipart/Mixed; BOUNDARY=b", "", "--b") + exe,
  };
  for (const [what, message] of Object.entries(messages)) {
    const { parts } = partsOf(message);
    const found = parts.find(({ names }) => names.includes("x.exe"));
    t.truthy(found, what);
    t.is(found?.head.toString("latin1", 0, 2), "MZ", what);
  }
});

test("content that only looks like a delimiter stays content", (t) => {
  const text = crlf("Content-Type: text/plain", "", "-- ", "signature", "--c", "---b", " --b");
  const { parts } = partsOf(multipart("b", text));
  t.is(parts.length, 2);
  t.is(parts[1]?.head.toString(), crlf("-- ", "signature", "--c", "---b", " --b"));
});

test("uuencoded files in text are told", (t) => {
  const message = crlf("Subject: x", "", "hello", "begin 644 evil.exe", "M35J0``,````", "`", "end", "begin the day", "begin 7 x");
  t.deepEqual(shown(message).toSorted(), ["0 application/x-uuencode evil.exe", "0 text/plain"]);
});

test("whoever wants the content gets all of it, decoded", (t) => {
  const large = Buffer.alloc(300_000, "0123456789");
  const got: Buffer[] = [];
  const scan = createMimeScan(({ names }) =>
    names.includes("big.bin") ? (bytes) => void got.push(Buffer.from(bytes)) : undefined,
  );
  const message = Buffer.from(multipart("b", attachment("small.bin"), attachment("big.bin", large)));
  for (let at = 0; at < message.length; at += 777) scan.write(message.subarray(at, at + 777));
  scan.end();
  t.deepEqual(Buffer.concat(got), large);
});

test("base64 is read through what is not base64", (t) => {
  const text = MZ.toString("base64").replace(/(.)/g, "$1 \r\n*");
  const { parts } = partsOf(
    crlf(
      "Content-Type: application/pdf",
      "Content-Transfer-Encoding: BASE64 (really)",
      "",
      ...Array<string>(500).fill("!?"),
      text,
    ),
  );
  t.deepEqual(parts[0]?.head.subarray(0, 10), MZ.subarray(0, 10));
});

test("beyond its bounds a message is too complex, and no more is looked at", (t) => {
  const nested = (depth: number): string => (depth === 0 ? attachment("x.exe") : multipart(`b${depth}-`, nested(depth - 1)));
  t.is(partsOf(nested(20)).tooComplex, undefined);
  t.is(partsOf(nested(21)).tooComplex, "parts are nested too deeply");
  const messages = (depth: number): string =>
    crlf("Content-Type: message/rfc822", "").repeat(depth) + crlf("Subject: x", "", "y");
  t.is(partsOf(messages(20)).tooComplex, undefined);
  t.is(partsOf(messages(21)).tooComplex, "parts are nested too deeply");
  t.is(partsOf(multipart("b", ...Array<string>(999).fill(crlf("", "x")))).tooComplex, undefined);
  t.is(partsOf(multipart("b", ...Array<string>(1000).fill(crlf("", "x")))).tooComplex, "too many parts");
  t.is(partsOf(multipart("b", crlf(`X: ${"y".repeat(70_000)}`, "", ""))).tooComplex, "the header of a part is too large");
  t.is(partsOf(multipart("b", crlf(..."x".repeat(40_000).split("")))).tooComplex, "the header of a part is too large");
  t.is(partsOf(crlf(`Content-Type: multipart/mixed; boundary=${"b".repeat(2000)}`, "", "")).tooComplex, "a boundary is too long");
  const many = Array.from({ length: 100 }, (_, index) => `boundary=b${index}`).join("; ");
  t.is(partsOf(crlf(`Content-Type: multipart/mixed; ${many}`, "", "")).tooComplex, "too many multiparts in each other");
  const begun = crlf("Content-Type: multipart/mixed; boundary=b", "");
  t.is(partsOf(begun + "\r\n--ax".repeat(300_000)).tooComplex, undefined);
  t.is(partsOf(begun + "\r\n--".repeat(300_000)).tooComplex, undefined);
  const bb = begun.replace("=b", "=bb");
  t.is(partsOf(bb + "\r\n--bx".repeat(300_000)).tooComplex, "too many lines look like delimiters");
  t.is(partsOf(crlf("", "begin 7").repeat(30_000)).tooComplex, "too many lines look like the beginning of a file");
  t.is(partsOf(crlf("", "begin").repeat(30_000)).tooComplex, undefined);
  t.is(partsOf(crlf("", ...Array<string>(1000).fill("begin 644 a.txt"))).tooComplex, "too many parts");
  const field = `Content-Type: text/plain; ${"x".repeat(60_000)}`;
  t.is(partsOf(multipart("b", ...Array<string>(20).fill(crlf(field, "", "x")))).tooComplex, "the headers of parts are too large");
});

const lines = fc.constantFrom(
  "--b",
  "--b--",
  "--bb",
  "--c",
  "--c--",
  "--",
  "-",
  "",
  " ",
  "x",
  "Content-Type: multipart/mixed; boundary=b",
  "Content-Type: multipart/alternative; boundary=bb",
  "Content-Type: multipart/digest;",
  " boundary=c",
  "Content-Type: message/rfc822",
  'Content-Type: text/plain; name="a.txt"',
  "Content-Disposition: attachment; filename*0=a; filename*1=.exe",
  "Content-Transfer-Encoding: base64",
  "Content-Transfer-Encoding: quoted-printable",
  "TVqQAAMAAAAEAAAA",
  "=4D=5A=",
  "begin 644 a.exe",
  "Subject: x",
  "\xff\xfe",
  "begin",
);
const ends = fc.constantFrom("\r\n", "\r\n", "\r\n", "\n", "");
const messages = fc
  .array(
    fc.oneof({ weight: 9, arbitrary: fc.tuple(lines, ends).map((pair) => pair.join("")) }, { weight: 1, arbitrary: fc.string() }),
    { maxLength: 60 },
  )
  .map((all) => all.join(""));

const comparable = ({ parts, tooComplex }: ReturnType<typeof partsOf>): string =>
  JSON.stringify([parts.map((part) => JSON.stringify({ ...part, head: part.head.toString("latin1") })).toSorted(), tooComplex]);

test("how a message is cut changes nothing", (t) => {
  fc.assert(
    fc.property(messages, fc.integer({ min: 1, max: 40 }), (message, piece) => {
      t.is(comparable(partsOf(message, piece, { head: 24 })), comparable(partsOf(message, Infinity, { head: 24 })));
    }),
    { numRuns: 1500 },
  );
});

test("garbage is read without an error", (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (pieces) => {
      const scan = createMimeScan(() => undefined);
      for (const piece of pieces) scan.write(Buffer.from(piece));
      scan.end();
      t.pass();
    }),
    { numRuns: 300 },
  );
});

for (const type of [
  '"multipart/mixed"; boundary=b',
  "multipart; boundary=b",
  "multipart / mixed; boundary=b",
  "multipart/mixed boundary=b",
  "multipart/mixed, boundary=b",
  "text/plain; boundary=b",
]) {
  test(`parts are found in what is nearly a multipart: ${type}`, (t) => {
    const message = crlf(`Content-Type: ${type}`, "", "--b") + attachment("x.exe") + crlf("--b--");
    t.true(partsOf(message).parts.some(({ names }) => names.includes("x.exe")));
  });
}

test("a name is found where the semicolon before it is missing", (t) => {
  const head = crlf("Content-Disposition: attachment filename=x.exe", "", "y");
  t.deepEqual(partsOf(head).parts[0]?.names, ["x.exe"]);
});

for (const [title, fields, content] of [
  ["in quotes", ['Content-Transfer-Encoding: "base64"'], MZ.toString("base64")],
  ["behind another", ["Content-Transfer-Encoding: 7bit", "Content-Transfer-Encoding: base64"], MZ.toString("base64")],
  ["padded within", ["Content-Transfer-Encoding: base64"], `TQ==\r\n${MZ.subarray(1).toString("base64")}`],
  ["padded without need", ["Content-Transfer-Encoding: base64"], `TQ=WpAA${MZ.subarray(4).toString("base64")}`],
] as const) {
  test(`base64 is decoded, however it is cut: ${title}`, (t) => {
    const message = crlf("Content-Type: a/b", ...fields, "", content);
    for (const piece of [1, 3, 4, 7, Infinity])
      t.is(partsOf(message, piece).parts[0]?.head.toString("latin1"), MZ.toString("latin1"), `${piece}`);
  });
}

test("base64 of several texts, one behind the other, is all of them, however it is cut", (t) => {
  const text = fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 5 }), fc.integer({ min: 1, max: 9 }), (texts, piece) => {
      // What needs no padding has some, too.
      const content = texts.map((one) => `${one.toString("base64")}=\r\n`).join("");
      const { parts } = partsOf(crlf("Content-Type: a/b", "Content-Transfer-Encoding: base64", "") + content, piece);
      t.deepEqual(parts[0]?.head, Buffer.concat(texts));
    }),
  );
});
