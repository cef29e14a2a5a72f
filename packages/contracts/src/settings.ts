// Builders for settings. A setting sits beside the code it steers: type, default, unit, range, one sentence. The config
// package walks these tables over the file's syntax tree, so that a mistake is reported with line, column and cure; the
// JSON schema and docs/settings.md are generated from the same tables.

export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** One value. `parse` says in `problem` what is wrong and what would be right: "must be 1s to 1h, not 0s". */
export interface Scalar<T> {
  readonly kind: "scalar";
  /** For docs: "duration", "integer", "text" … */
  readonly type: string;
  readonly doc: string;
  readonly default?: T;
  readonly optional: boolean;
  /** The default as a person would write it ("30s"). */
  readonly shown?: string;
  /** The allowed range, as a person would write it ("1s to 1h"). */
  readonly range?: string;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly parse: (raw: unknown) => Parsed<T>;
}

export interface List<T> {
  readonly kind: "list";
  readonly doc: string;
  readonly of: Setting<T>;
  readonly default: readonly T[];
  /** A single value may be written without the brackets. */
  readonly single: boolean;
}

export interface Dict<T> {
  readonly kind: "dict";
  readonly doc: string;
  /** What the keys are, for docs: "NAME", "user". */
  readonly key: string;
  readonly of: Setting<T>;
}

export type Fields = Readonly<Record<string, Setting<unknown>>>;

export interface Group<F extends Fields = Fields> {
  readonly kind: "group";
  readonly doc: string;
  readonly fields: F;
  /** Not there when the file does not name it; otherwise a missing group has all its defaults. */
  readonly optional: boolean;
  /** The field that a bare text stands for: `mbx1: URL` is `mbx1: { url: URL }`. */
  readonly short?: string;
  /** Keys that only later builds have: refused with words that say so. */
  readonly later?: readonly string[];
}

/** One of several groups, told apart by the value of one field: `source: static`. */
export interface Tagged<V extends Readonly<Record<string, Group>> = Readonly<Record<string, Group>>> {
  readonly kind: "tagged";
  readonly doc: string;
  readonly tag: string;
  readonly variants: V;
}

export type Setting<T> = Scalar<T> | List<unknown> | Dict<unknown> | Group | Tagged;

/** The type of the value that a setting yields. */
export type ValueOf<S> =
  S extends Scalar<infer T>
    ? T
    : S extends { kind: "list"; of: infer O }
      ? readonly ValueOf<O>[]
      : S extends { kind: "dict"; of: infer O }
        ? Readonly<Record<string, ValueOf<O>>>
        : S extends { kind: "group"; fields: infer F }
          ? { readonly [K in keyof F]: ValueOf<F[K]> | (F[K] extends { optional: true } ? undefined : never) }
          : S extends { kind: "tagged"; tag: infer T extends string; variants: infer V }
            ? { [K in keyof V]: ValueOf<V[K]> & { readonly [P in T]: K } }[keyof V]
            : never;

/** A contradiction among valid settings of one table, which the table alone cannot see. */
export interface Contradiction {
  /** The key that is wrong, from the table down: "login.maxUnread". */
  readonly key: string;
  /** What is wrong, and what would be right. */
  readonly problem: string;
}

interface Common<T> {
  readonly default?: T;
  readonly optional?: boolean;
}

interface Range {
  readonly min?: number;
  readonly max?: number;
}

function ranged(value: number, { min = 0, max = Number.MAX_SAFE_INTEGER }: Range, show: (n: number) => string): Parsed<number> {
  if (value >= min && value <= max) return { value };
  const range = max === Number.MAX_SAFE_INTEGER ? `at least ${show(min)}` : `${show(min)} to ${show(max)}`;
  return { problem: `must be ${range}, not ${show(value)}` };
}

const rangeText = ({ min, max }: Range, show: (n: number) => string): { range?: string } =>
  max !== undefined
    ? { range: `${show(min ?? 0)} to ${show(max)}` }
    : min !== undefined
      ? { range: `at least ${show(min)}` }
      : {};

function scalar<T, O extends boolean = false>(
  type: string,
  doc: string,
  common: Common<T> & { optional?: O },
  rest: { schema: Record<string, unknown>; parse: (raw: unknown) => Parsed<T>; show?: (value: T) => string; range?: string },
): Scalar<T> & { readonly optional: NoInfer<O> } {
  const shown =
    common.default === undefined ? {} : { default: common.default, shown: rest.show?.(common.default) ?? String(common.default) };
  const range = rest.range === undefined ? {} : { range: rest.range };
  return {
    kind: "scalar",
    type,
    doc,
    optional: (common.optional ?? false) as NoInfer<O>,
    schema: rest.schema,
    parse: rest.parse,
    ...shown,
    ...range,
  };
}

const UNITS = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds as a person would write them: 1800000 is "30min". */
export function durationText(ms: number): string {
  for (const unit of ["d", "h", "min", "s"] as const) {
    if (ms !== 0 && ms % UNITS[unit] === 0) return `${ms / UNITS[unit]}${unit}`;
  }
  return ms === 0 ? "0s" : `${ms}ms`;
}

const SIZES = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 } as const;

/** Bytes as a person would write them: 65536 is "64kB". */
export function sizeText(bytes: number): string {
  for (const unit of ["GB", "MB", "kB"] as const) {
    if (bytes !== 0 && bytes % SIZES[unit] === 0) return `${bytes / SIZES[unit]}${unit}`;
  }
  return `${bytes}B`;
}

