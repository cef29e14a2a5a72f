import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { ExecutionContext } from "ava";
import { certDev, certImport, certSelfSigned, certShow, createAuthority, issue, loadCertificate, selfSigned } from "./index.ts";

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), "certs-"));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

function recorder() {
  const said: string[] = [];
  const complaints: string[] = [];
  return {
    said,
    complaints,
    say: (line: string) => void said.push(line),
    complain: (line: string) => void complaints.push(line),
  };
}

const mode = (file: string): number => statSync(file).mode & 0o777;

test("cert dev: writes an authority and a server certificate that gateways can load, keys for the owner only", async (t) => {
  const out = join(folder(t), "new");
  const output = recorder();
  t.is(await certDev({ out, names: ["mail.example.com", "127.0.0.1"] }, output), 0);
  t.deepEqual(readdirSync(out).sort(), ["ca.key", "ca.pem", "server.key", "server.pem"]);
  t.deepEqual([mode(join(out, "ca.key")), mode(join(out, "server.key"))], [0o600, 0o600]);
  const loaded = await loadCertificate({ cert: join(out, "server.pem"), key: join(out, "server.key") });
  t.deepEqual(loaded.names, ["mail.example.com", "127.0.0.1"]);
  t.notRegex(output.said.join("\n"), /PRIVATE KEY/);
});

test("cert dev: uses the authority that is there, and keeps and tells of what it replaces", async (t) => {
  const out = folder(t);
  await certDev({ out, names: ["a.example"] }, recorder());
  const authority = readFileSync(join(out, "ca.pem"), "utf8");
  const before = readFileSync(join(out, "server.key"), "utf8");
  const output = recorder();
  t.is(await certDev({ out, names: ["b.example"] }, output), 0);
  t.is(readFileSync(join(out, "ca.pem"), "utf8"), authority);
  t.is(readFileSync(join(out, "server.key.old"), "utf8"), before);
  t.is(mode(join(out, "server.key.old")), 0o600);
  t.regex(output.said.join("\n"), /server\.key \(the one before is .*server\.key\.old\)/);
  t.true(new X509Certificate(readFileSync(join(out, "server.pem"))).checkIssued(new X509Certificate(authority)));
});

test("cert dev: half an authority and a bad name are refused", async (t) => {
  const out = folder(t);
  const output = recorder();
  t.is(await certDev({ out, names: ["not a name"] }, output), 1);
  rmSync(join(out, "ca.key"));
  t.is(await certDev({ out, names: ["a.example"] }, output), 1);
  t.regex(output.complaints.join("\n"), /not a name[^]*only one of ca\.pem and ca\.key/);
});

test("cert self-signed: writes a certificate that vouches for itself, and refuses to make one for nobody", async (t) => {
  const out = folder(t);
  t.is(await certSelfSigned({ out, names: ["mail.example.com"] }, recorder()), 0);
  const loaded = await loadCertificate({ cert: join(out, "self-signed.pem"), key: join(out, "self-signed.key") });
  t.deepEqual(loaded.names, ["mail.example.com"]);
  t.is(mode(join(out, "self-signed.key")), 0o600);
  const output = recorder();
  t.is(await certSelfSigned({ out, names: [] }, output), 1);
  t.regex(output.complaints.join(), /give at least one/);
});

test("cert show: tells names, dates, key and order, as text and as JSON", async (t) => {
  const file = join(folder(t), "chain.pem");
  const authority = createAuthority("CA");
  const leaf = issue(authority, { names: ["mail.example.com"] });
  writeFileSync(file, leaf.cert + authority.cert + leaf.key);
  const output = recorder();
  t.is(await certShow({ file }, output), 0);
  const text = output.said.join("\n");
  for (const part of [
    /Certificate 1: CN=mail/,
    /issued by {4}CN=CA/,
    /396 days left/,
    /EC P-256/,
    /issued by {4}itself/,
    /key fits/,
  ])
    t.regex(text, part);
  t.notRegex(text, /PRIVATE/);
  const json = recorder();
  t.is(await certShow({ file, json: true }, json), 0);
  const facts = JSON.parse(json.said.join("")) as { certificates: { names: string[] }[]; keyFits: boolean; problems: string[] };
  t.deepEqual([facts.certificates[0]?.names, facts.keyFits, facts.problems], [["mail.example.com"], true, []]);
});

test("cert show: a chain out of order, an end that is past and a strange key are problems", async (t) => {
  const file = join(folder(t), "chain.pem");
  const old = issue(createAuthority("CA"), { names: ["old.example"], days: 1 / 48 });
  writeFileSync(file, old.cert + selfSigned(["x.example"]).cert + selfSigned(["y.example"]).key);
  const output = recorder();
  t.is(await certShow({ file }, output), 1);
  t.regex(
    output.said.join("\n"),
    /Problem: certificate 2 [^]*did not issue[^]*Problem: certificate 1 [^]*expired[^]*Problem: the key does not/,
  );
});

test("cert show and import: PFX files are opened with the passphrase file, and written as two PEM files", async (t) => {
  const out = folder(t);
  const at = (name: string): string => join(out, name);
  const leaf = selfSigned(["mail.example.com"]);
  writeFileSync(at("in.pem"), leaf.cert + leaf.key);
  writeFileSync(at("pass"), "secret words\n", { mode: 0o600 });
  execFileSync("openssl", ["pkcs12", "-export", "-in", at("in.pem"), "-out", at("mail.pfx"), "-passout", `file:${at("pass")}`]);
  const options = { pfx: at("mail.pfx"), passphraseFile: at("pass") };
  const output = recorder();
  t.is(await certShow({ file: options.pfx, passphraseFile: options.passphraseFile }, output), 0);
  t.is(await certImport({ ...options, out }, output), 0);
  t.deepEqual([mode(at("mail.key")), mode(at("mail.pem"))], [0o600, 0o644]);
  t.is((await loadCertificate({ cert: at("mail.pem"), key: at("mail.key") })).names[0], "mail.example.com");
  writeFileSync(at("pass"), "other words");
  t.is(await certImport({ ...options, out }, output), 1);
  t.is(await certShow({ file: options.pfx }, output), 1);
  t.is(await certShow({ file: at("nothing.pem") }, output), 1);
  t.regex(
    output.complaints.join("\n"),
    /mail\.pfx: the passphrase is wrong[^]*mail\.pfx: the passphrase is wrong[^]*nothing\.pem: there is no such file/,
  );
  t.notRegex([...output.said, ...output.complaints].join("\n"), /secret words|other words|PRIVATE/);
});
