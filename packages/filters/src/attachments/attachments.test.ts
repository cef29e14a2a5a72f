// Messages with files that nobody should open, led through the filter.

import test from "ava";
import * as fc from "fast-check";
import type { MailTransaction } from "@postern/contracts";
import { parseHeader } from "@postern/message";
import { filterOf, symbolsOf, testMail, testServices, testVisit, wordsOf } from "../test/scene.ts";
import { attachments } from "./index.ts";
import type { AttachmentSettings } from "./settings.ts";

const crlf = (...lines: string[]): string => lines.map((line) => `${line}\r\n`).join("");
const PROGRAM = Buffer.concat([Buffer.from("MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0", "latin1"), Buffer.alloc(112)]);
const TEXT = Buffer.from("Dear Bob,\r\nsee you.\r\n");

interface File {
  readonly name: string;
  readonly content?: Buffer;
  readonly type?: string;
}

const partOf = ({ name, content = TEXT, type = "application/octet-stream" }: File): string =>
  crlf(
    "--b",
    `Content-Type: ${type}`,
    ...(name === "" ? [] : [`Content-Disposition: attachment; filename="${name}"`]),
    "Content-Transfer-Encoding: base64",
    "",
    content.toString("base64").replace(/.{1,76}/g, "$&\r\n"),
  );

