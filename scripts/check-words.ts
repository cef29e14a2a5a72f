// The lower layers know no protocol: no source of contracts, net or core may name one, not even in a comment. Tests may.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { filesOf } from "./lib/workspace.ts";

const LAYERS = ["contracts", "net", "core"];
const WORDS = /imap|pop3|smtp|lmtp|https?|managesieve|\b(?:sip|sieve|rpc)s?\b/i;

/** Every line that names a protocol, with its place; empty when none does. */
export async function checkWords(root: string): Promise<string[]> {
  const files = (await filesOf(root, `packages/{${LAYERS.join(",")}}/src/**/*.ts`)).filter((file) => !file.endsWith(".test.ts"));
  const found = await Promise.all(
    files.map(async (file) => {
      const lines = (await readFile(join(root, file), "utf8")).split("\n");
      return lines.flatMap((line, index) => {
        const word = WORDS.exec(line)?.[0];
        return word === undefined ? [] : [`${file}:${index + 1}: says "${word}", a protocol's word`];
      });
    }),
  );
  return found.flat();
}
