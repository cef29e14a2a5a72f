import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import type { AddressInfo } from "node:net";
import test from "ava";
import { CertificateError, certificateNames, createAuthority, issue, selfSigned } from "./index.ts";
import type { CertificateAndKey } from "./index.ts";

const opensslVerify = (authority: string, leaf: string, ...options: string[]): string => {
  const folder = mkdtempSync(join(tmpdir(), "certs-"));
  try {
    writeFileSync(join(folder, "ca.pem"), authority);
    writeFileSync(join(folder, "leaf.pem"), leaf);
    const args = ["verify", "-x509_strict", "-CAfile", join(folder, "ca.pem"), ...options, join(folder, "leaf.pem")];
    return execFileSync("openssl", args, { encoding: "utf8" });
  } finally {
    rmSync(folder, { recursive: true });
  }
};

async function handshake(server: CertificateAndKey, ca: string, servername: string): Promise<boolean> {
  const listener = createServer({ cert: server.cert, key: server.key }, (socket) => socket.end());
  listener.listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const socket = connect({ port: (listener.address() as AddressInfo).port, host: "127.0.0.1", servername, ca });
  try {
    return await new Promise<boolean>((resolve, reject) => {
      socket.once("secureConnect", () => resolve(socket.authorized));
      socket.once("error", reject);
    });
  } finally {
    socket.destroy();
    listener.close();
  }
}

for (const keyType of ["ec", "rsa"] as const) {
  test(`authority (${keyType}): openssl accepts its server and client certificates for their purpose only`, (t) => {
    const authority = createAuthority("Test authority", keyType);
    const server = issue(authority, { names: ["mail.example.com", "127.0.0.1"], keyType });
    const client = issue(authority, { names: ["alice@example.com"], client: true, keyType });
    t.regex(opensslVerify(authority.cert, server.cert, "-purpose", "sslserver", "-verify_hostname", "mail.example.com"), /OK/);
    t.regex(opensslVerify(authority.cert, client.cert, "-purpose", "sslclient", "-verify_email", "alice@example.com"), /OK/);
    t.throws(() => opensslVerify(authority.cert, client.cert, "-purpose", "sslserver"));
    t.throws(() => opensslVerify(createAuthority("Another").cert, server.cert));
  });
}

test("authority: a certificate carries DNS names, IPv4 and IPv6 addresses as given", (t) => {
  const names = ["mail.example.com", "*.example.org", "127.0.0.1", "2001:db8::ff:1", "::1", "::ffff:192.0.2.1"];
  const { cert } = issue(createAuthority("CA"), { names });
  const certificate = new X509Certificate(cert);
  t.is(certificate.checkHost("mail.example.com"), "mail.example.com");
  t.is(certificate.checkHost("www.example.org"), "*.example.org");
  t.is(certificate.checkIP("2001:db8::ff:1"), "2001:db8::ff:1");
  t.is(certificate.checkIP("::1"), "::1");
  t.truthy(certificate.checkIP("::ffff:192.0.2.1"));
  t.is(certificate.checkIP("192.0.2.9"), undefined);
  t.deepEqual(certificateNames(certificate).slice(0, 3), names.slice(0, 3));
});

test("authority: an international name is written in its ASCII form", (t) => {
  const { cert } = selfSigned(["poščta.example"]);
  t.deepEqual(certificateNames(new X509Certificate(cert)), ["xn--pota-hua71c.example"]);
});

test("authority: two certificates never share a serial number, and it is positive", (t) => {
  const serials = Array.from({ length: 20 }, () => new X509Certificate(selfSigned(["a.example"]).cert).serialNumber);
  t.is(new Set(serials).size, 20);
  for (const serial of serials) t.regex(serial, /^[4-7]/);
});

test("authority: lives ten years, leaves live 397 days or as long as asked", (t) => {
  const days = (pem: string): number => {
    const certificate = new X509Certificate(pem);
    return (certificate.validToDate.getTime() - certificate.validFromDate.getTime()) / 86_400_000;
  };
  const authority = createAuthority("CA");
  t.is(days(authority.cert), 3650);
  t.is(days(issue(authority, { names: ["a.example"] }).cert), 397);
  t.is(days(issue(authority, { names: ["a.example"], days: 36_500 }).cert), 36_500);
});

test("authority: a TLS client that trusts it accepts its server, and no other name", async (t) => {
  const authority = createAuthority("CA");
  const server = issue(authority, { names: ["mail.example.com"] });
  t.true(await handshake(server, authority.cert, "mail.example.com"));
  await t.throwsAsync(handshake(server, authority.cert, "other.example.com"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
});

test("self-signed: a TLS client that trusts exactly this certificate accepts the server", async (t) => {
  const server = selfSigned(["localhost"]);
  t.true(await handshake(server, server.cert, "localhost"));
});

test("authority: names that are none are refused", (t) => {
  for (const name of ["", "a b", "-x.example", "x".repeat(64), "a\r\nb", "a@", "@example.com", "*.", "a,DNS:b"])
    t.throws(() => selfSigned([name]), { instanceOf: CertificateError }, JSON.stringify(name));
  t.throws(() => selfSigned([]), { instanceOf: CertificateError });
});

test("authority: a leaf, or a key of another authority, cannot issue", (t) => {
  const authority = createAuthority("CA");
  const leaf = issue(authority, { names: ["a.example"] });
  t.throws(() => issue(leaf, { names: ["b.example"] }), { message: /not an authority/ });
  t.throws(() => issue({ cert: authority.cert, key: leaf.key }, { names: ["b.example"] }), { message: /does not fit/ });
});