const messageOf = (...files: File[]): string =>
  crlf("Subject: x", "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "Hello") +
  files.map(partOf).join("") +
  crlf("--b--");

async function judged(message: string, rest: Partial<AttachmentSettings> = {}, mail: MailTransaction = testMail(), piece = 100) {
  const filter = filterOf(attachments, testServices(), rest);
  const bytes = Buffer.from(message);
  const end = bytes.indexOf("\r\n\r\n");
  await filter.header?.(mail, parseHeader(bytes.subarray(0, end + 2)));
  const scan = filter.scan?.(mail);
  for (let at = 0; at < bytes.length; at += piece) void scan?.write(bytes.subarray(at, at + piece));
  return { words: wordsOf(await scan?.end()), mail, holds: scan?.holds, held: filter.holds?.(mail) };
}

const wordsFor = async (file: File, rest: Partial<AttachmentSettings> = {}) => (await judged(messageOf(file), rest)).words;

test("ordinary attachments pass, and nothing is held", async (t) => {
  const { words, mail, holds, held } = await judged(
    messageOf(
      { name: "report.pdf" },
      { name: "scan.jpg.pdf" },
      { name: "archive.tar.gz" },
      { name: "exe" },
      { name: "page.html" },
      { name: "" },
    ),
  );
  t.is(words, undefined);
  t.deepEqual(symbolsOf(mail), []);
  t.false(holds);
  t.false(held);
});

test("blocked names are refused, however they are written", async (t) => {
  t.is(
    await wordsFor({ name: "Invoice.EXE" }),
    "550 5.7.1 Attachments of this kind are not taken: Invoice.EXE: its name ends in .exe",
  );
  for (const name of [
    "a.js",
    "a.pdf.scr",
    "a.vbs . .",
    "x/../a.lnk",
    "a.iso::$DATA",
    "=?utf-8?b?YS5leGU=?=",
    ".ps1",
    "a.{645FF040-5081-101B-9F08-00AA002F954E}",
  ])
    t.regex((await wordsFor({ name })) ?? "", /^550 5\.7\.1 /, name);
  t.is(await wordsFor({ name: "a.exe" }, { extensions: ["zip"] }), undefined);
  t.regex((await wordsFor({ name: "a.zip" }, { extensions: ["zip"] })) ?? "", /^550/);
});

test("a document's extension before a page's is blocked", async (t) => {
  t.regex((await wordsFor({ name: "invoice.pdf.html" })) ?? "", /its name ends in \.pdf\.html$/);
  t.is(await wordsFor({ name: "invoice.v2.html" }), undefined);
  t.is(await wordsFor({ name: "invoice.pdf.html" }, { behindDocuments: [] }), undefined);
});

test("a name that turns the direction of writing is blocked", async (t) => {
  const name = "annex\u202efdp.txt";
  t.regex((await wordsFor({ name })) ?? "", /: its name is disguised$/);
  t.is(await wordsFor({ name }, { disguised: false }), undefined);
});

test("types and first bytes are blocked whatever the name says", async (t) => {
  t.regex(
    (await wordsFor({ name: "a.txt", type: "application/x-msdownload" })) ?? "",
    /it is of the type application\/x-msdownload$/,
  );
  t.is(await wordsFor({ name: "a.txt", type: "application/x-msdownload" }, { types: [] }), undefined);
  t.is(
    await wordsFor({ name: "photo.jpg", content: PROGRAM }),
    "550 5.7.1 Attachments of this kind are not taken: photo.jpg: it is a Windows program",
  );
  t.is(
    await wordsFor({ name: "", content: PROGRAM }),
    "550 5.7.1 Attachments of this kind are not taken: an attachment: it is a Windows program",
  );
  t.is(await wordsFor({ name: "photo.jpg", content: PROGRAM }, { magic: [] }), undefined);
  t.regex((await wordsFor({ name: "a", content: Buffer.from("\x7fELF\x02", "latin1") })) ?? "", /a Linux program$/);
});

test("a text that begins with MZ is no program", async (t) => {
  t.is(
    await wordsFor({ name: "plan.txt", content: Buffer.from(`MZ-7 is the room.\r\n${"It is large. ".repeat(20)}`) }),
    undefined,
  );
});

test("messages in messages are looked into", async (t) => {
  const inner = messageOf({ name: "a.exe" }).replaceAll("--b", "--c").replace("boundary=b", "boundary=c");
  const message =
    crlf("Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: message/rfc822", "") + inner + crlf("--b--");
  t.regex((await judged(message)).words ?? "", /a\.exe/);
});

function zipOf(names: readonly string[], { central = true, local = true, content = TEXT } = {}): Buffer {
  const headers = names.flatMap((name) => {
    const header = Buffer.alloc(30);
    header.write("PK\x03\x04", "latin1");
    header.writeUInt16LE(Buffer.byteLength(name), 26);
    return [header, Buffer.from(local ? name : name.replaceAll(/./g, "x")), content];
  });
  const list = names.flatMap((name) => {
    const header = Buffer.alloc(46);
    header.write("PK\x01\x02", "latin1");
    header.writeUInt16LE(Buffer.byteLength(name), 28);
    return [header, Buffer.from(name)];
  });
  return Buffer.concat([...headers, ...(central ? list : []), Buffer.from("PK\x05\x06" + "\0".repeat(18), "latin1")]);
}

test("names in zip archives are seen, in the files' headers and in the list at the end", async (t) => {
  const names = ["read.me", `${"d/".repeat(50)}a.exe`];
  for (const parts of [{}, { central: false }, { local: false }, { content: Buffer.alloc(200_000, "text") }])
    t.is(
      await wordsFor({ name: "x.zip", content: zipOf(names, parts) }),
      "550 5.7.1 Attachments of this kind are not taken: a.exe: its name ends in .exe, in x.zip",
    );
  t.is(await wordsFor({ name: "x.zip", content: zipOf(names) }, { archives: false }), undefined);
  t.is(await wordsFor({ name: "x.docx", content: zipOf(["[Content_Types].xml", "word/document.xml"]) }), undefined);
  t.regex((await wordsFor({ name: "x.bin", content: zipOf(names) })) ?? "", /a\.exe/, "whatever the archive is called");
});

test("an archive with something before it is looked into where it is called one", async (t) => {
  const content = Buffer.concat([Buffer.from("MIME\r\n".repeat(20)), zipOf(["a.exe"])]);
  for (const how of [{ name: "x.ZIP" }, { name: "x", type: "application/zip" }])
    t.regex((await wordsFor({ ...how, content })) ?? "", /a\.exe/);
});

test("an archive of very many files is too complex", async (t) => {
  const names = Array.from({ length: 60_000 }, (_, index) => `f${index}`);
  t.is(
    await wordsFor({ name: "x.zip", content: zipOf(names, { content: Buffer.alloc(0) }) }),
    "554 5.6.0 The message is too complex: an archive has too many files",
  );
});

test("a message that is too complex is refused, scored or accepted", async (t) => {
  const message = crlf("Content-Type: message/rfc822", "").repeat(30) + crlf("Subject: x", "", "y");
  t.is((await judged(message)).words, "554 5.6.0 The message is too complex: parts are nested too deeply");
  const scored = await judged(message, { tooComplex: "score" });
  t.is(scored.words, undefined);
  t.deepEqual(symbolsOf(scored.mail), ["ATTACHMENTS_TOO_COMPLEX=10"]);
  t.deepEqual(symbolsOf((await judged(message, { tooComplex: "accept" })).mail), []);
});

test("score counts without holding, tag holds and writes a field that strangers cannot write", async (t) => {
  const message = messageOf({ name: "a.exe" });
  const scored = await judged(message, { action: "score" });
  t.is(scored.words, undefined);
  t.false(scored.holds);
  t.deepEqual(symbolsOf(scored.mail), ["ATTACHMENT_BLOCKED=10"]);
  const tagged = await judged(`X-Attachment-Blocked: mine\r\n${message}`, { action: "tag" });
  t.true(tagged.holds);
  t.true(tagged.held);
  t.is(tagged.words, undefined);
  t.deepEqual(tagged.mail.edits, [
    { do: "remove", name: "X-Attachment-Blocked" },
    { do: "prepend", name: "X-Attachment-Blocked", value: "a.exe: its name ends in .exe" },
  ]);
});

test("trusted visits are left alone", async (t) => {
  const mail = testMail({ visit: testVisit({ trusted: true }) });
  const { words, holds, held } = await judged(messageOf({ name: "a.exe" }), { action: "tag" }, mail);
  t.deepEqual([words, holds, held, mail.edits], [undefined, undefined, false, []]);
});

test("a stranger's file name cannot end the reply or the field", async (t) => {
  const name = 'a\u0007"\u{1f600}é.exe';
  const { words, mail } = await judged(
    messageOf({ name }).replace(`filename="${name}"`, "filename*=utf-8''a%0d%0aX%3A%20y%F0%9F%98%80.exe"),
    { action: "refuse" },
  );
  t.regex(words ?? "", /^550 5\.7\.1 [\x20-\x7e]+$/);
  t.true(mail.findings.every(({ text }) => /^[\x20-\x7e]+$/.test(text)));
});

test("how a message is cut changes nothing, and garbage is no error", async (t) => {
  const files = fc.array(
    fc.record({
      name: fc.constantFrom("a.exe", "b.pdf", "c.zip", ""),
      content: fc.constantFrom(PROGRAM, TEXT, zipOf(["d.js"]), zipOf(["e.txt"])),
    }),
    { maxLength: 3 },
  );
  await fc.assert(
    fc.asyncProperty(files, fc.string(), fc.integer({ min: 1, max: 99 }), async (all, noise, piece) => {
      const message = messageOf(...all) + noise;
      t.is((await judged(message, {}, testMail(), piece)).words, (await judged(message, {}, testMail(), 1_000_000)).words);
    }),
    { numRuns: 150 },
  );
});