/** A length of time, given as "500ms", "30s", "5min", "2h" or "1d"; yields milliseconds. */
export function duration<O extends boolean = false>(doc: string, options: Common<number> & Range & { optional?: O }) {
  return scalar<number, O>("duration", doc, options, {
    schema: { type: "string", pattern: "^\\d+(ms|s|min|h|d)$" },
    show: durationText,
    ...rangeText(options, durationText),
    parse(raw) {
      const match = /^(\d+)(ms|s|min|h|d)$/.exec(String(raw));
      if (match === null) return { problem: `must be a duration such as 500ms, 30s, 5min, 2h or 1d, not "${String(raw)}"` };
      return ranged(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS], options, durationText);
    },
  });
}

/** A number of bytes, given as "512B", "64kB", "10MB" or a plain number; yields bytes. */
export function size<O extends boolean = false>(doc: string, options: Common<number> & Range & { optional?: O }) {
  return scalar<number, O>("size", doc, options, {
    schema: { type: ["string", "integer"], pattern: "^\\d+(B|kB|MB|GB)?$" },
    show: sizeText,
    ...rangeText(options, sizeText),
    parse(raw) {
      const match = /^(\d+)(B|kB|MB|GB)?$/.exec(String(raw));
      if (match === null) return { problem: `must be a size such as 8192, 64kB or 10MB, not "${String(raw)}"` };
      return ranged(Number(match[1]) * SIZES[(match[2] ?? "B") as keyof typeof SIZES], options, sizeText);
    },
  });
}

export function integer<O extends boolean = false>(doc: string, options: Common<number> & Range & { optional?: O }) {
  return scalar<number, O>("integer", doc, options, {
    schema: {
      type: "integer",
      ...(options.min !== undefined && { minimum: options.min }),
      ...(options.max !== undefined && { maximum: options.max }),
    },
    ...rangeText(options, String),
    parse(raw) {
      const value = typeof raw === "string" && /^\d+$/.test(raw) ? Number(raw) : raw;
      if (typeof value !== "number" || !Number.isInteger(value))
        return { problem: `must be a whole number, not "${String(raw)}"` };
      return ranged(value, options, String);
    },
  });
}

export function boolean(doc: string, options: Common<boolean>) {
  return scalar<boolean>("true or false", doc, options as Common<boolean> & { optional?: false }, {
    schema: { type: "boolean" },
    parse: (raw) => (typeof raw === "boolean" ? { value: raw } : { problem: `must be true or false, not "${String(raw)}"` }),
  });
}

/** Free text on one line; `like` names what is wanted and `pattern` checks it. */
export function text<O extends boolean = false>(
  doc: string,
  options: Common<string> & { pattern?: RegExp; like?: string; optional?: O } = {},
) {
  return scalar<string, O>(options.like ?? "text", doc, options, {
    schema: { type: "string", ...(options.pattern && { pattern: options.pattern.source }) },
    parse(raw) {
      if (typeof raw !== "string" && typeof raw !== "number") return { problem: `must be text, not "${String(raw)}"` };
      const value = String(raw);
      if (/[\r\n\0]/.test(value)) return { problem: "must be one line" };
      if (options.pattern && !options.pattern.test(value))
        return { problem: `must be ${options.like ?? `like ${options.pattern.source}`}, not "${value}"` };
      return { value };
    },
  });
}

/** The path of a file or folder; relative ones are resolved against the folder of the configuration file. */
export function path<O extends boolean = false>(doc: string, options: Common<string> & { optional?: O } = {}) {
  return { ...text(doc, { ...options, like: "path" }), type: "path" } as Scalar<string> & { readonly optional: NoInfer<O> };
}

export function choice<const V extends string, O extends boolean = false>(
  doc: string,
  values: readonly V[],
  options: Common<V> & { optional?: O } = {},
) {
  return scalar<V, O>(values.join(" | "), doc, options, {
    schema: { enum: values },
    parse(raw) {
      const value = values.find((v) => v === raw);
      return value === undefined ? { problem: `must be ${orList(values)}, not "${String(raw)}"` } : { value };
    },
  });
}

/** A value with a parser of its own: URLs, networks, addresses. */
export function custom<T, O extends boolean = false>(
  type: string,
  doc: string,
  parse: (raw: unknown) => Parsed<T>,
  options: Common<T> & { optional?: O; schema?: Record<string, unknown> } = {},
) {
  return scalar<T, O>(type, doc, options, { schema: options.schema ?? { type: "string" }, parse });
}

export function list<S extends Setting<unknown>>(
  doc: string,
  of: S,
  options: { single?: boolean; default?: S extends Scalar<infer T> ? readonly T[] : never } = {},
) {
  return { kind: "list" as const, doc, of, default: options.default ?? [], single: options.single ?? false };
}

export function dict<S extends Setting<unknown>>(doc: string, key: string, of: S) {
  return { kind: "dict" as const, doc, key, of };
}

export function group<F extends Fields, O extends boolean = false>(
  doc: string,
  fields: F,
  { optional, ...rest }: { optional?: O; short?: keyof F & string; later?: readonly string[] } = {},
) {
  return { kind: "group" as const, doc, fields, optional: (optional ?? false) as NoInfer<O>, ...rest };
}

export function tagged<T extends string, V extends Readonly<Record<string, Group>>>(doc: string, tag: T, variants: V) {
  return { kind: "tagged" as const, doc, tag, variants };
}

const listed = (words: readonly string[], last: "or" | "and"): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words[words.length - 1]}`;

/** "a, b or c". */
export const orList = (words: readonly string[]): string => listed(words, "or");

/** "a, b and c". */
export const andList = (words: readonly string[]): string => listed(words, "and");
