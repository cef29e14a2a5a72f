// Which modules a TypeScript file names: static and dynamic imports, re-exports, type imports. By pattern, on formatted
// source (a statement begins its line); code inside a template string counts too, which errs on the strict side.

const PATTERNS = [
  /^\s*(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/gm,
  /^\s*import\s*["']([^"']+)["']/gm,
  /\b(?:import|require)\(\s*["']([^"']+)["']/g,
];

/** The specifiers of a file's text, each once. */
export function importsOf(text: string): string[] {
  const found = PATTERNS.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]!));
  return [...new Set(found)];
}
