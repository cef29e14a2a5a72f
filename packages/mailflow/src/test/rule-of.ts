// Rules as a test writes them, read through the real settings table: a value is what the configuration would make of it.
/* oxlint-disable unicorn/no-thenable -- "then" is the word of the configuration; it holds a list, and nobody awaits it. */

import type { Setting } from "@postern/contracts";
import { ruleSettings, type RuleSettings } from "../rules/settings.ts";

export interface LooseRule {
  readonly name?: string;
  readonly when?: Readonly<Record<string, unknown>>;
  readonly then: unknown;
}

/** Throws what a setting says is wrong. */
export function ruleOf({ name, when = {}, then }: LooseRule, index: number): RuleSettings {
  return read(ruleSettings.of, { name: name ?? `rule ${index + 1}`, when, then }, "") as RuleSettings;
}

type Raw = Readonly<Record<string, unknown>>;

/** The walk of the config package, in short: no places, the first problem is thrown. */
function read(setting: Setting<unknown>, raw: unknown, path: string): unknown {
  switch (setting.kind) {
    case "scalar": {
      if (raw === undefined && (setting.optional || setting.default !== undefined)) return setting.default;
      const parsed = setting.parse(raw);
      if ("problem" in parsed) throw new Error(`${path} ${parsed.problem}`);
      return parsed.value;
    }
    case "list":
      if (raw === undefined) return setting.default;
      return (Array.isArray(raw) ? raw : [raw]).map((one) => read(setting.of, one, path));
    case "dict":
      return Object.fromEntries(
        Object.entries((raw ?? {}) as Raw).map(([key, one]) => [key, read(setting.of, one, `${path}.${key}`)]),
      );
    case "group": {
      if (raw === undefined && setting.optional) return undefined;
      const whole = setting.short !== undefined && typeof raw !== "object" ? { [setting.short]: raw } : ((raw ?? {}) as Raw);
      const unknown = Object.keys(whole).find((key) => !Object.hasOwn(setting.fields, key));
      if (unknown !== undefined) throw new Error(`${path}.${unknown} is unknown`);
      return Object.fromEntries(
        Object.entries(setting.fields).map(([key, one]) => [key, read(one, whole[key], `${path}.${key}`)]),
      );
    }
    case "tagged":
    default:
      throw new Error(`${path} has no reader here`);
  }
}
