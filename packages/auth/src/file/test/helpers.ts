// For the tests of the password file: a file in a temporary folder, a log that remembers, a clock that is moved by hand.

import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import type { PasswordFileContext } from "../password-file.ts";

/** Of the word "password": cheap, and from the reference implementation's own tests (salt "somesalt"). */
export const PASSWORD = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
/** Of the word "pencil": RFC 7677 section 3 and RFC 5802 section 5. */
export const PENCIL_SHA256 =
  "4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
export const PENCIL_SHA1 = "4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE=";

export interface World extends PasswordFileContext {
  /** The path of the password file. */
  readonly path: string;
  /** The messages of the log, as LEVEL: MESSAGE REASON. */
  readonly said: readonly string[];
  /** Writes the file, as if `secondsAgo`, and moves the clock past the next look. */
  readonly write: (text: string | Buffer, secondsAgo?: number) => Promise<void>;
  readonly pass: (ms: number) => void;
}

/** A folder with a password file, removed after the test. */
export async function world(t: ExecutionContext, text: string | Buffer): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "postern-passwords-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, "users");
  await writeFile(path, text, { mode: 0o600 });
  const said: string[] = [];
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      said.push(`${level}: ${[message, fields["reason"], fields["columns"]].flat().filter(Boolean).join(" ")}`);
    };
  let passed = 0;
  const now = (): number => Date.now() + passed;
  const pass = (ms: number): void => {
    passed += ms;
  };
  return {
    path,
    said,
    pass,
    defaultDomain: "example.com",
    logger: { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug"), isDebug: () => false },
    clock: { now, after: () => ({ cancel() {} }) },
    async write(changed, secondsAgo = 60) {
      await writeFile(path, changed);
      pass(1001);
      const changedAt = now() / 1000 - secondsAgo;
      await utimes(path, changedAt, changedAt);
    },
  };
}
