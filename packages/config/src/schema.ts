// The JSON schema (draft 2020-12) of a settings table, for editors. It is laxer than the loader, which has the last word.

import type { Fields, Setting } from "@postern/contracts";

type Group = Extract<Setting<unknown>, { kind: "group" }>;
type Scalar = Extract<Setting<unknown>, { kind: "scalar" }>;
type Schema = Readonly<Record<string, unknown>>;

/** The schema as a plain object, ready for JSON.stringify. */
export function settingsSchema(root: Group): Schema {
  const { description, ...rest } = schemaOf(root);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "postern.yaml",
    description,
    ...rest,
  };
}

function schemaOf(setting: Setting<unknown>): Schema {
  const { doc: description } = setting;
  switch (setting.kind) {
    case "scalar":
      return { ...setting.schema, description, ...defaultOf(setting) };
    case "list": {
      const list = { type: "array", items: schemaOf(setting.of) };
      return { description, ...(setting.single ? { anyOf: [list, schemaOf(setting.of)] } : list) };
    }
    case "dict":
      return { description, type: "object", additionalProperties: schemaOf(setting.of) };
    case "group": {
      const whole = objectOf(setting.fields, {});
      const short = setting.short === undefined ? undefined : setting.fields[setting.short];
      return { description, ...(short === undefined ? whole : { anyOf: [schemaOf(short), whole] }) };
    }
    case "tagged":
    default: {
      const variants = Object.entries(setting.variants).map(([name, { doc, fields }]) => ({
        description: doc,
        ...objectOf(fields, { [setting.tag]: { const: name } }),
      }));
      return { description, oneOf: variants };
    }
  }
}

/** `first` are properties that must be there besides the fields. */
function objectOf(fields: Fields, first: Readonly<Record<string, Schema>>): Schema {
  const properties = Object.entries(fields).map(([name, setting]) => [name, schemaOf(setting)] as const);
  const required = [...Object.keys(first), ...Object.keys(fields).filter((name) => isRequired(fields[name]))];
  return {
    type: "object",
    properties: { ...first, ...Object.fromEntries(properties) },
    additionalProperties: false,
    ...(required.length > 0 && { required }),
  };
}

function isRequired(setting: Setting<unknown> | undefined): boolean {
  if (setting?.kind === "tagged") return true;
  return setting?.kind === "scalar" && setting.default === undefined && !setting.optional;
}

/** A default as it would be written: "30s", not 30000. */
function defaultOf(setting: Scalar): Schema {
  const { default: value, shown } = setting;
  if (typeof value === "boolean") return { default: value };
  if (typeof value === "number") return { default: setting.schema["type"] === "integer" ? value : (shown ?? value) };
  return typeof value === "string" ? { default: value } : {};
}
