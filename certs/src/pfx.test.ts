import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { createAuthority, issue, loadCertificate, readPfx } from "./index.ts";

const PASSPHRASE = "correct horse";
const ROOT = createAuthority("Root");
const LEAVES = {
  ec: issue(ROOT, { names: ["mail.example.com"] }),
  rsa: issue(ROOT, { names: ["mail.example.com"], keyType: "rsa" }),
};

function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "pfx-"));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What `openssl pkcs12 -export` makes of these. */
function pfx(parts: { cert?: string; key?: string; chain?: string }, passphrase: string, ...options: string[]): Buffer {
  return inFolder((folder) => {
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const args = [
      "pkcs12",
      "-export",
      "-out",
      join(folder, "out"),
      "-passout",
      `file:${file("pass", `${passphrase}\n`)}`,
      ...options,
    ];
    if (parts.cert !== undefined) args.push("-in", file("cert", parts.cert));
    if (parts.chain !== undefined) args.push("-certfile", file("chain", parts.chain));
    args.push(...(parts.key === undefined ? ["-nokeys"] : ["-inkey", file("key", parts.key)]));
    execFileSync("openssl", args, { stdio: "pipe" });
    return readFileSync(join(folder, "out"));
  });
}

const ENCRYPTIONS: Readonly<Record<string, readonly string[]>> = {
  "AES-256 with PBES2": [],
  "3DES and RC2, as older exports have it": ["-legacy"],
  "3DES for all": ["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
  "a key in clear": ["-keypbe", "NONE"],
  "nothing encrypted": ["-keypbe", "NONE", "-certpbe", "NONE"],
  "no checksum": ["-nomac"],
};

for (const keyType of ["ec", "rsa"] as const) {
  for (const [title, options] of Object.entries(ENCRYPTIONS)) {
    test(`pfx: opens a file with ${title} and an ${keyType.toUpperCase()} key, byte for byte`, (t) => {
      const leaf = LEAVES[keyType];
      const { cert, key, ca } = readPfx(pfx({ ...leaf, chain: ROOT.cert }, PASSPHRASE, ...options), PASSPHRASE);
      t.is(new X509Certificate(cert).fingerprint256, new X509Certificate(leaf.cert).fingerprint256);
      t.true(createPrivateKey(key).equals(createPrivateKey(leaf.key)));
      t.deepEqual(
        ca.map((text) => new X509Certificate(text).fingerprint256),
        [new X509Certificate(ROOT.cert).fingerprint256],
      );
    });
  }
}

for (const passphrase of ["", "pässwörd €", "x".repeat(200)]) {
  test(`pfx: takes the passphrase ${JSON.stringify(passphrase.slice(0, 20))}`, (t) => {
    for (const options of [[], ["-legacy"]]) t.notThrows(() => readPfx(pfx(LEAVES.ec, passphrase, ...options), passphrase));
    t.throws(() => readPfx(pfx(LEAVES.ec, passphrase), `${passphrase}ü`), { message: /passphrase is wrong/ });
  });
}

test("pfx: the wrong passphrase is told, and not shown", (t) => {
  for (const options of Object.values(ENCRYPTIONS).filter((list) => !list.includes("NONE"))) {
    const error = t.throws(() => readPfx(pfx(LEAVES.ec, PASSPHRASE, ...options), "hunter2"), {
      name: "CertificateError",
      message: /passphrase is wrong/,
    });
    t.false(JSON.stringify(error).includes("hunter2"));
  }
});

test("pfx: of a file without a checksum a wrong passphrase is told, whatever it makes of the bytes", (t) => {
  const file = pfx(LEAVES.ec, PASSPHRASE, "-iter", "1", "-nomac");
  // One of 256 ends in a padding that is right by chance.
  for (let wrong = 0; wrong < 2000; wrong += 1)
    t.throws(() => readPfx(file, `wrong ${wrong}`), { name: "CertificateError", message: /passphrase is wrong/ });
});

test("pfx: puts the chain in order, whatever the order of the file", (t) => {
  const folderChain = chainOfThree();
  const { cert, ca } = readPfx(pfx({ ...folderChain.leaf, chain: ROOT.cert + folderChain.middle }, PASSPHRASE), PASSPHRASE);
  const subjects = (cert.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/g) ?? []).map(
    (text) => new X509Certificate(text).subject,
  );
  t.deepEqual(subjects, ["CN=leaf.example.com", "CN=Middle"]);
  t.is(ca.length, 1);
});

