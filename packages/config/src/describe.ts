// docs/settings.md out of a settings table: one section a group, one row a setting. Pure text; it reads no file.

import type { Fields, Setting } from "@postern/contracts";

type Group = Extract<Setting<unknown>, { kind: "group" }>;

interface Row {
  readonly name: string;
  readonly type: string;
  readonly value: string;
  readonly doc: string;
}

interface Section {
  readonly path: string;
  readonly doc: string;
  readonly fields: Fields;
  /** The line that says how the section is told apart or shortened. */
  readonly note: string | undefined;
}

/** The page of all settings, in Markdown. `intro` stands under the title. */
export function settingsPage(root: Group, intro: string): string {
  const sections = collect({ path: "", doc: root.doc, fields: root.fields, note: undefined });
  return `# Settings\n\n${intro.trim()}\n\n${sections.map(sectionText).join("\n")}`;
}

function collect(section: Section): Section[] {
  const inner = Object.entries(section.fields).flatMap(([name, setting]) =>
    sectionsOf(setting, section.path === "" ? name : `${section.path}.${name}`),
  );
  return [section, ...inner];
}

/** The groups within a setting, as sections of their own. */
function sectionsOf(setting: Setting<unknown>, path: string): Section[] {
  switch (setting.kind) {
    case "scalar":
      return [];
    case "list":
      return sectionsOf(setting.of, `${path}[]`);
    case "dict":
      return sectionsOf(setting.of, `${path}.${setting.key}`);
    case "group": {
      const note = setting.short === undefined ? undefined : `A bare value stands for \`{ ${setting.short}: value }\`.`;
      return collect({ path, doc: setting.doc, fields: setting.fields, note });
    }
    case "tagged":
    default:
      return Object.entries(setting.variants).flatMap(([name, variant]) =>
        collect({ path: `${path} (${setting.tag}: ${name})`, doc: variant.doc, fields: variant.fields, note: undefined }),
      );
  }
}

function sectionText({ path, doc, fields, note }: Section): string {
  const rows = Object.entries(fields).map(([name, setting]) => rowOf(name, setting));
  const table = rows.map(({ name, type, value, doc }) => `| \`${name}\` | ${cell(type)} | ${cell(value)} | ${cell(doc)} |`);
  const head = ["| Setting | Type | Default | Meaning |", "| --- | --- | --- | --- |"];
  const lines = [`## ${path === "" ? "The file" : `\`${path}\``}`, "", doc, ...(note === undefined ? [] : ["", note])];
  const body = rows.length === 0 ? ["", "It has no settings of its own."] : ["", ...head, ...table];
  return [...lines, ...body, ""].join("\n");
}

function rowOf(name: string, setting: Setting<unknown>): Row {
  return { name, type: typeText(setting), value: defaultText(setting), doc: setting.doc };
}

function typeText(setting: Setting<unknown>): string {
  switch (setting.kind) {
    case "scalar":
      return setting.range === undefined ? setting.type : `${setting.type}, ${setting.range}`;
    case "list":
      return setting.single ? `${typeText(setting.of)}, or a list` : `list of ${typeText(setting.of)}`;
    case "dict":
      return `${setting.key}: ${typeText(setting.of)}`;
    case "group":
      return "group";
    case "tagged":
    default:
      return `group with \`${setting.tag}\``;
  }
}

function defaultText(setting: Setting<unknown>): string {
  if (setting.kind === "list") return setting.default.length === 0 ? "empty" : setting.default.map(String).join(", ");
  if (setting.kind === "dict") return "empty";
  if (setting.kind === "tagged") return "required";
  if (setting.kind === "group") return setting.optional ? "not set" : "see below";
  if (setting.default !== undefined) return `\`${setting.shown ?? ""}\``;
  return setting.optional ? "not set" : "required";
}

/** A bar would end the cell. */
const cell = (text: string): string => text.replaceAll("|", "\\|");
