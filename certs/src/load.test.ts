import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { createAuthority, issue, loadCertificate, selfSigned } from "./index.ts";

const authority = createAuthority("CA");
const leaf = issue(authority, { names: ["mail.example.com", "127.0.0.1"] });
const other = issue(authority, { names: ["other.example.com"] });

async function folderWith(files: Record<string, string>, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "certs-"));
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content, { mode: 0o600 });
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const load = async (files: Record<string, string>) => {
  let result: Awaited<ReturnType<typeof loadCertificate>> | undefined;
  await folderWith(files, async (folder) => {
    result = await loadCertificate({ cert: join(folder, "cert"), key: join(folder, "key") });
  });
  return result as Awaited<ReturnType<typeof loadCertificate>>;
};

test("load: gives names and end of a certificate whose key fits", async (t) => {
  const loaded = await load({ cert: leaf.cert + authority.cert, key: leaf.key });
  t.deepEqual(loaded.names, ["mail.example.com", "127.0.0.1"]);
  t.true(loaded.notAfter.getTime() > Date.now());
  t.deepEqual(loaded.warnings, []);
});

test("load: certificate and key may be in one file", async (t) => {
  await folderWith({ both: leaf.key + leaf.cert }, async (folder) => {
    const file = join(folder, "both");
    t.is((await loadCertificate({ cert: file, key: file })).names[0], "mail.example.com");
  });
});

test("load: an expired certificate and a key open to all are warnings", async (t) => {
  const old = issue(authority, { names: ["old.example.com"], days: 1 / 48 });
  await folderWith({ cert: old.cert, key: old.key }, async (folder) => {
    await chmod(join(folder, "key"), 0o644);
    const { warnings } = await loadCertificate({ cert: join(folder, "cert"), key: join(folder, "key") });
    t.is(warnings.length, 2);
    t.regex(warnings[0] ?? "", /expired on/);
    t.regex(warnings[1] ?? "", /everybody/);
  });
});

const encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
const damaged = leaf.cert.replace(/\n[^-]{40}/, "\n");

for (const [title, files, message] of [
  ["another certificate's key", { cert: leaf.cert, key: other.key }, /key: the key does not belong to the certificate in .*cert/],
  ["the issuer before the leaf", { cert: authority.cert + leaf.cert, key: leaf.key }, /belongs to certificate 2/],
  [
    "a stranger in the chain",
    { cert: leaf.cert + selfSigned(["x.example"]).cert, key: leaf.key },
    /cert: certificate 2 \(CN=x.example\) did not issue/,
  ],
  ["no certificate file", { key: leaf.key }, /cert: there is no such file/],
  ["a certificate file without one", { cert: "hello", key: leaf.key }, /cert: there is no PEM certificate/],
  ["a damaged certificate", { cert: damaged, key: leaf.key }, /cert: certificate 1 in it is damaged/],
  ["an encrypted key", { cert: leaf.cert, key: encrypted }, /key: the key is encrypted: /],
  ["a key file without one", { cert: leaf.cert, key: leaf.cert }, /key: there is no PEM private key/],
  ["a damaged key", { cert: leaf.cert, key: leaf.key.replace(/\n.{20}/, "\n") }, /key: the private key in it is damaged/],
] as const) {
  test(`load: ${title} is refused with file and cure, without key bytes`, async (t) => {
    const error = await t.throwsAsync(load(files), { name: "CertificateError", message });
    const secret = leaf.key.split("\n")[1] ?? "";
    t.false(error?.message.includes(secret.slice(0, 20)));
  });
}
