import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import test from "ava";
import { certificateMatcher, parseCertificatePattern } from "./certificate-pattern.ts";
import type { ClientCertificate } from "./session.ts";

const certificate = (subject: string): ClientCertificate => ({
  verify: "SUCCESS",
  subject,
  issuer: "CN=ca",
  serial: "01",
  fingerprint: "00",
  pem: "",
});

const fits = (pattern: string, subject: string): boolean => certificateMatcher([pattern])(certificate(subject));

test("certificate pattern: the whole subject counts, in capitals and small letters as written", (t) => {
  t.true(fits("CN=crm,O=Example", "CN=crm,O=Example"));
  for (const other of ["CN=crm", "CN=crm,O=Example,C=CH", "OU=x,CN=crm,O=Example", "CN=CRM,O=Example", "CN=crm,O=Example\n", ""])
    t.false(fits("CN=crm,O=Example", other), other);
  t.false(fits("CN=a.b", "CN=axb"));
});

test("certificate pattern: a star stands for characters of one value", (t) => {
  t.true(fits("CN=crm-*,O=Example", "CN=crm-7,O=Example"));
  t.true(fits("CN=*,O=Example", "CN=,O=Example"));
  for (const forged of [
    "CN=crm-7,OU=x,O=Example",
    "CN=crm-7+OU=x,O=Example",
    "CN=crm-7\\,O=Example",
    "CN=crm-7\\,O=Example,O=Example",
  ])
    t.false(fits("CN=crm-*,O=Example", forged), forged);
});

test("certificate pattern: a long run of stars takes no long time", (t) => {
  t.false(fits(`CN=${"*".repeat(200)}x`, `CN=${"a".repeat(2000)}`));
});

test("certificate pattern: no pattern fits nobody", (t) => {
  t.false(certificateMatcher([])(certificate("CN=crm")));
});

test("certificate pattern: what is neither a subject nor a SHA-256 is refused with words", (t) => {
  const sum = "AB".repeat(32);
  t.deepEqual(parseCertificatePattern(sum), { value: `sha256:${"ab".repeat(32)}` });
  t.deepEqual(parseCertificatePattern(sum.match(/../g)?.join(":")), { value: `sha256:${"ab".repeat(32)}` });
  t.deepEqual(parseCertificatePattern("CN=crm"), { value: "CN=crm" });
  for (const wrong of ["crm", "", "*", "CN=", "=x", "ab:cd", "CN=a\nb", `${sum}00`, "ab".repeat(20), 7])
    t.regex(
      (parseCertificatePattern(wrong) as { problem?: string }).problem ?? "",
      /^must be a subject such as CN=crm,O=Example, or /,
    );
});

test("certificate pattern: a SHA-256 means one certificate, whatever its subject", (t) => {
  const pem = readFileSync(new URL("../../config/bad-configs/files/ca.pem", import.meta.url), "utf8");
  const sum = createHash("sha256").update(new X509Certificate(pem).raw).digest("hex");
  const matcher = (text: string) => {
    const parsed = parseCertificatePattern(text);
    return certificateMatcher("value" in parsed ? [parsed.value] : []);
  };
  t.true(matcher(sum.toUpperCase())({ ...certificate("CN=any"), pem }));
  t.false(matcher(sum.replace(/^./, (first) => (first === "0" ? "1" : "0")))({ ...certificate("CN=any"), pem }));
});
