// Reads YAML 1.2 text into a tree with places. Refuses, with a sentence, whatever makes a configuration hard to read or
// dangerous to load: several documents, anchors and aliases, tags, merge keys, keys given twice, huge or deep files.
// Never throws for what the text says.

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Node, Scalar, YAMLError, YAMLMap } from "yaml";
import { itemPath, keyPath } from "./place.ts";
import type { Place, Problem } from "./place.ts";
import { listTree, scalarTree } from "./tree.ts";
import type { MapEntry, MapTree, Tree } from "./tree.ts";

/** The longest text that is read, in characters. */
export const MAX_YAML_LENGTH = 4 * 1024 * 1024;
const MAX_DEPTH = 20;
const MOST_ERRORS = 20;
const NO_ANCHORS = "anchors and aliases (& and *) are not read here; write the value out, or quote it";
const NO_TAGS = "tags (!) are not read here; leave the tag out, or quote the value";

export interface YamlResult {
  /** undefined when the text cannot be read as one document. */
  readonly tree: Tree | undefined;
  readonly problems: readonly Problem[];
}

/** `file` is the name that places carry. An empty text is an empty map. */
export function yamlTree(text: string, file: string): YamlResult {
  const start: Place = { kind: "file", file, line: 1, column: 1 };
  if (text.length > MAX_YAML_LENGTH) {
    const sentence = "the file is larger than 4 MB; keep large tables in a route source outside";
    return { tree: undefined, problems: [{ place: start, path: "yaml", sentence }] };
  }
  const lines = new LineCounter();
  const reader = new Reader(file, lines);
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false, logLevel: "error" });
  reader.syntax(document);
  if (reader.problems.length > 0) return { tree: undefined, problems: reader.problems };
  if (document.contents === null) return { tree: { kind: "map", place: start, entries: new Map() }, problems: [] };
  return { tree: reader.tree(document.contents, "", 0), problems: reader.problems };
}

class Reader {
  readonly problems: Problem[] = [];
  readonly #file: string;
  readonly #lines: LineCounter;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { kind: "file", file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #refuse(place: Place, path: string, sentence: string): void {
    this.problems.push({ place, path, sentence });
  }

  syntax(document: Document): void {
    for (const error of document.errors.slice(0, MOST_ERRORS)) {
      this.#refuse(this.#place(error.pos[0]), "yaml", syntaxSentence(error));
    }
    if (document.directives?.yaml.explicit === true || Object.keys(document.directives?.tags ?? {}).length > 1)
      this.#refuse(this.#place(0), "yaml", "directives (%) are not read here; the file is YAML 1.2");
  }

  /** The node as a tree; what is refused becomes null, so that the walk can go on. */
  tree(node: Node, path: string, depth: number): Tree {
    const place = this.#place(node.range?.[0] ?? 0);
    if (isAlias(node) || node.anchor !== undefined) this.#refuse(place, path || "yaml", NO_ANCHORS);
    if (node.tag !== undefined) this.#refuse(place, path || "yaml", NO_TAGS);
    if (depth > MAX_DEPTH) this.#refuse(place, path || "yaml", `nested deeper than ${MAX_DEPTH} levels`);
    if (depth > MAX_DEPTH || isAlias(node)) return scalarTree(place, null);
    if (isMap(node)) return this.#map(node, place, path, depth);
    if (isSeq<Node>(node)) {
      return listTree(
        place,
        node.items.map((item, index) => this.tree(item, itemPath(path, index), depth + 1)),
      );
    }
    return scalarTree(place, isScalar(node) ? scalarValue(node) : null);
  }

  #map(node: YAMLMap, place: Place, path: string, depth: number): MapTree {
    const entries = new Map<string, MapEntry>();
    for (const pair of node.items) {
      // parseDocument makes nodes of all keys and values; a value is null only where nothing was written.
      const keyNode = pair.key as Node;
      const keyPlace = this.#place(keyNode.range?.[0] ?? 0);
      const key = isScalar(keyNode) ? keyText(keyNode) : undefined;
      const refusal = keyRefusal(keyNode, key, entries);
      if (refusal !== undefined || key === undefined) {
        this.#refuse(keyPlace, path || "yaml", refusal ?? "a key must be plain text");
        continue;
      }
      const value = pair.value as Node | null;
      const tree = value === null ? scalarTree(keyPlace, null) : this.tree(value, keyPath(path, key), depth + 1);
      entries.set(key, { place: keyPlace, tree });
    }
    return { kind: "map", place, entries };
  }
}

function syntaxSentence(error: YAMLError): string {
  if (error.code === "MULTIPLE_DOCS") return "only one document is read; take out the line ---";
  if (error.code === "RESOURCE_EXHAUSTION") return "nested too deeply";
  if (error.code === "TAB_AS_INDENT") return "a tab cannot indent; use spaces";
  return error.message;
}

function keyRefusal(node: Node, key: string | undefined, entries: ReadonlyMap<string, MapEntry>): string | undefined {
  if (isAlias(node) || node.anchor !== undefined) return NO_ANCHORS;
  if (node.tag !== undefined) return NO_TAGS;
  if (key === undefined) return "a key must be plain text";
  if (key === "") return "a key has no name";
  if (key === "<<") return "merge keys (<<) are not read here; write the settings out";
  if (key === "__proto__") return 'the name "__proto__" cannot be used';
  return entries.has(key) ? `the key "${key}" is given twice; keep one` : undefined;
}

/** A number that would print otherwise than it was written stays text: a name such as 0123 keeps its zero. */
function scalarValue({ value, source }: Scalar): string | number | boolean | null {
  if (typeof value === "number") return source === undefined || String(value) === source ? value : source;
  return typeof value === "string" || typeof value === "boolean" ? value : null;
}

function keyText({ value, source }: Scalar): string {
  return typeof value === "string" ? value : (source ?? "");
}
