// A secret in a file: its first line, read when it is needed and read again when the file has changed. Never logged, never
// in an error. Throws, when it is made, Error "KEY: sentence"; later Failure verifier-down, because nobody's password is
// wrong when the gateway's own cannot be read.

import { readFileSync, statSync, type Stats } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { Failure, Secret } from "@postern/contracts";

const MAX_BYTES = 64 * 1024;

export class SecretFile {
  readonly #key: string;
  readonly #path: string;
  #secret: Secret;
  /** What the file looked like when it was read. */
  #mark: string;

  /** `key`: the setting that names the file, for errors. */
  constructor(key: string, path: string) {
    this.#key = key;
    this.#path = path;
    try {
      const facts = statSync(path);
      checkSize(facts);
      this.#secret = firstLine(readFileSync(path));
      this.#mark = markOf(facts);
    } catch (error) {
      throw new Error(this.#sentence(error), { cause: error });
    }
  }

  /** A copy, the caller's to wipe. Failure: verifier-down. */
  async read(): Promise<Secret> {
    try {
      const facts = await stat(this.#path);
      if (markOf(facts) !== this.#mark) await this.#readAgain(facts);
    } catch (error) {
      throw new Failure("verifier-down", this.#sentence(error), { cause: error });
    }
    return new Secret(Buffer.from(this.#secret.reveal()));
  }

  /** Forgets the secret. A session of the configuration before may still need it: then it is read again. */
  close(): void {
    this.#secret.wipe();
    this.#mark = "";
  }

  async #readAgain(facts: Stats): Promise<void> {
    checkSize(facts);
    const fresh = firstLine(await readFile(this.#path));
    this.#secret.wipe();
    this.#secret = fresh;
    this.#mark = markOf(facts);
  }

  #sentence(error: unknown): string {
    const reason = error instanceof Error ? error.message : String(error);
    return `${this.#key}: cannot use ${this.#path}: ${reason}; give a file whose first line is the secret`;
  }
}

const markOf = ({ ino, size, mtimeMs, ctimeMs }: Stats): string => `${ino} ${size} ${mtimeMs} ${ctimeMs}`;

function checkSize(facts: Stats): void {
  if (!facts.isFile()) throw new Error("it is not a regular file");
  if (facts.size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
}

const LF = 10;
const CR = 13;

/** The first line without its end, as a buffer of its own; the bytes that were read are wiped. */
function firstLine(bytes: Buffer): Secret {
  const lf = bytes.indexOf(LF);
  const end = lf === -1 ? bytes.length : lf;
  const line = Buffer.from(bytes.subarray(0, bytes[end - 1] === CR ? end - 1 : end));
  bytes.fill(0);
  if (line.length === 0) throw new Error("its first line is empty");
  if (line.includes(0)) throw new Error("its first line holds a NUL");
  return new Secret(line);
}
