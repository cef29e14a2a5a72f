// Configuration file and flags in, one frozen and checked object out, or every problem at once. Never throws for what
// file and flags say.

import { isUtf8 } from "node:buffer";
import { dirname, resolve } from "node:path";
import type { Config, Parts } from "./config.ts";
import type { Draft } from "./draft.ts";
import { Files, readSmall } from "./files.ts";
import { finish } from "./finish.ts";
import { flagTree } from "./flags.ts";
import type { Flags } from "./flags.ts";
import { overlay } from "./overlay.ts";
import { problemLines, problemText } from "./place.ts";
import type { Problem } from "./place.ts";
import { rootSettings } from "./root.ts";
import { judge } from "./rules.ts";
import { mapTree } from "./tree.ts";
import { placeOf, walk } from "./walk.ts";
import { MAX_YAML_LENGTH, yamlTree } from "./yaml.ts";
import type { YamlResult } from "./yaml.ts";

export interface LoadOptions<P extends Parts> {
  /** Path of the configuration file. Without file and text only the flags count. */
  readonly file?: string | undefined;
  /** The file's text, when it was read already; `file` then only names it and its folder. */
  readonly text?: string | undefined;
  readonly flags?: Flags | undefined;
  readonly parts: P;
}

/** Lines of text: "postern.yaml:14:9: backends.mbx1.imap: unknown scheme …", "--backend: …". */
export type LoadResult<P extends Parts> =
  | {
      readonly config: Config<P>;
      readonly warnings: readonly string[];
      /** The line that tells a problem which was found later, at the place of a path such as "tls.certificates[0]". */
      readonly at: (path: string, sentence: string) => string;
    }
  | { readonly problems: readonly string[] };

/** Reads, lays the flags over the file (flags win), checks everything, and freezes it. */
export function loadConfig<P extends Parts>({ file, text, flags = {}, parts }: LoadOptions<P>): LoadResult<P> {
  const name = file ?? "postern.yaml";
  const given = flagTree(flags, parts.protocols);
  const fromFile = readTree(file, text, name);
  if (fromFile.tree === undefined) return { problems: problemLines([...given.problems, ...fromFile.problems]) };
  const tree = overlay(fromFile.tree, given.tree);
  const walked = walk(rootSettings(parts), tree, dirname(resolve(name)));
  // The walk has made the values by the root table, and Draft says what the root table says.
  const draft = walked.values as unknown as Draft;
  const files = new Files();
  const judged = judge(draft, walked, parts, files);
  const problems = withoutEchoes([...given.problems, ...fromFile.problems, ...walked.problems], judged.problems);
  if (problems.length > 0) return { problems: problemLines(problems) };
  return {
    config: finish(draft, walked.values, parts, files),
    warnings: problemLines(judged.warnings),
    at: (path, sentence) => problemText({ place: placeOf(walked.places, path), path, sentence }),
  };
}

function readTree(file: string | undefined, text: string | undefined, name: string): YamlResult {
  if (text !== undefined) return yamlTree(text, name);
  if (file === undefined) return { tree: mapTree({ kind: "command line" }, []), problems: [] };
  const read = readSmall(file, MAX_YAML_LENGTH);
  const refuse = (sentence: string): YamlResult => {
    return { tree: undefined, problems: [{ place: { kind: "file", file: name, line: 1, column: 1 }, path: "file", sentence }] };
  };
  if ("problem" in read) return refuse(read.problem);
  const decoded = utf8(read.bytes);
  return decoded === undefined ? refuse("is not UTF-8 text; save it as UTF-8") : yamlTree(decoded, name);
}

function utf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

/** A rule that complains of what was refused above already, at the same place, says nothing new. */
function withoutEchoes(first: readonly Problem[], judged: readonly Problem[]): readonly Problem[] {
  const key = ({ place, path }: Problem): string => (place.kind === "flag" ? place.flag : `${JSON.stringify(place)} ${path}`);
  const told = new Set(first.map(key));
  return [...first, ...judged.filter((problem) => !told.has(key(problem)))];
}
