// Pieces of Markdown for generated pages. Never throws.

/** As it is. */
export const code = (text: string): string => `\`${text}\``;
export const yes = (is: boolean): string => (is ? "yes" : "");

/** `head` and `rows`, cell by cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