/** Root, an intermediate and a leaf below it, by openssl: our own authority issues leaves only. */
function chainOfThree(): { middle: string; leaf: { cert: string; key: string } } {
  return inFolder((folder) => {
    const file = (name: string): string => join(folder, name);
    const openssl = (...args: string[]): unknown => execFileSync("openssl", args, { stdio: "pipe", cwd: folder });
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Top", "-keyout", "top.key", "-out", "top.pem");
    writeFileSync(file("ext"), "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n");
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Middle", "-keyout", "mid.key", "-out", "mid.csr");
    openssl("x509", "-req", "-in", "mid.csr", "-CA", "top.pem", "-CAkey", "top.key", "-extfile", "ext", "-out", "mid.pem");
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=leaf.example.com", "-keyout", "leaf.key", "-out", "leaf.csr");
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "mid.pem", "-CAkey", "mid.key", "-out", "leaf.pem");
    const read = (name: string): string => readFileSync(file(name), "utf8");
    return { middle: read("mid.pem"), leaf: { cert: read("leaf.pem"), key: read("leaf.key") } };
  });
}

for (const [title, make, message] of [
  ["a file without a key", () => pfx({ cert: LEAVES.ec.cert }, PASSPHRASE), /no private key: export the certificate together/],
  ["a PEM file", () => Buffer.from(LEAVES.ec.cert), /not a PFX file/],
  ["an empty file", () => Buffer.alloc(0), /not a PFX file/],
  ["a huge file", () => Buffer.alloc(2 * 1024 * 1024), /larger than 1 MB/],
  ["half a file", () => pfx(LEAVES.rsa, PASSPHRASE).subarray(0, 700), /not a PFX file/],
  ["another DER file", () => new X509Certificate(LEAVES.rsa.cert).raw, /cannot be read as a PFX file/],
] as const) {
  test(`pfx: ${title} is refused with a reason`, (t) => {
    t.throws(() => readPfx(make(), PASSPHRASE), { name: "CertificateError", message });
  });
}

test("pfx: a file whose bytes are flipped is refused, or read as it was, never read as something else", (t) => {
  const good = pfx(LEAVES.ec, PASSPHRASE);
  const fingerprint = new X509Certificate(LEAVES.ec.cert).fingerprint256;
  for (let at = 0; at < good.length; at += 37) {
    const bad = Buffer.from(good);
    bad.writeUInt8(bad.readUInt8(at) ^ 0x55, at);
    try {
      t.is(new X509Certificate(readPfx(bad, PASSPHRASE).cert).fingerprint256, fingerprint);
    } catch (error) {
      t.is(error instanceof Error ? error.name : error, "CertificateError", `byte ${at}`);
    }
  }
});

test("load: takes a PFX file with its passphrase file, and names it in errors", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pfx-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "mail.pfx");
  const passphraseFile = join(folder, "mail.pass");
  writeFileSync(file, pfx({ ...LEAVES.ec, chain: ROOT.cert }, PASSPHRASE));
  writeFileSync(passphraseFile, `${PASSPHRASE}\n`, { mode: 0o600 });
  const loaded = await loadCertificate({ pfx: file, passphraseFile });
  t.deepEqual([loaded.names, loaded.warnings], [["mail.example.com"], []]);
  await t.throwsAsync(loadCertificate({ pfx: file }), {
    message: `Cannot use ${file}: the passphrase is wrong: check the passphrase file`,
  });
});
