// The thread in which passwords are checked against slow hashes (hash-pool.ts starts it). Wipes each password after its
// check. What goes wrong is answered, never thrown.

import { parentPort } from "node:worker_threads";
import { matches } from "./schemes.ts";

export interface HashQuestion {
  readonly hash: string;
  /** Moved here, not copied. */
  readonly password: ArrayBuffer;
}

export type HashAnswer = { readonly matches: boolean } | { readonly problem: string };

function answer({ hash, password }: HashQuestion): HashAnswer {
  const bytes = Buffer.from(password);
  try {
    return { matches: matches(hash, bytes) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  } finally {
    bytes.fill(0);
  }
}

parentPort?.on("message", (question: HashQuestion) => parentPort?.postMessage(answer(question), []));
