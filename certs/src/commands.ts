// What `postern cert dev|self-signed|show|import` does. Tells what it did on standard output and what went wrong on standard error.
// Keys are written with mode 0600; a file that is there already is kept as FILE.old, and that is said. Never prints a
// key or passphrase. Returns exit codes: 0 done, 1 refused.

import { createPrivateKey } from "node:crypto";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { createAuthority, issue, selfSigned } from "./authority.ts";
import type { CertificateAndKey } from "./authority.ts";
import { inspectCertificate } from "./inspect.ts";
import type { Inspection } from "./inspect.ts";
import { loadCertificate, readPassphrase } from "./load.ts";
import { readPfx } from "./pfx.ts";
import { CertificateError, codeOf, reasonOf } from "./problem.ts";

/** Where the lines go; tests give their own. */
export interface Output {
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
}

const STANDARD: Output = {
  say: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
};

/** A development authority (kept and used again when `out` has one) and a server certificate for `names`. */
export async function certDev(options: { out: string; names: readonly string[] }, output: Output = STANDARD): Promise<number> {
  return reporting(output, async () => {
    const { out, names } = options;
    await mkdir(out, { recursive: true });
    const authority = (await existingAuthority(out)) ?? (await newAuthority(out, output));
    const made = issue(authority, { names });
    await writePair(out, "server", made, output);
    output.say(`It is for ${names.join(", ")}. Clients that trust ${join(out, "ca.pem")} accept it. Development only.`);
  });
}

/** A certificate that signs itself: self-signed.pem and self-signed.key in the folder `out`. */
export async function certSelfSigned(
  options: { out: string; names: readonly string[] },
  output: Output = STANDARD,
): Promise<number> {
  return reporting(output, async () => {
    const { out, names } = options;
    const made = selfSigned(names);
    await mkdir(out, { recursive: true });
    await writePair(out, "self-signed", made, output);
    output.say(`It is for ${names.join(", ")}. Clients must be told to trust it.`);
  });
}

/** What is in a PEM or PFX file, for people or as JSON; exit code 1 when a TLS client would stumble over it. */
export async function certShow(
  options: { file: string; passphraseFile?: string | undefined; json?: boolean | undefined },
  output: Output = STANDARD,
): Promise<number> {
  return reporting(output, async () => {
    const inspection = await inspectFile(options.file, options.passphraseFile);
    const problems = [...inspection.orderProblems, ...inspection.dateProblems];
    if (inspection.keyFits === false) problems.push("the key does not belong to the first certificate");
    if (options.json === true) output.say(JSON.stringify({ ...inspection, problems }, null, 2));
    else for (const line of [...describe(inspection), ...problems.map((problem) => `Problem: ${problem}`)]) output.say(line);
    return problems.length === 0 ? 0 : 1;
  });
}

/** Writes NAME.pem (the chain) and NAME.key of a PFX file into the folder `out`, after the checks that `serve` makes. */
export async function certImport(
  options: { pfx: string; passphraseFile?: string | undefined; out: string },
  output: Output = STANDARD,
): Promise<number> {
  return reporting(output, async () => {
    const { pfx, passphraseFile, out } = options;
    const loaded = await loadCertificate({ pfx, passphraseFile });
    await mkdir(out, { recursive: true });
    await writePair(out, basename(pfx, extname(pfx)), loaded, output);
    for (const warning of loaded.warnings) output.complain(`Warning: ${warning}`);
    output.say(`It is for ${loaded.names.join(", ")}, until ${loaded.notAfter.toISOString()}.`);
  });
}

// Only expected problems are told in a sentence; anything else is a defect and shows its stack.
async function reporting(output: Output, task: () => Promise<number | void>): Promise<number> {
  try {
    return (await task()) ?? 0;
  } catch (error) {
    if (!(error instanceof CertificateError) && codeOf(error) === "") throw error;
    output.complain(reasonOf(error));
    return 1;
  }
}

async function existingAuthority(out: string): Promise<CertificateAndKey | undefined> {
  const [cert, key] = await Promise.all([readIfThere(join(out, "ca.pem")), readIfThere(join(out, "ca.key"))]);
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new CertificateError(`${out} has only one of ca.pem and ca.key: bring the other back, or move it away`);
  return { cert, key };
}

async function newAuthority(out: string, output: Output): Promise<CertificateAndKey> {
  const authority = createAuthority(`Postern development authority ${new Date().toISOString().slice(0, 10)}`);
  await writePair(out, "ca", authority, output);
  return authority;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function writePair(out: string, name: string, pair: CertificateAndKey, output: Output): Promise<void> {
  await write(join(out, `${name}.pem`), pair.cert, 0o644, output);
  await write(join(out, `${name}.key`), pair.key, 0o600, output);
}

// The new file takes the old one's place in one step: a gateway that reads meanwhile sees one or the other.
async function write(file: string, text: string, mode: number, output: Output): Promise<void> {
  const old = await readIfThere(file);
  if (old !== undefined) {
    await writeFile(`${file}.old`, old, { mode });
    await chmod(`${file}.old`, mode);
  }
  await writeFile(`${file}.new`, text, { mode, flag: "wx" });
  await rename(`${file}.new`, file);
  output.say(`Wrote ${file}${old === undefined ? "" : ` (the one before is ${file}.old)`}`);
}

async function inspectFile(file: string, passphraseFile: string | undefined): Promise<Inspection> {
  try {
    const bytes = await readFile(file);
    const text = bytes.toString("utf8");
    if (text.includes("-----BEGIN")) return inspectCertificate(text, text.includes("PRIVATE KEY-----") ? keyIn(text) : undefined);
    const { cert, key, ca } = readPfx(bytes, await readPassphrase(passphraseFile));
    const roots = ca.filter((other) => inspectCertificate(cert + other).orderProblems.length === 0);
    return inspectCertificate(cert + roots.join(""), createPrivateKey(key));
  } catch (error) {
    throw new CertificateError(
      `Cannot show ${file}: ${codeOf(error) === "ENOENT" ? "there is no such file" : reasonOf(error)}`,
      error,
    );
  }
}

function keyIn(text: string): ReturnType<typeof createPrivateKey> | undefined {
  // A passphrase would be needed; what is public can be shown without the key.
  return text.includes("ENCRYPTED") ? undefined : createPrivateKey(text);
}

function describe({ certificates, keyFits }: Inspection): string[] {
  const chain = certificates.flatMap((facts, index) => [
    `Certificate ${index + 1}: ${facts.subject}`,
    `  issued by    ${facts.selfSigned ? "itself" : facts.issuer}`,
    `  names        ${facts.names.join(", ")}`,
    `  valid        ${facts.notBefore.toISOString()} to ${facts.notAfter.toISOString()} (${facts.daysLeft} days left)`,
    `  key          ${facts.keyType}`,
    `  fingerprint  ${facts.fingerprint}`,
  ]);
  return keyFits === undefined ? chain : [...chain, `The private key ${keyFits ? "fits" : "does not fit"}`];
}
