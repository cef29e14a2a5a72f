// File names, as they are meant, and as they are written by those who do not want them read.

import test from "ava";
import * as fc from "fast-check";
import { cleanFileName, fileNames } from "./mime-names.ts";
import { readHeaderValue } from "./mime-parameters.ts";

const namesOf = (...values: string[]): readonly string[] => fileNames(values.map(readHeaderValue)).names;

test("plain, quoted and encoded names are read", (t) => {
  const cases: Record<string, string> = {
    'attachment; filename="report.pdf"': "report.pdf",
    "attachment; filename=report.pdf": "report.pdf",
    "attachment; FileName = report.pdf ": "report.pdf",
    'attachment; filename="a;b.pdf"': "a;b.pdf",
    'attachment; filename="a\\"b.pdf"': 'a"b.pdf',
    "attachment; filename=my report (1).pdf": "my report (1).pdf",
    "attachment; filename*=utf-8'de'na%C3%AFve.pdf": "naïve.pdf",
    "attachment; filename*=iso-8859-1''na%EFve.pdf": "naïve.pdf",
    "attachment; filename*0=long; filename*1=name; filename*2=.pdf": "longname.pdf",
    "attachment; filename*1*=%C3%AFve.pdf; filename*0*=utf-8''na": "naïve.pdf",
    "attachment; filename*0*=utf-8''na%C3; filename*1*=%AFve; filename*2=.pdf": "naïve.pdf",
    'attachment; filename="=?utf-8?q?na=C3=AFve.pdf?="': "naïve.pdf",
    'attachment; filename="=?utf-8?b?bmHDr3Zl?= =?utf-8?b?LnBkZg==?="': "naïve.pdf",
    "attachment; filename==?utf-8?Q?my_report.pdf?=": "my report.pdf",
    "filename=report.pdf": "report.pdf",
    "attachment; filename*=no-such-charset''a%2Eexe": "a.exe",
  };
  for (const [value, name] of Object.entries(cases))
    t.true(namesOf(value).includes(name), `${value}: ${namesOf(value).join(" | ")}`);
});

test("every reading of a name is given", (t) => {
  t.deepEqual(namesOf('attachment; filename="a.txt"; filename=b.exe', "text/plain; name=c.exe"), ["a.txt", "b.exe", "c.exe"]);
  t.deepEqual(namesOf("attachment; filename=a.txt; filename*=utf-8''b.exe"), ["a.txt", "b.exe"]);
  t.deepEqual(namesOf('attachment; filename="a.txt".exe'), ["a.txt", "a.txt.exe"]);
  t.true(namesOf("attachment; filename=a(.exe").includes("a(.exe"));
  t.true(namesOf('attachment; filename="a.exe').includes("a.exe"));
  t.true(namesOf('attachment; filename="a.txt;b.exe').includes("a.txt"));
  t.true(namesOf("attachment; filename=a.txt; (filename=x) filename=(x)b.exe").includes("b.exe"));
});

test("names are cleaned of what hides their ends", (t) => {
  const cases: Record<string, string> = {
    "a.exe. . .": "a.exe",
    "a.exe \u00a0": "a.exe",
    "..\\..\\windows\\a.exe": "a.exe",
    "/etc/a.exe": "a.exe",
    "a.e\u200bxe": "a.exe",
    "annex\u202etxt.exe": "annextxt.exe",
    "a.exe\u3164": "a.exe",
    "a\r\nb.exe": "ab.exe",
    [`${"x".repeat(1000)}.exe`]: `${"x".repeat(251)}.exe`,
    "...": "",
  };
  for (const [name, clean] of Object.entries(cases)) t.is(cleanFileName(name), clean);
});

test("a NUL, an alternate stream and a turned direction are seen through", (t) => {
  t.deepEqual(fileNames([readHeaderValue("attachment; filename*=utf-8''a.exe%00.txt")]), {
    names: ["a.exe.txt", "a.exe"],
    disguised: true,
  });
  t.true(namesOf("attachment; filename=a.exe::$DATA").includes("a.exe"));
  t.true(fileNames([readHeaderValue("attachment; filename*=utf-8''annex%E2%80%AEtxt.exe")]).disguised);
  t.false(fileNames([readHeaderValue("attachment; filename=a.exe")]).disguised);
});

test("any value is read, quickly, to clean names", (t) => {
  for (const text of [
    '"\\'.repeat(30_000),
    '";'.repeat(30_000),
    "(".repeat(60_000),
    `filename*${"*".repeat(60_000)}`,
    "=?a?q?".repeat(10_000),
    "filename*0=".repeat(6000),
    `filename=${"?= ".repeat(20_000)}`,
    `filename=${". ".repeat(30_000)}x`,
    "a=b;".repeat(16_000),
  ])
    t.true(namesOf(text).length <= 10);
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.array(fc.constantFrom('"', ";", "=", "filename", "*0*", "'", "%41", "=?utf-8?b?", "?=", "(", ")", "\\", ".exe")),
      (text, parts) => {
        for (const name of namesOf(`attachment; filename=${text}${parts.join("")}`)) {
          t.notRegex(name, /[\p{Cc}\p{Cf}/\\]|[.\s]$/u);
          t.true(name.length > 0 && name.length <= 255);
        }
      },
    ),
    { numRuns: 1000 },
  );
});
