import { X509Certificate } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { createAuthority, issue } from "@postern/certs";
import { Failure, type ClientCertificate } from "@postern/contracts";
import { createCertificateVerifier, type CertificateSettings } from "./index.ts";
import { FINGERPRINT, PEM } from "./openssl-certificate.ts";

const authority = createAuthority("Test authority");
const issued = (...names: readonly string[]): string => issue(authority, { names, client: true }).cert;

function shown(pem: string, verify = "SUCCESS"): ClientCertificate {
  return { verify, subject: "CN=x", issuer: "CN=ca", serial: "01", fingerprint: "00", pem };
}

type Map = CertificateSettings["map"];

const userOf = (from: CertificateSettings["from"], pem: string, map: Map = {}): Promise<string | undefined> | undefined =>
  createCertificateVerifier({ from, map }).certificate?.(shown(pem));

async function refusal(t: ExecutionContext, work: Promise<unknown> | undefined): Promise<string | undefined> {
  const error = await t.throwsAsync(async () => work, { instanceOf: Failure });
  t.is(error?.kind, "wrong-credentials");
  return error?.message;
}

for (const [from, names, user] of [
  ["san-email", ["alice@example.com"], "alice@example.com"],
  ["san-email", ["laptop.example.com", "Alice@Example.com", "alice@example.com"], "alice@example.com"],
  ["san-email", ["laptop.example.com"], undefined],
  // A printed subjectAltName would look like two names.
  ["san-email", ["a,email:root@example.com"], "a,email:root@example.com"],
  ["san-dns", ["laptop.example.com", "alice@example.com"], "laptop.example.com"],
  ["san-dns", ["alice@example.com"], undefined],
  ["san-upn", ["alice@example.com"], undefined],
  ["subject-cn", ["alice@example.com", "bob@example.com"], "alice@example.com"],
  ["subject-email", ["alice@example.com"], undefined],
] as const) {
  test(`certificate: ${from} of ${names.join(" and ")} is ${user ?? "nobody"}`, async (t) => {
    t.is(await userOf(from, issued(...names)), user);
  });
}

test("certificate: a certificate with two users gets nobody in", async (t) => {
  const pem = issued("alice@example.com", "bob@example.com");
  t.is(await refusal(t, userOf("san-email", pem)), "the certificate names 2 users (san-email)");
  t.is(
    await refusal(t, userOf("san-email", pem, { "alice@example.com": "a", "bob@example.com": "b" })),
    "the certificate names 2 users (san-email)",
  );
});

test("certificate: with a map only its names count, whatever their capitals", async (t) => {
  const pem = issued("alice@example.com", "bob@example.com");
  t.is(await userOf("san-email", pem, { "ALICE@example.com": "alice" }), "alice");
  t.is(await userOf("san-email", pem, { "alice@example.com": "both", "bob@example.com": "both" }), "both");
  t.is(await userOf("san-email", pem, { "carol@example.com": "carol" }), undefined);
  t.is(await userOf("subject-cn", issued("constructor"), { "carol@example.com": "carol" }), undefined);
});

test("certificate: a name of Active Directory is found, in a certificate of openssl", async (t) => {
  t.is(await userOf("san-upn", PEM), "alice@ad.example.com");
  t.is(await userOf("subject-cn", PEM, { "alice ångström": "alice" }), "alice");
});

test("certificate: a fingerprint stands for the user of the map", async (t) => {
  t.is(await userOf("fingerprint", PEM, { [FINGERPRINT]: "alice" }), "alice");
  t.is(await userOf("fingerprint", PEM, { [FINGERPRINT.replaceAll(":", "").toLowerCase()]: "alice" }), "alice");
  t.is(await userOf("fingerprint", issued("alice@example.com"), { [FINGERPRINT]: "alice" }), undefined);
});

test("certificate: one that is not valid, and one that cannot be read, are refused", async (t) => {
  const verifier = createCertificateVerifier({ from: "san-email", map: {} });
  const pem = issued("alice@example.com");
  for (const verify of ["NONE", "", "FAILED:certificate has expired"])
    t.is(await refusal(t, verifier.certificate?.(shown(pem, verify))), "the client certificate is not valid");
  for (const bad of ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", pem.slice(0, 200)])
    t.is(await refusal(t, verifier.certificate?.(shown(bad))), "the client certificate cannot be read");
});

test("certificate: the PEM that a TLS connection gives is read", async (t) => {
  t.is(await userOf("san-email", new X509Certificate(issued("alice@example.com")).toString()), "alice@example.com");
});

for (const [title, from, map, message] of [
  ["fingerprint without a map", "fingerprint", {}, /^map: from: fingerprint needs a map/],
  ["a fingerprint of SHA-1", "fingerprint", { "A5:24": "alice" }, /^map: a fingerprint is 64 hex digits/],
  ["one name twice", "san-email", { "a@example.com": "a", "A@example.com": "b" }, /^map: a name is there twice/],
] as const satisfies readonly (readonly [string, CertificateSettings["from"], Map, RegExp])[]) {
  test(`certificate: ${title} is refused when the verifier is built`, (t) => {
    t.throws(() => createCertificateVerifier({ from, map }), { message });
  });
}
