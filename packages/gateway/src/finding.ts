// What is found wrong with a configuration behind its loading, at a place in it.

export interface Finding {
  readonly kind: "problem" | "warning";
  readonly path: string;
  readonly sentence: string;
}

export const problem = (path: string, sentence: string): Finding => ({ kind: "problem", path, sentence });

/** An Error that says "KEY: sentence" is told at that key. */
export function findingOf(path: string, error: unknown): Finding {
  const reason = error instanceof Error ? error.message : String(error);
  const [, key, sentence] = /^([\w[\].]+): (.*)$/s.exec(reason) ?? [];
  return key === undefined ? problem(path, reason) : problem(`${path}.${key}`, sentence ?? "");
}
