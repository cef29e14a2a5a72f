// Rules of mail that comes in: the gateway knows whose mail it takes, and every backend that a mail-flow rule names is there.

import { itemPath, keyPath, sectionPath } from "./place.ts";
import type { Rule, RuleContext } from "./rules.ts";
import { didYouMean } from "./words.ts";

/** The protocol of listeners for mail that comes in, and of the backends' legs for it. */
const INBOUND = "smtp";
const SECTIONS = ["mail", "filters", "rules"];

const speaksInbound = ({ draft }: RuleContext): number =>
  (draft.listeners ?? []).findIndex((listener) => listener?.protocol === INBOUND);

function domainsAreKnown(context: RuleContext): void {
  const mail = context.values["mail"] as { readonly domains: readonly unknown[] } | undefined;
  if (mail === undefined || mail.domains.length > 0 || speaksInbound(context) === -1) return;
  const cure = "name the domains whose mail is taken, as in mail: { domains: [example.com] }";
  context.refuse(
    "mail.domains",
    `a listener speaks ${INBOUND}, and backends that trust the gateway would relay for anybody; ${cure}`,
  );
}

function sectionsAreUsed(context: RuleContext): void {
  const { draft, given, warn } = context;
  if (draft.listeners === undefined || speaksInbound(context) !== -1) return;
  for (const section of SECTIONS) if (given(section)) warn(section, `does nothing: no listener speaks ${INBOUND}`);
}

interface RuleDraft {
  readonly then: readonly ({ readonly redirect: string | undefined } | undefined)[];
}

function backendsExist({ draft, values, refuse, given }: RuleContext): void {
  const { backends } = draft;
  const rules = values["rules"] as readonly (RuleDraft | undefined)[] | undefined;
  if (backends === undefined) return;
  for (const [index, rule] of (rules ?? []).entries()) {
    for (const [step, action] of (rule?.then ?? []).entries()) {
      const name = action?.redirect;
      if (name === undefined) continue;
      const path = sectionPath("rules", `${itemPath("", index)}.${itemPath("then", step)}.redirect`, given);
      if (!Object.hasOwn(backends, name))
        refuse(path, `unknown backend "${name}"; ${didYouMean(name, Object.keys(backends), "use")}`);
      else if (backends[name] !== undefined && backends[name][INBOUND] === undefined)
        refuse(path, `${keyPath("backends", name)} cannot be reached for ${INBOUND}; add ${INBOUND}: URL to it`);
    }
  }
}

export const mailRules: readonly Rule[] = [domainsAreKnown, sectionsAreUsed, backendsExist];
