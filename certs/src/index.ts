// Certificates: a development authority, self-signed ones, PFX import, inspection, loading. Knows no other package.

export { createAuthority, issue, selfSigned } from "./authority.ts";
export type { CertificateAndKey, IssueOptions } from "./authority.ts";
export { KEY_TYPES } from "./build.ts";
export type { KeyType } from "./build.ts";
export { certDev, certImport, certSelfSigned, certShow } from "./commands.ts";
export type { Output } from "./commands.ts";
export { inspectCertificate, parseCertificates } from "./inspect.ts";
export type { CertificateFacts, Inspection } from "./inspect.ts";
export { loadCertificate, readPassphrase } from "./load.ts";
export type { CertificateSource, LoadedCertificate } from "./load.ts";
export { certificateNames } from "./names.ts";
export { readPfx } from "./pfx.ts";
export type { PfxContents } from "./pfx.ts";
export { CertificateError } from "./problem.ts";
