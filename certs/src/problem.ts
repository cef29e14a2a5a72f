// The one error of this package: its message names the file and the cure, and never holds a secret.

/** A certificate, key or PFX file that cannot be used. The message is one sentence for people. */
export class CertificateError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CertificateError";
  }
}

/** The words of any thrown value. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of a system error ("ENOENT"); "" for anything else. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
